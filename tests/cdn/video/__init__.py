"""Tests of `cdn.video`."""
