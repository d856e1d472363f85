"""studio-worker-studio: a studio of your own for studio-worker."""

__all__ = ["__version__"]

__version__ = "0.1.0"
