"""The page on which a browser plays a stream through an edge, and the server that gives it out."""
