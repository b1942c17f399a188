"""How bytes travel: the `Network` seam, the virtual internet and shaped real sockets."""
