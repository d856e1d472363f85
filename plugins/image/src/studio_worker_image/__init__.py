"""Pictures from a prompt and a seed, without a model: the engine ``procedural``."""

__all__ = ["__version__"]

__version__ = "0.1.0"
