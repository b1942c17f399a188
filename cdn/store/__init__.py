"""Stored responses on disk: what an edge keeps beyond its own life."""
