"""What holds for every test: property tests have no time limit of their own.

A busy machine is no bug; a test that hangs is ended by pytest's time-out.
"""

from __future__ import annotations

from hypothesis import HealthCheck, settings

settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")
