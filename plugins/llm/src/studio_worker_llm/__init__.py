"""Chats with GGUF models: the engine ``llama-cpp``."""

__all__ = ["__version__"]

__version__ = "0.1.0"
