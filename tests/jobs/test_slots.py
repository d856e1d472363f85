"""Slots are taken by one job each, and given back."""

from __future__ import annotations

import threading

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from studio_worker_core.jobs.job import Job, Source
from studio_worker_core.jobs.slots import KeptModel, Permit, Slot, Slots
from studio_worker_core.wire.models import ModelSource
from studio_worker_core.wire.tasks import ImageTask

WAIT = 60.0


def job(job_id: str, source: Source = Source.STUDIO, model: str = "m") -> Job:
    task = ImageTask(prompt="p")
    return Job(job_id, source, model=model, task=task, model_source=ModelSource(engine="toy"))


def with_kept(*models: str) -> Slots:
    """One slot, and some models kept loaded."""
    return Slots(is_kept=lambda job: job.model in models)


def test_one_job_at_a_time() -> None:
    slots = Slots()
    first = job("a")
    permit = slots.try_acquire(first)
    assert permit is not None
    assert slots.try_acquire(job("b")) is None
    assert slots.try_acquire(job("a")) is None
    assert slots.jobs() == [first]
    permit.release()
    assert slots.try_acquire(job("b")) is not None
    permit.release()
    assert [each.job_id for each in slots.jobs()] == ["b"], "a late release frees nobody else"


def test_the_slot_is_free_at_the_end_of_the_scope_whatever_ends_it() -> None:
    slots = Slots()
    permit = slots.try_acquire(job("a"))
    assert permit is not None
    try:
        with permit:
            raise ValueError
    except ValueError:
        assert slots.jobs() == []


