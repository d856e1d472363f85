"""The state machine of protocol §2 as data: no clock, no disk, no network.

What is on disk decides what a tick does (:func:`plan`); what came of it decides what is to
be on disk next and what state that is (:func:`learn`)::

    on disk                  plan     answer                 next
    worker id and token      Nothing                         Approved
    no request id            Mint     (then Ask)
                             Ask      Requested              Pending
                                      Failed                 Pristine
    request id and secret    Poll     PendingDecision        Pending
                                      ApprovedDecision       Approved
                                      RejectedDecision       Rejected
                                      Unknown (404, 401)     Pristine
                                      Failed                 Pending
"""

from __future__ import annotations

import hashlib
from datetime import datetime

from msgspec import Struct
from msgspec.structs import replace

from studio_worker_core.secrets import Secret
from studio_worker_core.wire.registration import (
    ApprovedDecision,
    PendingDecision,
    RejectedDecision,
)

__all__ = [
    "Answer",
    "Approved",
    "Ask",
    "Failed",
    "Identity",
    "Mint",
    "Nothing",
    "Pending",
    "Plan",
    "Poll",
    "Pristine",
    "Rejected",
    "Requested",
    "State",
    "Unknown",
    "learn",
    "minted",
    "plan",
    "secret_hash",
    "state_of",
]


class Identity(Struct, frozen=True, kw_only=True):
    """The part of the config that registration owns."""

    install_id: str | None = None
    request_id: str | None = None
    secret: Secret | None = None
    worker_id: str | None = None
    auth_token: Secret | None = None


# what a worker is to the studio


class Pristine(Struct, frozen=True):
    """Nobody knows this worker yet."""


class Pending(Struct, frozen=True):
    """The operator has not decided; ``since`` is when this was first seen (UTC)."""

    request_id: str
    since: datetime


class Approved(Struct, frozen=True):
    """The worker has credentials."""

    worker_id: str


class Rejected(Struct, frozen=True):
    """The operator said no; nothing is asked again before a reset or a new start."""

    reason: str | None = None


State = Pristine | Pending | Approved | Rejected


# what a tick does


class Nothing(Struct, frozen=True):
    """There is nothing left to ask."""


class Mint(Struct, frozen=True):
    """Make install id or secret and store them, before anything leaves the machine."""


class Ask(Struct, frozen=True):
    """POST the register request, with nothing but the hash of the secret."""

    install_id: str
    secret_hash: str


class Poll(Struct, frozen=True):
    """GET the decision, with the secret itself as bearer."""

    request_id: str
    secret: Secret


Plan = Nothing | Mint | Ask | Poll


# what came of it


class Requested(Struct, frozen=True):
    """The studio took the request."""

    request_id: str


class Unknown(Struct, frozen=True):
    """The studio does not know the request (404), or not with this secret (401)."""


class Failed(Struct, frozen=True):
    """No answer, or one that decides nothing."""


Answer = Requested | PendingDecision | ApprovedDecision | RejectedDecision | Unknown | Failed


def secret_hash(secret: Secret) -> str:
    """The SHA-256 of the secret's text in hex: all the studio gets before the poll."""
    return hashlib.sha256(secret.reveal().encode("utf-8")).hexdigest()


def plan(identity: Identity) -> Plan:
    """What the next tick does."""
    if identity.worker_id and identity.auth_token:
        return Nothing()
    if not identity.install_id or not identity.secret:
        return Mint()
    if identity.request_id:
        return Poll(identity.request_id, identity.secret)
    return Ask(identity.install_id, secret_hash(identity.secret))


def minted(identity: Identity, new_install_id: str, new_secret: Secret) -> Identity:
    """``identity`` with what was missing. A request made with a lost secret is given up."""
    return replace(
        identity,
        install_id=identity.install_id or new_install_id,
        secret=identity.secret or new_secret,
        request_id=identity.request_id if identity.secret else None,
    )


def state_of(identity: Identity, now: datetime) -> State:
    """What an identity says about itself, before any tick."""
    if identity.worker_id and identity.auth_token:
        return Approved(identity.worker_id)
    if identity.request_id and identity.secret:
        return Pending(identity.request_id, now)
    return Pristine()


def learn(
    identity: Identity, before: State, answer: Answer, now: datetime
) -> tuple[Identity, State]:
    """What is to be on disk after ``answer``, and the state that is."""
    match answer:
        case Requested():
            after = replace(identity, request_id=answer.request_id)
        case ApprovedDecision():
            after = replace(
                identity,
                worker_id=answer.worker_id,
                auth_token=Secret(answer.auth_token),
                request_id=None,
                secret=None,
            )
        case RejectedDecision():
            return replace(identity, request_id=None, secret=None), Rejected(answer.reason)
        case Unknown():
            after = replace(identity, request_id=None, secret=None)
        case PendingDecision() | Failed():
            after = identity
    state = state_of(after, now)
    match before, state:
        case Pending(request_id=known), Pending(request_id=current) if known == current:
            return after, before  # ``since`` does not move
    return after, state
