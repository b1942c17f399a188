"""Tests of HTTP over a stream."""
