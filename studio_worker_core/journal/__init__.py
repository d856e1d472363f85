"""The job journal: what became of every job, on disk, bounded, and never in a job's way.

:mod:`.journal` hears of jobs, :mod:`.writer` has the one thread that writes, :mod:`.reader` reads
from any process, with or without a running worker.
"""
