"""Clips from a picture or a prompt: the engine ``motion`` for studio-worker."""

__version__ = "0.1.0"
