"""A studio's registration desk as protocol §2 and §5 describe it, without a network."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from itertools import count

from studio_worker_core.secrets import Secret
from studio_worker_core.wire.registration import (
    ApprovedDecision,
    PendingDecision,
    RegisterRequest,
    RegisterResponse,
    RegistrationDecision,
    RejectedDecision,
)


@dataclass
class DeskRequest:
    """One row of the operator's list."""

    request_id: str
    install_id: str
    secret_hash: str
    status: str = "pending"
    worker_id: str | None = None


@dataclass
class ModelStudio:
    """Same install, still pending: same request. A poll after approval rotates the token."""

    requests: dict[str, DeskRequest] = field(default_factory=dict)
    tokens: dict[str, str] = field(default_factory=dict)
    calls: int = 0
    replaced: list[str | None] = field(default_factory=list)
    """What each request said it replaces."""
    base_url: str = "http://model"
    _numbers: count[int] = field(default_factory=count)

    def open_requests(self) -> list[DeskRequest]:
        return [request for request in self.requests.values() if request.status == "pending"]

    def register_request(self, request: RegisterRequest) -> RegisterResponse:
        self.calls += 1
        self.replaced.append(request.replaces)
        for known in self.requests.values():
            same = known.secret_hash == request.registration_secret_hash
            if same and known.install_id == request.install_id and known.worker_id is not None:
                return RegisterResponse(request_id=known.request_id)
        for known in self.open_requests():
            if known.install_id == request.install_id:
                known.secret_hash = request.registration_secret_hash
                return RegisterResponse(request_id=known.request_id)
        request_id = f"rr-{next(self._numbers)}"
        self.requests[request_id] = DeskRequest(
            request_id, request.install_id, request.registration_secret_hash
        )
        return RegisterResponse(request_id=request_id)

    def poll_registration(self, request_id: str, secret: Secret) -> RegistrationDecision | None:
        self.calls += 1
        known = self.requests.get(request_id)
        presented = hashlib.sha256(secret.reveal().encode()).hexdigest()
        if known is None or known.secret_hash != presented:
            return None
        if known.status == "rejected":
            return RejectedDecision("not today")
        if known.worker_id is None:
            return PendingDecision()
        self.tokens[known.worker_id] = f"token-{next(self._numbers)}"
        return ApprovedDecision(known.worker_id, self.tokens[known.worker_id])

    def approve(self, request: DeskRequest) -> None:
        request.status = "approved"
        request.worker_id = f"w-{next(self._numbers)}"

    def reject(self, request: DeskRequest) -> None:
        request.status = "rejected"

    def forget(self, request: DeskRequest) -> None:
        del self.requests[request.request_id]
