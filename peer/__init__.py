"""The swarm: peers that swap verified chunks of one file."""
