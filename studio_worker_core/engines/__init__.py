"""Engines: finding them, offering them, and running them in processes of their own.

``discovery`` loads the installed plugins one by one and ``roster`` holds what was found,
good and broken; ``lanes`` runs a job on an engine in a child process.
"""
