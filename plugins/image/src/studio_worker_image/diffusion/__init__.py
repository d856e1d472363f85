"""The engine ``diffusers``: pipelines of the library of that name, on PyTorch."""
