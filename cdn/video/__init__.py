"""Chunked video: playlists, packaging, ladders made up for virtual runs, live windows."""
