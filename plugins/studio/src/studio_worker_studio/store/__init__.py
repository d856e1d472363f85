"""What the studio remembers: jobs, workers, registrations, models and logs, in SQLite.

The queue is reached through :class:`.interface.JobStore`, so that another database can
take its place when one machine is not enough.
"""
