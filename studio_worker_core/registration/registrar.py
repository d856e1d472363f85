"""Registration with its effects: the config file, the studio, and the pauses between."""

from __future__ import annotations

import contextlib
import logging
import random
import secrets
import threading
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from studio_worker_core.config import Config, ConfigStore
from studio_worker_core.errors import ConfigError, HttpStatusError, StudioError, WireError
from studio_worker_core.registration.edits import reset
from studio_worker_core.registration.issuers import at_home, identity_at, kept_as
from studio_worker_core.registration.machine import (
    Answer,
    Approved,
    Ask,
    Event,
    Identity,
    Keep,
    Mint,
    Minted,
    NoDecision,
    Poll,
    Rejected,
    Requested,
    Standing,
    StudioAnswered,
    Turn,
    Unknown,
    begin,
    step,
)
from studio_worker_core.retrying import Backoff
from studio_worker_core.secrets import Secret
from studio_worker_core.studio_client.headers import USER_AGENT
from studio_worker_core.studio_client.http import StudioClient
from studio_worker_core.wire.capabilities import Capabilities
from studio_worker_core.wire.registration import RegisterRequest

_BACKOFF = Backoff(2.0, 30.0, high=1.25)

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
        backoff: Backoff = _BACKOFF,
        roll: Callable[[], float] = random.random,
    ) -> None:
        self._store = store
        self._client = client
        self._capabilities = capabilities
        self._clock = clock
        self._backoff = backoff
        self._roll = roll
        self._pauses = 0
        self._retry_after = 0.0
        self._last_answer: Answer | None = None
        self._known = self._identity()
        self._state = begin(self._known, clock())

    @property
    def state(self) -> Standing:
        """As of the last tick; before the first, what the config file says."""
        return self._state.standing

    def tick(self) -> Standing:
        """One turn of protocol §2: at most one HTTP round trip, safe to repeat.

        A rejection stands until a reset, here or in the file: until then a tick does nothing.
        An error of the network or the studio is logged and leaves the state as it is.
        """
        identity = self._identity()
        if identity != self._known:
            self._begin_as(identity)  # somebody has edited the file
        event: Event | None = Turn()
        while event is not None:
            after, effects = step(self._state, event)
            event = None
            for effect in effects:
                if not isinstance(effect, Keep):
                    event = self._carry_out(effect)
                elif not self._keep(effect.identity):
                    return self.state
            self._state = after
        return self.state

    def pause(self) -> float:
        """Seconds until the next tick: 2, 4, 8 … 30 with jitter, or what a 429 asked for."""
        self._pauses += 1
        pause = self._backoff.pause(self._pauses, self._roll())
        return max(pause, self._retry_after)

    def run(
        self, stop: threading.Event, on_state: Callable[[Standing], None] | None = None
    ) -> Approved | Rejected | None:
        """Tick until the studio has decided; None when ``stop`` came first.

        ``on_state`` is told the state at the start and whenever it changes.
        """
        told: Standing | None = None
        while not stop.is_set():
            state = self.tick()
            if on_state is not None and state != told:
                on_state(state)
                told = state
            if isinstance(state, Approved | Rejected):
                return state
            stop.wait(self.pause())
        return None

    def settle(self) -> None:
        """Make the flat keys of the config those of this studio; what they said about another
        one is kept under its address. Nothing is written where that is so already."""
        if not at_home(self._client.base_url, self._store.config):
            self._keep(self._identity())
        self._begin_as(self._identity())

    def is_overtaken(self, config: Config) -> bool:
        """Whether ``config`` is no longer what the last tick left: a reset, for example."""
        return identity_at(self._client.base_url, config) != self._known

    def forget_worker(self) -> None:
        """The studio has deleted this worker: the next tick asks anew as the same install."""
        if self._keep(Identity(install_id=self._known.install_id)):
            self._begin_as(self._known)

    def reset(self) -> None:
        """Forget everything about this studio, so that the next tick asks as a new install.

        Raises:
            ConfigError: the config file cannot be written; nothing is forgotten then.
        """
        reset(self._store, self._client.base_url)
        self._begin_as(self._identity())

    def _identity(self) -> Identity:
        return identity_at(self._client.base_url, self._store.config)

    def _begin_as(self, identity: Identity) -> None:
        self._known = identity
        self._state = begin(identity, self._clock())
        self._last_answer = None
        self._pauses = 0

    def _carry_out(self, effect: Mint | Ask | Poll) -> Event:
        if isinstance(effect, Mint):
            secret = Secret(secrets.token_hex(32))
            return Minted(str(uuid.uuid4()), secret, self._clock())
        answer = self._call(effect)
        if isinstance(answer, Requested) and not isinstance(self._last_answer, Unknown):
            # Polls start at 2 s again, but not for a studio that forgets what it is asked.
            self._pauses = 0
        self._last_answer = answer
        return StudioAnswered(answer, self._clock())

    def _call(self, call: Ask | Poll) -> Answer:
        self._retry_after = 0.0
        try:
            if isinstance(call, Ask):
                return self._ask(call)
            decision = self._client.poll_registration(call.request_id, call.secret)
        except (StudioError, WireError) as error:
            if isinstance(error, HttpStatusError):
                self._retry_after = error.retry_after or 0.0
            _log.warning("registration goes on later: %s", error)
            return NoDecision()
        if decision is None:
            _log.warning("the studio no longer knows request %s; asking anew", call.request_id)
            return Unknown()
        return decision

    def _ask(self, ask: Ask) -> Requested:
        request = RegisterRequest(
            install_id=ask.install_id,
            registration_secret_hash=ask.secret_hash,
            capabilities=self._capabilities(),
            user_agent=USER_AGENT,
            replaces=ask.replaces,
        )
        response = self._client.register_request(request)
        _log.info(
            "asked %s to take this worker (request %s); an operator has to approve it",
            self._client.base_url,
            response.request_id,
        )
        return Requested(response.request_id)

    def _keep(self, identity: Identity) -> bool:
        """Put ``identity`` on disk in place of the one known; False when that one is not there
        any more, because somebody else has changed it meanwhile."""
        base_url, before = self._client.base_url, self._known

        def change(config: Config) -> dict[str, Any]:
            if identity_at(base_url, config) != before:
                raise _Overtaken
            return kept_as(base_url, config, identity)

        try:
            self._store.revise(change)
        except _Overtaken:
            self._catch_up()
            return False
        except ConfigError as error:
            self._store.hold(**kept_as(base_url, self._store.config, identity))
            self._tell_unsaved(identity, error)
        self._known = self._identity()
        return True

    def _catch_up(self) -> None:
        _log.info(
            "the registration was changed in %s meanwhile: going on from that", self._store.path
        )
        with contextlib.suppress(ConfigError):
            self._store.follow()
        self._begin_as(self._identity())

    def _tell_unsaved(self, identity: Identity, error: ConfigError) -> None:
        if identity.auth_token is not None:
            _log.error(
                "the studio approved this worker as %s, but the approval could not be saved: "
                "this run works, the next start will have to register again: %s",
                *(identity.worker_id, error),
            )
        else:
            _log.error("registration goes on in memory only, until restart: %s", error)


class _Overtaken(Exception):
    """The file says something else by now than what was to be replaced."""
