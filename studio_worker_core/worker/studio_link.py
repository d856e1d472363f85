"""The link thread: register if needed, then hold sessions with the studio."""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Callable
from typing import Any

from studio_worker_core.config import Config, ConfigStore
from studio_worker_core.errors import ConfigError, RegistrationRejected, SessionRefused
from studio_worker_core.registration import (
    Approved,
    Pending,
    Pristine,
    Rejected,
    Standing,
    identity_at,
)
from studio_worker_core.registration.registrar import Registrar
from studio_worker_core.secrets import Secret
from studio_worker_core.session import SessionHandler
from studio_worker_core.session.reconnecting import (
    Connected,
    Connecting,
    LinkState,
    Reconnecting,
    Waiting,
)
from studio_worker_core.studio_client.http import StudioClient
from studio_worker_core.studio_client.socket import open_socket
from studio_worker_core.studio_client.urls import normalise_base_url
from studio_worker_core.wire.capabilities import Capabilities
from studio_worker_core.worker.status import StatusBoard, WorkerState
from studio_worker_core.worker.until import Until

log = logging.getLogger("studio_worker.worker")


class StudioLink:
    """From no credentials to a standing session; :meth:`run` is the link thread's body.

    It follows the config: after a reset, or with another ``api_base_url``, it begins afresh.

    Registration ends with ``stopping`` at once; sessions last until ``closing``, so that the
    running job can still be handed back and the last log lines shipped.
    """

    def __init__(
        self,
        store: ConfigStore,
        handler: SessionHandler,
        capabilities: Callable[[], Capabilities],
        board: StatusBoard,
        *,
        stopping: threading.Event,
        closing: threading.Event,
    ) -> None:
        self._store = store
        self._handler = handler
        self._capabilities = capabilities
        self._board = board
        self._stopping = stopping
        self._closing = closing
        self._sessions = 0
        self._judged: Config | None = None
        self._begin()

    def run(self) -> None:
        """Until stopped. A studio that rejects this worker, or ends its session for good, is
        not asked again before the config says something else; the worker stays up and says so
        (protocol §2, §3).

        Raises:
            TransportError: ``ws_reconnect_attempts`` attempts in a row failed.
        """
        while True:
            with contextlib.closing(self._client):
                self._registrar.settle()
                self._stay()
            if self._stopping.is_set() or self._closing.is_set():
                return
            self._begin()
            if self._stopping.is_set():  # the stop may have closed the client before this one
                self._client.close()
                return
            log.info("the settings say otherwise by now: going on with %s", self._client.base_url)
            self._board.post(studio_url=self._client.base_url, worker_id=None)

    def abandon_registration(self) -> None:
        """End a registration call in flight, from any thread."""
        self._client.close()

    def _begin(self) -> None:
        self._client = StudioClient(self._store.config.api_base_url)
        self._registrar = Registrar(self._store, self._client, self._capabilities)

    def _stay(self) -> None:
        """All there is with one studio as one install, until stopped or overtaken."""
        until_closing = Until(self._closing, self._is_overtaken)
        while not until_closing.is_set():
            credentials = self._credentials() or self._register()
            if credentials is None:
                return
            try:
                self._hold_sessions(*credentials, until_closing)
            except SessionRefused as error:
                if error.code != "worker_deleted":
                    self._stay_refused(str(error))
                    return
                self._start_over(error)

    def _is_overtaken(self) -> bool:
        """Whether the settings name another studio, or another registration with this one."""
        config = self._store.config
        if config is self._judged or self._stopping.is_set():
            return False
        try:
            moves = normalise_base_url(config.api_base_url) != self._client.base_url
            if moves or self._registrar.is_overtaken(config):
                return True
        except ConfigError as error:
            log.warning("%s; going on with %s", error, self._client.base_url)
        self._judged = config
        return False

    def _hold_sessions(self, worker_id: str, token: Secret, stop: threading.Event) -> None:
        self._board.post(worker_id=worker_id)
        base_url = self._client.base_url
        sessions = Reconnecting(
            lambda: open_socket(base_url, worker_id, token),
            self._handler,
            token,
            attempts_limit=self._store.config.ws_reconnect_attempts,
            on_state=self._show_link,
            sessions_before=self._sessions,
        )
        try:
            sessions.run(stop)
        finally:
            self._sessions = sessions.sessions

    def _start_over(self, error: SessionRefused) -> None:
        log.warning(
            "%s; asking to be let in again. Results made as the worker it was are kept in the "
            "outbox and not sent",
            error,
        )
        self._registrar.forget_worker()
        self._board.post(worker_id=None)

    def _stay_refused(self, why: str) -> None:
        log.error("%s", why)
        self._post("refused", why)
        Until(self._stopping, self._is_overtaken).wait()

    def _credentials(self) -> tuple[str, Secret] | None:
        identity = identity_at(self._client.base_url, self._store.config)
        if identity.worker_id and identity.auth_token is not None:
            return identity.worker_id, identity.auth_token
        return None

    def _register(self) -> tuple[str, Secret] | None:
        until_stopping = Until(self._stopping, self._is_overtaken)
        outcome = self._registrar.run(until_stopping, self._show_registration)
        if isinstance(outcome, Rejected):
            self._stay_refused(str(RegistrationRejected(outcome.reason)))
        return self._credentials() if isinstance(outcome, Approved) else None

    def _show_registration(self, state: Standing) -> None:
        match state:
            case Pristine():
                self._post("registering", "asking the studio")
            case Pending(request_id):
                self._post("pending", f"approval of {request_id}")
                log.info("waiting for the studio's operator to approve request %s", request_id)
            case Approved(worker_id):
                log.info("approved as worker %s", worker_id)
            case Rejected():
                self._post("refused", "the studio rejected this worker")

    def _show_link(self, state: LinkState) -> None:
        match state:
            case Connecting(attempt):
                detail = f"attempt {attempt}" if attempt > 1 else ""
                self._post("connecting", detail, attempt=attempt)
            case Connected():
                self._post("connected", "", connected=True)
            case Waiting(seconds, reason):
                self._post("waiting", f"{seconds:.0f} s: {reason}")

    def _post(
        self, state: WorkerState, detail: str, *, connected: bool = False, **more: Any
    ) -> None:
        self._board.post(state=state, detail=detail, connected=connected, **more)
