"""Tests of origin, edges, push and download."""
