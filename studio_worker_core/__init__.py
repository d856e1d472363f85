"""studio-worker: a plugin host that runs media generation jobs for a studio."""

__all__ = ["__version__"]

__version__ = "0.1.0"
