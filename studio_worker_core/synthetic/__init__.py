"""The built-in engine: real files of every kind without any model, for trying things out."""
