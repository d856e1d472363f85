"""``studio-worker demo``: a studio and a worker on this machine, and every engine at work."""
