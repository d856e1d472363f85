"""Newer versions of studio-worker: which there are, and how this installation gets them."""
