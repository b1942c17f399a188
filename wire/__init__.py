"""What is said: message types and codecs, HTTP/1.1 over any stream. Knows no network."""
