"""The state machine of protocol §2 as data: no clock, no disk, no network.

What is on disk decides what a turn does; what came of it decides what is to be on disk next
and what this worker is then (:func:`step`)::

    on disk                  effect   answer                 next
    worker id and token      none                            Approved
    no request id            Mint     (then Ask)
                             Ask      Requested              Pending
                                      NoDecision             Pristine
    request id and secret    Poll     PendingDecision        Pending
                                      ApprovedDecision       Approved
                                      RejectedDecision       Rejected
                                      Unknown (404, 401)     Pristine
                                      NoDecision             Pending
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


class Identity(Struct, frozen=True, kw_only=True):
    """The part of the config that registration owns."""

    install_id: str | None = None
    request_id: str | None = None
    secret: Secret | None = None
    requested_at: str | None = None
    """When the studio took the request: ISO 8601, UTC."""
    worker_id: str | None = None
    auth_token: Secret | None = None
    rejected: str | None = None
    """The reason for which the operator said no; empty when none was given."""
    replaces: str | None = None
    """The install that a reset gave up while its request waited: the studio may drop that."""


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
    """The operator said no; nothing is asked again before a reset."""

    reason: str | None = None


Standing = Pristine | Pending | Approved | Rejected


class State(Struct, frozen=True):
    """What is on disk about one studio, and what this worker is there."""

    identity: Identity
    standing: Standing


# effects


class Keep(Struct, frozen=True):
    """Put this on disk, before anything else; where that fails the step has not happened."""

    identity: Identity


class Mint(Struct, frozen=True):
    """Make an install id and a secret, one of which is missing."""


class Ask(Struct, frozen=True):
    """POST the register request, with nothing but the hash of the secret."""

    install_id: str
    secret_hash: str
    replaces: str | None = None


class Poll(Struct, frozen=True):
    """GET the decision, with the secret itself as bearer."""

    request_id: str
    secret: Secret


Effect = Keep | Mint | Ask | Poll


# events


class Requested(Struct, frozen=True):
    """The studio took the request."""

    request_id: str


class Unknown(Struct, frozen=True):
    """The studio does not know the request (404), or not with this secret (401)."""


class NoDecision(Struct, frozen=True):
    """No answer, or one that decides nothing."""


Answer = Requested | PendingDecision | ApprovedDecision | RejectedDecision | Unknown | NoDecision


class Turn(Struct, frozen=True):
    """It is time for the next thing."""


class Minted(Struct, frozen=True):
    """A new install id and secret, of which only what is missing is used."""

    install_id: str
    secret: Secret
    at: datetime


class StudioAnswered(Struct, frozen=True):
    """What came of :class:`Ask` or :class:`Poll`."""

    answer: Answer
    at: datetime


Event = Turn | Minted | StudioAnswered


def begin(identity: Identity, now: datetime) -> State:
    """The state of an install as it stands on disk."""
    return State(identity, standing_of(identity, now))


def step(state: State, event: Event) -> tuple[State, tuple[Effect, ...]]:
    """One transition: at most one :class:`Keep`, and after it at most one thing to do."""
    match event:
        case Turn():
            return state, _next(state.identity)
        case Minted(install_id, secret, at):
            after = _become(state, _minted(state.identity, install_id, secret), at)
            return after, (Keep(after.identity), *_next(after.identity))
        case StudioAnswered(answer, at):
            after = _become(state, _learnt(state.identity, answer, at), at)
            return after, (Keep(after.identity),) if after.identity != state.identity else ()


def secret_hash(secret: Secret) -> str:
    """The SHA-256 of the secret's text in hex: all the studio gets before the poll."""
    return hashlib.sha256(secret.reveal().encode("utf-8")).hexdigest()


def standing_of(identity: Identity, now: datetime) -> Standing:
    """What an identity says about itself."""
    if identity.worker_id and identity.auth_token:
        return Approved(identity.worker_id)
    if identity.rejected is not None:
        return Rejected(identity.rejected or None)
    if identity.request_id and identity.secret:
        return Pending(identity.request_id, _read(identity.requested_at) or now)
    return Pristine()


def _read(stamp: str | None) -> datetime | None:
    try:
        read = datetime.fromisoformat(stamp) if stamp else None
    except ValueError:
        return None  # damaged by hand
    return read if read is not None and read.tzinfo is not None else None


_NO_REQUEST = {"request_id": None, "secret": None, "requested_at": None}


def _next(identity: Identity) -> tuple[Mint | Ask | Poll, ...]:
    if identity.worker_id and identity.auth_token:
        return ()
    if identity.rejected is not None:
        return ()
    if not identity.install_id or not identity.secret:
        return (Mint(),)
    if identity.request_id:
        return (Poll(identity.request_id, identity.secret),)
    return (Ask(identity.install_id, secret_hash(identity.secret), identity.replaces),)


def _minted(identity: Identity, install_id: str, secret: Secret) -> Identity:
    """With what was missing. A request made with a lost secret is given up."""
    return replace(
        identity,
        install_id=identity.install_id or install_id,
        secret=identity.secret or secret,
        request_id=identity.request_id if identity.secret else None,
    )


def _learnt(identity: Identity, answer: Answer, now: datetime) -> Identity:
    match answer:
        case Requested():
            return replace(
                identity,
                request_id=answer.request_id,
                requested_at=now.isoformat(timespec="seconds"),
                replaces=None,  # the studio has been told
            )
        case ApprovedDecision():
            return replace(
                identity,
                worker_id=answer.worker_id,
                auth_token=Secret(answer.auth_token),
                **_NO_REQUEST,
            )
        case RejectedDecision():
            return replace(identity, **_NO_REQUEST, rejected=answer.reason or "")
        case Unknown():
            return replace(identity, **_NO_REQUEST)
        case PendingDecision() | NoDecision():
            return identity


def _become(state: State, identity: Identity, now: datetime) -> State:
    standing = standing_of(identity, now)
    match state.standing, standing:
        case Pending(request_id=known), Pending(request_id=current) if known == current:
            standing = state.standing  # ``since`` does not move
    return State(identity, standing)
