"""The worker: puts the rooms together, owns the threads and the shutdown."""
