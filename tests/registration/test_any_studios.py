"""Any history of moving between studios: whose secrets go where, and what is kept."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import cast

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from studio_worker_core.config import ConfigStore
from studio_worker_core.registration import Approved, identity_at
from studio_worker_core.registration.machine import secret_hash
from studio_worker_core.registration.registrar import Registrar
from studio_worker_core.secrets import Secret
from studio_worker_core.studio_client.http import StudioClient
from studio_worker_core.wire.registration import (
    RegisterRequest,
    RegisterResponse,
    RegistrationDecision,
)
from tests.registration.model_studio import ModelStudio
from tests.support.recording_handler import sample_capabilities

BASES = tuple(f"http://studio-{name}" for name in "abc")
CAPABILITIES = sample_capabilities()


class WatchedStudio(ModelStudio):
    """Knows which secrets it was told of, and takes no other."""

    def __init__(self, base_url: str) -> None:
        super().__init__(base_url=base_url)
        self.hashes: set[str] = set()

    def register_request(self, request: RegisterRequest) -> RegisterResponse:
        self.hashes.add(request.registration_secret_hash)
        return super().register_request(request)

    def poll_registration(self, request_id: str, secret: Secret) -> RegistrationDecision | None:
        assert secret_hash(secret) in self.hashes, "another studio's secret was presented here"
        return super().poll_registration(request_id, secret)

    def issued(self, token: Secret) -> bool:
        return token.reveal() in self.tokens.values()


class AnyStudios(RuleBasedStateMachine):
    """One install, three studios, an operator who edits the address."""

    @initialize()
    def begin(self) -> None:
        self.directory = Path(tempfile.mkdtemp())
        self.studios = {base: WatchedStudio(base) for base in BASES}
        for number, studio in enumerate(self.studios.values()):
            for _ in range(number * 1000):
                next(studio._numbers)  # no two studios give the same ids
        self.approved: dict[str, str] = {}
        self.store = ConfigStore(self.directory / "config.toml")
        self.store.update(api_base_url=BASES[0])
        self.base = BASES[0]
        self.start()

    def start(self) -> None:
        """As the link does at a start and after a move."""
        self.store = ConfigStore(self.directory / "config.toml")
        studio = self.studios[self.base]
        self.registrar = Registrar(self.store, cast("StudioClient", studio), lambda: CAPABILITIES)
        self.registrar.settle()

    @rule(base=st.sampled_from(BASES))
    def move_and_start(self, base: str) -> None:
        ConfigStore(self.store.path).set_text("api_base_url", base)
        self.base = base
        self.start()

    @rule(base=st.sampled_from(BASES))
    def move_in_the_middle_of_a_tick(self, base: str) -> None:
        """The answer arrives when the file already names another studio."""
        ConfigStore(self.store.path).set_text("api_base_url", base)
        self.tick()
        self.base = base
        self.start()

    @rule()
    def tick(self) -> None:
        state = self.registrar.tick()
        if isinstance(state, Approved):
            self.approved[self.base] = state.worker_id

    @precondition(lambda self: any(s.open_requests() for s in self.studios.values()))
    @rule(data=st.data(), decision=st.sampled_from(["approve", "approve", "reject", "forget"]))
    def operator_decides(self, data: st.DataObject, decision: str) -> None:
        waiting = [(s, r) for s in self.studios.values() for r in s.open_requests()]
        number = data.draw(st.integers(0, len(waiting) - 1))
        studio, request = waiting[number]
        getattr(studio, decision)(request)

    @rule(running=st.booleans())
    def reset(self, running: bool) -> None:
        """Here, or by a command beside the running worker."""
        if running:
            studio = cast("StudioClient", self.studios[self.base])
            Registrar(ConfigStore(self.store.path), studio, lambda: CAPABILITIES).reset()
            self.registrar.tick()
        else:
            self.registrar.reset()
        self.approved.pop(self.base, None)
        assert identity_at(self.base, ConfigStore(self.store.path).load()).auth_token is None

    @invariant()
    def every_token_is_where_it_belongs_and_no_approval_is_lost(self) -> None:
        if not hasattr(self, "store"):
            return
        config = ConfigStore(self.store.path).load()
        for base, studio in self.studios.items():
            identity = identity_at(base, config)
            assert identity.auth_token is None or studio.issued(identity.auth_token)
            assert self.approved.get(base) in (None, identity.worker_id)
        # The original worker sends the flat keys to the configured studio.
        if config.auth_token is not None:
            assert self.studios[config.api_base_url].issued(config.auth_token)

    def teardown(self) -> None:
        if hasattr(self, "directory"):
            shutil.rmtree(self.directory)


TestAnyStudios = AnyStudios.TestCase
TestAnyStudios.settings = settings(max_examples=25, stateful_step_count=15, deadline=None)
