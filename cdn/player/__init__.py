"""An adaptive player of chunked video: it reads playlists, chooses rates and keeps a buffer.

It refuses to know who watches, where the bytes of a segment come from and what a session is worth.
"""
