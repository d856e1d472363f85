"""Being let in by a studio's operator, once (protocol §2)."""

from studio_worker_core.registration.machine import (
    Approved,
    Ask,
    Identity,
    Mint,
    Nothing,
    Pending,
    Poll,
    Pristine,
    Rejected,
    State,
    learn,
    minted,
    plan,
    state_of,
)
from studio_worker_core.registration.registrar import Registrar

__all__ = [
    "Approved",
    "Ask",
    "Identity",
    "Mint",
    "Nothing",
    "Pending",
    "Poll",
    "Pristine",
    "Registrar",
    "Rejected",
    "State",
    "learn",
    "minted",
    "plan",
    "state_of",
]
