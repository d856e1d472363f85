"""The endurance test: random jobs and random faults, and books that must balance after it.

``python -m tests.soak`` runs it; ``SOAK_SECONDS`` (default 600) and
``SOAK_SEED`` (default: a fresh one, printed) say how long and which.
"""
