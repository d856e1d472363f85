"""The ``studio-worker`` command: one file per noun, imported only when it is called."""
