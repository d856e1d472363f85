"""Doing jobs, whoever asked for them: leases, slots, the stages, and who hears of it."""
