"""The tracker: tells the peers of a swarm about each other."""
