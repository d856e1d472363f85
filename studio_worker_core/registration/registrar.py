"""Registration with its effects: the config file, the studio, and the pauses between."""

from __future__ import annotations

import logging
import secrets
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from threading import Event

from studio_worker_core.config import Config, ConfigStore
from studio_worker_core.errors import ConfigError, HttpStatusError, StudioError, WireError
from studio_worker_core.registration.machine import (
    Answer,
    Approved,
    Ask,
    Failed,
    Identity,
    Mint,
    Nothing,
    Poll,
    Rejected,
    Requested,
    State,
    Unknown,
    learn,
    minted,
    plan,
    state_of,
)
from studio_worker_core.secrets import Secret
from studio_worker_core.studio_client.backoff import Backoff
from studio_worker_core.studio_client.http import USER_AGENT, StudioClient
from studio_worker_core.wire.capabilities import Capabilities
from studio_worker_core.wire.registration import RegisterRequest

__all__ = ["Registrar"]

_FIRST_SECONDS = 2.0
_CAP_SECONDS = 30.0

_log = logging.getLogger("studio_worker.registration")


def _utc_now() -> datetime:
    return datetime.now(UTC)


class Registrar:
    """Brings one install from nothing to credentials. For one thread.

    Everything a tick learns is in the config file before it returns. Where the file cannot
    be written, the log says so and the settings stand in memory (:meth:`ConfigStore.hold`).
    A tick in flight ends at once when the client is closed.
    """

    def __init__(
        self,
        store: ConfigStore,
        client: StudioClient,
        capabilities: Callable[[], Capabilities],
        *,
        clock: Callable[[], datetime] = _utc_now,
        backoff: Backoff | None = None,
    ) -> None:
        self._store = store
        self._client = client
        self._capabilities = capabilities
        self._clock = clock
        self._backoff = backoff or Backoff(_FIRST_SECONDS, _CAP_SECONDS)
        self._retry_after = 0.0
        self._last_answer: Answer | None = None
        self._state = state_of(_identity_of(store.config), clock())

    @property
    def state(self) -> State:
        """As of the last tick; before the first, what the config file says."""
        return self._state

    def tick(self) -> State:
        """One step of protocol §2: at most one HTTP round trip, safe to repeat.

        A rejection stands until :meth:`reset`: then a tick does nothing. An error of the
        network or the studio is logged and leaves the state as it is.
        """
        if isinstance(self._state, Rejected):
            return self._state
        identity = _identity_of(self._store.config)
        step = plan(identity)
        if isinstance(step, Mint):
            identity = minted(identity, str(uuid.uuid4()), Secret(secrets.token_hex(32)))
            self._keep(identity)
            step = plan(identity)
        if isinstance(step, Nothing | Mint):
            self._state = state_of(identity, self._clock())
            return self._state
        answer = self._carry_out(step)
        after, self._state = learn(identity, self._state, answer, self._clock())
        if after != identity:
            self._keep(after)
        if isinstance(answer, Requested) and not isinstance(self._last_answer, Unknown):
            # Polls start at 2 s again, but not for a studio that forgets what it is asked.
            self._backoff.reset()
        self._last_answer = answer
        return self._state

    def pause(self) -> float:
        """Seconds until the next tick: 2, 4, 8 … 30 with jitter, or what a 429 asked for."""
        return max(self._backoff.next(), self._retry_after)

    def run(
        self, stop: Event, on_state: Callable[[State], None] | None = None
    ) -> Approved | Rejected | None:
        """Tick until the studio has decided; None when ``stop`` came first.

        ``on_state`` is told the state at the start and whenever it changes.
        """
        told: State | None = None
        while not stop.is_set():
            state = self.tick()
            if on_state is not None and state != told:
                on_state(state)
                told = state
            if isinstance(state, Approved | Rejected):
                return state
            stop.wait(self.pause())
        return None

    def reset(self) -> None:
        """Forget everything, so that the next tick registers as a new install.

        Raises:
            ConfigError: the config file cannot be written; nothing is forgotten then.
        """
        nobody = Identity()
        self._store.update(**_settings(nobody))
        self._state = state_of(nobody, self._clock())
        self._last_answer = None
        self._backoff.reset()

    def _carry_out(self, step: Ask | Poll) -> Answer:
        self._retry_after = 0.0
        try:
            if isinstance(step, Ask):
                return self._ask(step)
            decision = self._client.poll_registration(step.request_id, step.secret)
        except (StudioError, WireError) as error:
            if isinstance(error, HttpStatusError):
                self._retry_after = error.retry_after or 0.0
            _log.warning("registration goes on later: %s", error)
            return Failed()
        if decision is None:
            _log.warning("the studio no longer knows request %s; asking anew", step.request_id)
            return Unknown()
        return decision

    def _ask(self, step: Ask) -> Requested:
        request = RegisterRequest(
            install_id=step.install_id,
            registration_secret_hash=step.secret_hash,
            capabilities=self._capabilities(),
            user_agent=USER_AGENT,
        )
        response = self._client.register_request(request)
        _log.info(
            "asked %s to take this worker (request %s); an operator has to approve it",
            self._client.base_url,
            response.request_id,
        )
        return Requested(response.request_id)

    def _keep(self, identity: Identity) -> None:
        settings = _settings(identity)
        try:
            self._store.update(**settings)
        except ConfigError as error:
            self._store.hold(**settings)
            if identity.auth_token is not None:
                _log.error(
                    "the studio approved this worker as %s, but the approval could not be "
                    "saved: this run works, the next start will have to register again: %s",
                    identity.worker_id,
                    error,
                )
            else:
                _log.error("registration goes on in memory only, until restart: %s", error)


def _identity_of(config: Config) -> Identity:
    secret = config.registration_secret
    if secret is not None and not _sendable(secret.reveal()):
        secret = None  # damaged by hand: no poll could ever present it
    return Identity(
        install_id=config.install_id,
        request_id=config.registration_request_id,
        secret=secret,
        worker_id=config.worker_id,
        auth_token=config.auth_token,
    )


def _sendable(text: str) -> bool:
    return bool(text) and all("!" <= character <= "~" for character in text)


def _settings(identity: Identity) -> dict[str, str | Secret | None]:
    return {
        "install_id": identity.install_id,
        "registration_request_id": identity.request_id,
        "registration_secret": identity.secret,
        "worker_id": identity.worker_id,
        "auth_token": identity.auth_token,
    }
