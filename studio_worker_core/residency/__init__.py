"""Models kept loaded: the wish, and how it comes about beside the jobs."""
