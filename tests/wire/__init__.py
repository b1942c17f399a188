"""Tests of what is said: messages, frames, manifests, HTTP."""
