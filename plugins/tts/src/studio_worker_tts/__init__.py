"""Speech engines for studio-worker: espeak-ng and a formant synthesiser."""

__all__ = ["__version__"]

__version__ = "0.1.0"
