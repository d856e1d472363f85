"""The link thread: register if needed, then hold sessions with the studio."""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Callable

from studio_worker_core.config import ConfigStore
from studio_worker_core.errors import RegistrationRejected
from studio_worker_core.log_shipping import LogShipper
from studio_worker_core.reconnecting import Connected, Connecting, LinkState, Reconnecting, Waiting
from studio_worker_core.registration import (
    Approved,
    Pending,
    Pristine,
    Registrar,
    Rejected,
    State,
)
from studio_worker_core.secrets import Secret
from studio_worker_core.session import SessionHandler
from studio_worker_core.studio_client.http import StudioClient
from studio_worker_core.studio_client.socket import open_socket
from studio_worker_core.wire.capabilities import Capabilities
from studio_worker_core.worker.status import StatusBoard

__all__ = ["Link"]

log = logging.getLogger("studio_worker.worker")


class Link:
    """From no credentials to a standing session; :meth:`run` is the link thread's body.

    Registration ends with ``stopping`` at once; sessions last until ``closing``, so that the
    running job can still be handed back and the last log lines shipped.
    """

    def __init__(
        self,
        store: ConfigStore,
        handler: SessionHandler,
        capabilities: Callable[[], Capabilities],
        logs: LogShipper,
        board: StatusBoard,
        *,
        stopping: threading.Event,
        closing: threading.Event,
    ) -> None:
        self._store = store
        self._handler = handler
        self._capabilities = capabilities
        self._logs = logs
        self._board = board
        self._stopping = stopping
        self._closing = closing
        self._client = StudioClient(store.config.api_base_url)

    def run(self) -> None:
        """Until stopped.

        Raises:
            RegistrationRejected: the operator said no.
            SessionRefused: the studio ended the session for good.
            TransportError: ``ws_reconnect_attempts`` attempts in a row failed.
        """
        with contextlib.closing(self._client):
            credentials = self._credentials() or self._register()
        if credentials is None:
            return
        worker_id, token = credentials
        self._logs.redact(token)
        self._board.post(worker_id=worker_id)
        base_url = self._client.base_url
        Reconnecting(
            lambda: open_socket(base_url, worker_id, token),
            self._handler,
            token,
            attempts_limit=self._store.config.ws_reconnect_attempts,
            on_state=self._show_link,
        ).run(self._closing)

    def abandon_registration(self) -> None:
        """End a registration call in flight, from any thread."""
        self._client.close()

    def _credentials(self) -> tuple[str, Secret] | None:
        config = self._store.config
        if config.worker_id and config.auth_token is not None:
            return config.worker_id, config.auth_token
        return None

    def _register(self) -> tuple[str, Secret] | None:
        registrar = Registrar(self._store, self._client, self._capabilities)
        outcome = registrar.run(self._stopping, self._show_registration)
        if isinstance(outcome, Rejected):
            raise RegistrationRejected(outcome.reason)
        return self._credentials() if isinstance(outcome, Approved) else None

    def _show_registration(self, state: State) -> None:
        match state:
            case Pristine():
                self._board.post(state="registering", detail="asking the studio")
            case Pending(request_id):
                self._logs.redact(self._store.config.registration_secret)
                self._board.post(state="pending", detail=f"approval of {request_id}")
                log.info("waiting for the studio's operator to approve request %s", request_id)
            case Approved(worker_id):
                log.info("approved as worker %s", worker_id)
            case Rejected():
                self._board.post(state="stopping", detail="rejected")

    def _show_link(self, state: LinkState) -> None:
        match state:
            case Connecting(attempt):
                detail = f"attempt {attempt}" if attempt > 1 else ""
                self._board.post(state="connecting", detail=detail)
            case Connected():
                self._board.post(state="connected", detail="")
            case Waiting(seconds, reason):
                self._board.post(state="waiting", detail=f"{seconds:.0f} s: {reason}")
