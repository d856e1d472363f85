"""Any sequence of answers, losses, crashes and restarts (protocol §2), with a real file."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Mapping
from enum import Enum
from pathlib import Path
from typing import Any, TypeVar, cast

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from studio_worker_core.config import Config, ConfigStore
from studio_worker_core.errors import ConfigError, HttpStatusError, TransportError, WireError
from studio_worker_core.registration import Approved, Pending, Rejected
from studio_worker_core.registration.machine import secret_hash
from studio_worker_core.registration.registrar import Registrar
from studio_worker_core.secrets import Secret
from studio_worker_core.studio_client.http import StudioClient
from studio_worker_core.wire.codec import encode
from studio_worker_core.wire.registration import (
    RegisterRequest,
    RegisterResponse,
    RegistrationDecision,
)
from tests.registration.model_studio import DeskRequest, ModelStudio
from tests.support.recording_handler import sample_capabilities

T = TypeVar("T")


class Crash(BaseException):
    """kill -9: nothing after this line runs in the worker."""


class Fate(Enum):
    """What becomes of one round trip, or of the moment after it."""

    FINE = "fine"
    NOT_SENT = "not sent"
    ANSWER_LOST = "answer lost"
    SERVER_ERROR = "500"
    RATE_LIMITED = "429"
    NONSENSE = "nonsense"
    CRASH_BEFORE_SENDING = "crash before sending"
    CRASH_AFTER_ANSWER = "crash between answer and saving"
    CRASH_AFTER_SAVING = "crash right after saving"
    DISK_FULL = "disk full"


class FatefulStore(ConfigStore):
    """The real store on a disk that may fill up, in a process that may die."""

    fate = Fate.FINE

    def revise(self, change: Callable[[Config], Mapping[str, Any]]) -> Config:
        if self.fate is Fate.DISK_FULL:
            raise ConfigError("the disk is full", path=self.path)
        config = super().revise(change)
        if self.fate is Fate.CRASH_AFTER_SAVING:
            raise Crash
        return config


class FatefulClient:
    """A line to the model studio that watches what is said on it."""

    def __init__(self, studio: ModelStudio) -> None:
        self.studio = studio
        self.base_url = studio.base_url
        self.fate = Fate.FINE
        self.store: ConfigStore | None = None

    def register_request(self, request: RegisterRequest) -> RegisterResponse:
        assert self.store is not None
        secret = self.store.config.registration_secret
        assert secret is not None
        assert secret.reveal().encode() not in encode(request)
        return self._carry(lambda: self.studio.register_request(request))

    def poll_registration(self, request_id: str, secret: Secret) -> RegistrationDecision | None:
        return self._carry(lambda: self.studio.poll_registration(request_id, secret))

    def _carry(self, call: Callable[[], T]) -> T:
        match self.fate:
            case Fate.NOT_SENT:
                raise TransportError("model", "connection refused")
            case Fate.SERVER_ERROR:
                raise HttpStatusError("model", 500, "oops")
            case Fate.RATE_LIMITED:
                raise HttpStatusError("model", 429, "slower", retry_after=60.0)
            case Fate.NONSENSE:
                raise WireError("model", "no JSON")
            case Fate.CRASH_BEFORE_SENDING:
                raise Crash
        answer = call()
        if self.fate is Fate.ANSWER_LOST:
            raise TransportError("model", "connection reset")
        if self.fate is Fate.CRASH_AFTER_ANSWER:
            raise Crash
        return answer


CAPABILITIES = sample_capabilities()


class AnyHistory(RuleBasedStateMachine):
    """One install against one studio."""

    @initialize()
    def begin(self) -> None:
        self.directory = Path(tempfile.mkdtemp())
        self.studio = ModelStudio()
        self.client = FatefulClient(self.studio)
        self.disk_failed = False
        ConfigStore(self.directory / "config.toml").update(api_base_url=self.studio.base_url)
        self.start()

    def start(self) -> None:
        """A new process on the same directory."""
        self.store = FatefulStore(self.directory / "config.toml")
        self.client.store = self.store
        self.registrar = Registrar(
            self.store, cast("StudioClient", self.client), lambda: CAPABILITIES
        )

    @rule(fate=st.sampled_from(Fate) | st.just(Fate.FINE))
    def tick(self, fate: Fate) -> None:
        before, calls = self.registrar.state, self.studio.calls
        self.client.fate = self.store.fate = fate
        try:
            state = self.registrar.tick()
        except Crash:
            self.start()
            return
        finally:
            self.client.fate = self.store.fate = Fate.FINE
        assert self.studio.calls - calls <= 1
        if isinstance(before, Approved | Rejected):
            assert self.studio.calls == calls
            assert state == before
        if isinstance(before, Pending) and isinstance(state, Pending):
            assert state.request_id != before.request_id or state.since == before.since
        if self.store.unsaved:
            self.disk_failed = True
        else:
            on_disk = ConfigStore(self.store.path).load()
            assert on_disk == self.store.config, "all a tick learns is saved before it returns"

    @rule()
    def restart(self) -> None:
        lost = bool(self.store.unsaved)
        before = self.registrar.state
        self.start()
        if isinstance(before, Approved) and not lost:
            assert self.registrar.state == before

    @precondition(lambda self: self.studio.open_requests())
    @rule(data=st.data(), decision=st.sampled_from(["approve", "reject", "forget"]))
    def operator_decides(self, data: st.DataObject, decision: str) -> None:
        request: DeskRequest = data.draw(st.sampled_from(self.studio.open_requests()))
        getattr(self.studio, decision)(request)

    @rule()
    def reset(self) -> None:
        for request in self.studio.open_requests():
            self.studio.forget(request)
        before = self.store.config.install_id
        self.registrar.reset()
        assert self.store.config.install_id not in (None, before)

    @invariant()
    def at_most_one_request_is_open(self) -> None:
        if hasattr(self, "studio") and not self.disk_failed:
            assert len(self.studio.open_requests()) <= 1

    def teardown(self) -> None:
        """However it came here: with a friendly operator the worker gets in, and once."""
        if not hasattr(self, "studio"):
            return
        try:
            promised = self._approved_and_waited_for()
            for _ in range(6):
                if isinstance(self.registrar.state, Rejected):
                    self.reset()
                for request in self.studio.open_requests():
                    self.studio.approve(request)
                if isinstance(self.registrar.tick(), Approved):
                    break
            state = self.registrar.state
            assert isinstance(state, Approved)
            assert promised in (None, state.worker_id), "an approval was lost"
            self.store.update()
            saved = ConfigStore(self.store.path).load()
            assert saved.worker_id == state.worker_id
            assert saved.auth_token == Secret(self.studio.tokens[state.worker_id])
            assert (saved.registration_request_id, saved.registration_secret) == (None, None)
        finally:
            shutil.rmtree(self.directory)

    def _approved_and_waited_for(self) -> str | None:
        """The worker id of an approval that the secret on disk still entitles to."""
        secret = self.store.config.registration_secret
        for request in self.studio.requests.values():
            if secret is not None and request.secret_hash == secret_hash(secret):
                return request.worker_id
        return None


TestAnyHistory = AnyHistory.TestCase
TestAnyHistory.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)
