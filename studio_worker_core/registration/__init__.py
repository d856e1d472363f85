"""Being let in by a studio's operator, once (protocol §2).

:mod:`.registrar`, which asks, stands by itself: it loads an HTTP client, and what this install
is to a studio can be known without one.
"""

from studio_worker_core.registration.edits import change_settings, forget_rejection, settle
from studio_worker_core.registration.issuers import (
    identities,
    identity_at,
    issuer_of,
    same_studio,
)
from studio_worker_core.registration.machine import (
    Approved,
    Identity,
    Pending,
    Pristine,
    Rejected,
    Standing,
    standing_of,
)

__all__ = [
    "Approved",
    "Identity",
    "Pending",
    "Pristine",
    "Rejected",
    "Standing",
    "change_settings",
    "forget_rejection",
    "identities",
    "identity_at",
    "issuer_of",
    "same_studio",
    "settle",
    "standing_of",
]
