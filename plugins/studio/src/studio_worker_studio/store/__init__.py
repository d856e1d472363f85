"""What the studio remembers: jobs, workers, registrations, models and logs.

Everything else reaches it through :mod:`.interface` and opens it with :mod:`.opening`, so that
another database can take its place when one machine is not enough.
"""
