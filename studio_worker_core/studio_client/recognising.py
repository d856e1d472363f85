"""Whether a studio answers at an address, asked before anything is set or sent there."""

from __future__ import annotations

import uuid
from contextlib import closing

from studio_worker_core.retrying import Asking
from studio_worker_core.studio_client.http import NotKnown, StudioClient
from studio_worker_core.studio_client.strangers import decoded, refuse_stranger
from studio_worker_core.studio_client.urls import path_of
from studio_worker_core.wire.registration import RegistrationDecision

_SECONDS = 15.0


def recognise(base_url: str) -> None:
    """Return when a studio answers at ``base_url``; it is told nothing about this machine.

    Raises:
        ConfigError: ``base_url`` is no address.
        StudioError: nobody answers there, or somebody who is no studio; the message says which.
        WireError: the answer is none of a studio.
    """
    with closing(_Stranger(base_url, timeout=_SECONDS)) as client:
        client.ask()


class _Stranger(StudioClient):
    def ask(self) -> None:
        """Ask for a request that nobody made, without a secret: every studio of whatever age
        answers that it does not know it (protocol §2)."""
        path = path_of("workers", "register-requests", f"rr-{uuid.uuid4()}")
        with self._call("address check", path) as call:
            try:
                body = self._send(call, "GET", asking=Asking.DECISION)
            except NotKnown as answer:
                refuse_stranger(call.op, *answer.args)
            else:
                what = "the answer to the address check"
                decoded(RegistrationDecision, body, what=what)  # type: ignore[arg-type]
