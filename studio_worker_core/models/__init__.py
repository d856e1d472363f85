"""Model files and task inputs: fetched by the core, handed to engines as local paths."""
