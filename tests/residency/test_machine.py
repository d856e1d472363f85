"""Models that are kept loaded, walked through at random."""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from studio_worker_core.residency.machine import step
from studio_worker_core.residency.states import (
    CallOff,
    Dropped,
    Event,
    Found,
    GroupFree,
    GroupUsed,
    Held,
    Load,
    LoadAsked,
    LoadEnded,
    Lost,
    Models,
    Outdated,
    Phase,
    Resumed,
    Save,
    Suspended,
    Unload,
    UnloadAsked,
    UnloadEnded,
)

GROUPS = {"a": "small", "b": "small", "c": "small", "d": None, "e": None}
names = st.sampled_from(sorted(GROUPS))


class ModelsLife(RuleBasedStateMachine):
    """Any wish at any time, and loads and unloads that end in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.models = Models()
        self.now = 0.0
        self.under_way: dict[str, Load | Unload] = {}
        self.loaded: set[str] = set()
        """What is really in memory."""
        self.wished: frozenset[str] = frozenset()
        """What was saved."""
        self.suspended = False
        self.called_off: set[str] = set()
        self.used_by: str | None = None
        """Of the group, the model that a job uses."""

    def feed(self, event: Event) -> None:
        self.models, effects = step(self.models, event)
        for effect in effects:
            match effect:
                case Save():
                    assert self.models.residents() != self.wished
                    self.wished = self.models.residents()
                case Load(model=model):
                    self.begins(effect, model)
                    others = {
                        name
                        for name in self.loaded | set(self.under_way)
                        if name != model and GROUPS[name] is not None
                    }
                    assert GROUPS[model] is None or not others, "one of a group at a time"
                    assert model not in self.loaded
                    assert GROUPS[model] is None or self.used_by in (None, model)
                case Unload(model=model):
                    self.begins(effect, model)
                    assert model in self.loaded
                case CallOff(model=model):
                    assert isinstance(self.under_way.get(model), Load)
                    self.called_off.add(model)

    def begins(self, effect: Load | Unload, model: str) -> None:
        assert model not in self.under_way, "one thing at a time for each model"
        self.under_way[model] = effect

    def tick(self) -> float:
        self.now += 1.0
        return self.now

    @rule(model=names)
    def somebody_wants_it_loaded(self, model: str) -> None:
        before = self.models.held.get(model)
        self.feed(LoadAsked(self.tick(), model, GROUPS[model]))
        after = self.models.held[model]
        assert after.resident
        if before is not None and before.resident and before.phase in _THERE and not before.then:
            assert after.phase is before.phase, "it changes nothing"
            assert after.since == before.since

    @rule(model=names)
    def somebody_wants_it_unloaded(self, model: str) -> None:
        self.feed(UnloadAsked(self.tick(), model))
        assert model not in self.models.residents()

    @rule(model=names)
    def what_a_job_left_loaded_is_unloaded(self, model: str) -> None:
        if model not in self.loaded and model not in self.under_way:
            self.loaded.add(model)
            self.feed(UnloadAsked(self.tick(), model, GROUPS[model], warm=True))
            assert self.under_way[model] == Unload(model)

    @rule(model=names)
    def it_is_deleted(self, model: str) -> None:
        self.feed(Dropped(self.tick(), model))
        assert model not in self.models.residents()
        assert model in self.loaded | set(self.under_way) or model not in self.models.held

    @rule(which=st.sampled_from([Suspended, Resumed]))
    def the_worker_pauses_or_goes_on(self, which: type[Suspended] | type[Resumed]) -> None:
        before = self.models.residents()
        self.suspended = which is Suspended
        self.feed(which(self.tick()))
        assert self.models.residents() == before

    @rule(model=st.sampled_from("abc"))
    def a_job_uses_a_model_of_the_group(self, model: str) -> None:
        before = self.models.residents()
        self.used_by = model
        self.feed(GroupUsed(self.tick(), "small", model))
        assert self.models.residents() == before
        there = [n for n in self.loaded | set(self.under_way) if GROUPS[n] and n != model]
        held = self.models.held
        assert all(n in self.under_way for n in there), "the others are on their way out"
        assert all(held[n].phase is not Phase.LOADED for n in there if n in held)

    @precondition(lambda self: self.used_by)
    @rule()
    def no_job_uses_the_group_any_more(self) -> None:
        before = self.models.residents()
        self.used_by = None
        self.feed(GroupFree(self.tick(), "small"))
        assert self.models.residents() == before

    @rule(model=names)
    def its_entry_is_replaced(self, model: str) -> None:
        before = self.models.held.get(model, _NOTHING)
        self.feed(Outdated(self.tick(), model))
        assert self.models.residents() == self.wished
        if before.phase is Phase.LOADED:
            assert self.models.held[model].then is Phase.LOADED, "it goes, and comes again"

    @precondition(lambda self: self.under_way)
    @rule(data=st.data(), fails=st.booleans())
    def what_is_under_way_ends(self, data: st.DataObject, fails: bool) -> None:
        self.ends(data.draw(st.sampled_from(sorted(self.under_way))), fails=fails)

    def ends(self, model: str, *, fails: bool) -> None:
        was_resident = model in self.models.residents()
        was_called_off = model in self.called_off
        self.called_off.discard(model)
        match self.under_way.pop(model):
            case Load() if fails and was_called_off:
                self.feed(LoadEnded(self.tick(), model, called_off=True))
                assert self.models.held.get(model, _NOTHING).phase is not Phase.FAILED
            case Load() if fails:
                self.feed(LoadEnded(self.tick(), model, "out of luck"))
                if was_resident and model in self.models.held:
                    assert model in self.models.residents(), "a failure leaves the wish"
            case Load():
                self.loaded.add(model)
                self.feed(LoadEnded(self.tick(), model))
            case Unload():
                self.loaded.remove(model)
                self.feed(UnloadEnded(self.tick(), model))

    @precondition(lambda self: self.loaded - set(self.under_way))
    @rule(data=st.data())
    def its_process_dies(self, data: st.DataObject) -> None:
        model = data.draw(st.sampled_from(sorted(self.loaded - set(self.under_way))))
        self.loaded.remove(model)
        self.feed(Lost(self.tick(), model, "killed by SIGKILL"))

    @precondition(lambda self: self.idle_failures())
    @rule(data=st.data())
    def a_job_loads_it_again(self, data: st.DataObject) -> None:
        model = data.draw(st.sampled_from(self.idle_failures()))
        before = self.models.held
        self.feed(Found(self.tick(), model))
        if self.models.held[model].phase is Phase.LOADED:
            self.loaded.add(model)
        else:
            assert before == self.models.held

    def idle_failures(self) -> list[str]:
        held = self.models.held
        return [n for n, each in held.items() if each.phase is Phase.FAILED and each.resident]

    @invariant()
    def what_is_saved_is_the_wish(self) -> None:
        assert self.wished == self.models.residents()

    @invariant()
    def the_phase_is_what_is_so(self) -> None:
        for name, held in self.models.held.items():
            assert held.begun == isinstance(self.under_way.get(name), Load)
            assert (held.phase is Phase.UNLOADING) == isinstance(self.under_way.get(name), Unload)
            assert (held.phase is Phase.LOADED) <= (name in self.loaded)
            assert (held.error is not None) == (held.phase is Phase.FAILED)

    @invariant()
    def a_group_has_one_wish_at_most(self) -> None:
        assert len([name for name in self.wished if GROUPS[name]]) <= 1

    def teardown(self) -> None:
        """Once everything has ended well, what is wished is loaded, and nothing else."""
        if self.used_by:
            self.no_job_uses_the_group_any_more()
        for _ in range(50):
            for model in sorted(self.under_way):
                self.ends(model, fails=False)
        assert not self.under_way
        for name, held in self.models.held.items():
            if held.phase is Phase.FAILED:
                continue
            if not self.suspended:
                assert (held.phase is Phase.LOADED) == held.resident
            assert held.phase in (Phase.LOADED, Phase.UNLOADED)
            assert (held.phase is Phase.LOADED) == (name in self.loaded)


_NOTHING = Held(Phase.UNLOADED, 0)
_THERE = (Phase.LOADING, Phase.LOADED)

TestModelsLife = ModelsLife.TestCase
TestModelsLife.settings = settings(max_examples=200, stateful_step_count=40, deadline=None)
