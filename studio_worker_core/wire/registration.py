"""Registration: asking a studio to take this worker (protocol §2)."""

from __future__ import annotations

from msgspec import Struct

from studio_worker_core.wire.bounds import Identifier, Line, Name, Sha256
from studio_worker_core.wire.capabilities import Capabilities


class RegisterRequest(Struct, frozen=True, rename="camel", omit_defaults=True):
    """Body of ``POST /workers/register-request``."""

    install_id: Identifier
    registration_secret_hash: Sha256
    capabilities: Capabilities
    user_agent: Name
    replaces: Identifier | None = None
    """Ours, optional: the install id this machine had before a reset. A request of it that still
    waits is dropped when it came from the same address."""


class RegisterResponse(Struct, frozen=True, rename="camel"):
    """Its answer. The same install asking again gets the same ``request_id``."""

    request_id: Identifier
    status: Name = "pending"


class PendingDecision(
    Struct, frozen=True, rename="camel", omit_defaults=True, tag_field="status", tag="pending"
):
    """The operator has not decided yet."""


class ApprovedDecision(
    Struct, frozen=True, rename="camel", omit_defaults=True, tag_field="status", tag="approved"
):
    """The credentials of a worker that was let in. ``auth_token`` is a secret."""

    worker_id: Identifier
    auth_token: Line

    def __repr__(self) -> str:
        return f"ApprovedDecision(worker_id={self.worker_id!r}, auth_token=***)"


class RejectedDecision(
    Struct, frozen=True, rename="camel", omit_defaults=True, tag_field="status", tag="rejected"
):
    """The operator said no."""

    reason: Line | None = None


RegistrationDecision = PendingDecision | ApprovedDecision | RejectedDecision
