"""HTTP/1.1 over any trio stream: values, a client connection, and a server loop.

Framing is h11's (RFC 9112); nothing here dials, listens or knows what is served.
"""
