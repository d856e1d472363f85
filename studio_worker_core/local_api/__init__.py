"""The local API: HTTP on loopback for programs of this machine, one source of jobs.

:mod:`.listening` holds the port from the start, :mod:`.serving` loads the server at the first
connection, :mod:`.access` judges every request before anything else sees it.
"""