def test_many_at_the_door_one_gets_in() -> None:
    slots = Slots()
    start = threading.Barrier(8)
    inside: list[Permit] = []

    def push(number: int) -> None:
        start.wait(WAIT)
        permit = slots.try_acquire(job(str(number)))
        if permit is not None:
            inside.append(permit)

    threads = [threading.Thread(target=push, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(WAIT)
    assert len(inside) == 1


def test_waiting_ends_when_no_job_has_a_slot() -> None:
    slots = Slots()
    assert slots.wait_idle(0)
    permit = slots.try_acquire(job("a"))
    assert permit is not None
    assert not slots.wait_idle(0.01)
    releaser = threading.Thread(target=permit.release)
    releaser.start()
    assert slots.wait_idle(WAIT)
    releaser.join(WAIT)


def test_each_job_has_a_slot_of_its_own_with_its_device_and_environment() -> None:
    both = (
        Slot("0", "GPU-a", {"CUDA_VISIBLE_DEVICES": "0"}),
        Slot("1", "GPU-b", {"CUDA_VISIBLE_DEVICES": "1"}),
    )
    slots = Slots(both)
    permits = [slots.try_acquire(job(name)) for name in "abc"]
    assert [permit and permit.slot for permit in permits] == [*both, None]


def test_a_local_job_of_a_kept_model_runs_beside_the_one_in_the_slot() -> None:
    slots = with_kept("chat", "voice")
    clip = slots.try_acquire(job("clip"))
    chat = slots.try_acquire(job("chat-1", Source.LOCAL, "chat"))
    assert clip
    assert chat
    assert chat.slot == clip.slot, "its lane is the slot's"
    assert slots.try_acquire(job("chat-2", Source.LOCAL, "chat")) is None, "one at a time"
    assert slots.try_acquire(job("voice-1", Source.LOCAL, "voice")), "another model"
    assert [each.job_id for each in slots.jobs()] == ["clip", "chat-1", "voice-1"]
    chat.release()
    assert slots.try_acquire(job("chat-2", Source.LOCAL, "chat"))


def test_a_job_of_a_kept_model_leaves_the_slot_free() -> None:
    slots = with_kept("chat")
    assert slots.try_acquire(job("chat-1", Source.LOCAL, "chat"))
    assert slots.try_acquire(job("clip"))


def test_a_studio_gives_as_many_jobs_as_there_are_slots_whatever_is_kept() -> None:
    slots = with_kept("chat")
    permit = slots.try_acquire(job("a", Source.STUDIO, "chat"))
    assert permit
    assert slots.try_acquire(job("b", Source.STUDIO)) is None
    assert slots.try_acquire(job("c", Source.LOCAL, "chat")) is None
    permit.release()
    assert slots.try_acquire(job("c", Source.LOCAL, "chat"))
    assert slots.try_acquire(job("a", Source.STUDIO, "chat")) is None, "the model has a job"


def test_of_several_the_first_that_there_is_room_for_gets_in() -> None:
    slots = with_kept("chat")
    waiting = [job(name, Source.LOCAL) for name in "ab"] + [job("c", Source.LOCAL, "chat")]
    order = []
    while (permit := slots.try_acquire_one(waiting)) is not None:
        order.append(permit.job.job_id)
    assert order == ["a", "c"]


def test_whoever_waits_hears_that_something_was_given_back() -> None:
    slots = with_kept("chat")
    rung: list[int] = []
    slots.ring(lambda: rung.append(len(slots.jobs())))
    permit = slots.try_acquire(job("a"))
    assert permit
    assert rung == []
    permit.release()
    permit.release()
    assert rung == [0], "once, when it is free"


class AnyHistory(RuleBasedStateMachine):
    """Jobs of both sources take and give back in any order."""

    @initialize(count=st.integers(1, 3), kept=st.sets(st.sampled_from("mno")))
    def begin(self, count: int, kept: set[str]) -> None:
        self.kept = kept
        self.slots = Slots(
            [Slot(str(number)) for number in range(count)], lambda job: job.model in self.kept
        )
        self.count = count
        self.taken: list[Permit] = []
        self.released: list[Permit] = []

    @rule(model=st.sampled_from("mno"))
    def a_model_is_loaded_or_unloaded(self, model: str) -> None:
        self.kept ^= {model}

    @rule(
        name=st.sampled_from("abcdef"), source=st.sampled_from(Source), model=st.sampled_from("mno")
    )
    def take(self, name: str, source: Source, model: str) -> None:
        asking = job(name, source, model)
        same = [p for p in self.taken if (p.job.job_id, p.job.source) == (name, source)]
        permit = self.slots.try_acquire(asking)
        if permit is None:
            assert same or not self.room_for(asking), "there was room"
            return
        assert not same, "one job has two permits"
        assert permit.job is asking
        self.taken.append(permit)

    def room_for(self, asking: Job) -> bool:
        held = [each for permit in self.taken for each in permit.takes]
        has_slot = sum(isinstance(each, str) for each in held) < self.count
        if asking.model not in self.kept:
            return has_slot
        has_model = KeptModel("toy", asking.model) not in held
        return has_model and (has_slot or asking.source is Source.LOCAL)

    @rule(data=st.data())
    def give_back(self, data: st.DataObject) -> None:
        if self.taken:
            permit = data.draw(st.sampled_from(self.taken))
            permit.release()
            self.taken.remove(permit)
            self.released.append(permit)

    @rule(data=st.data())
    def give_back_again(self, data: st.DataObject) -> None:
        if self.released:
            data.draw(st.sampled_from(self.released)).release()

    @invariant()
    def nothing_has_two_jobs(self) -> None:
        held = [each for permit in self.taken for each in permit.takes]
        assert len(set(held)) == len(held)
        slots = [each for each in held if isinstance(each, str)]
        assert len(slots) <= self.count

    @invariant()
    def every_job_of_the_studio_has_a_slot(self) -> None:
        for permit in self.taken:
            if permit.job.source is Source.STUDIO:
                assert any(isinstance(each, str) for each in permit.takes)

    @invariant()
    def the_jobs_are_those_with_a_permit_the_oldest_first(self) -> None:
        assert self.slots.jobs() == [permit.job for permit in self.taken]
        assert self.slots.wait_idle(0) == (not self.taken)


TestAnyHistory = AnyHistory.TestCase
