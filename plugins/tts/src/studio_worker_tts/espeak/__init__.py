"""The engine ``espeak``: espeak-ng through ctypes."""
