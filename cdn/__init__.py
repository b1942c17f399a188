"""Content delivery over HTTP: the origin, its edge caches, and the clients."""
