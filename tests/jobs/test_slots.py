"""Slots are taken by one job each, and given back."""

from __future__ import annotations

import threading

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from studio_worker_core.jobs.job import Job, Source
from studio_worker_core.jobs.slots import Permit, Slot, Slots
from studio_worker_core.wire.models import ModelSource
from studio_worker_core.wire.tasks import ImageTask

WAIT = 60.0


def job(job_id: str, source: Source = Source.STUDIO) -> Job:
    task = ImageTask(prompt="p")
    return Job(job_id, source, model="m", task=task, model_source=ModelSource(engine="toy"))


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


class AnyHistory(RuleBasedStateMachine):
    """Jobs of both sources take and give back in any order."""

    @initialize(count=st.integers(1, 3))
    def begin(self, count: int) -> None:
        self.slots = Slots([Slot(str(number)) for number in range(count)])
        self.count = count
        self.taken: list[Permit] = []
        self.released: list[Permit] = []

    @rule(name=st.sampled_from("abcd"), source=st.sampled_from(Source))
    def take(self, name: str, source: Source) -> None:
        asking = job(name, source)
        same = [p for p in self.taken if (p.job.job_id, p.job.source) == (name, source)]
        permit = self.slots.try_acquire(asking)
        if permit is None:
            assert same or len(self.taken) == self.count, "a free slot was refused"
            return
        assert not same, "one job has two slots"
        assert permit.job is asking
        self.taken.append(permit)

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
    def no_slot_has_two_jobs(self) -> None:
        names = [permit.slot.name for permit in self.taken]
        assert len(set(names)) == len(names) <= self.count

    @invariant()
    def the_jobs_are_those_with_a_permit_the_oldest_first(self) -> None:
        assert self.slots.jobs() == [permit.job for permit in self.taken]
        assert self.slots.wait_idle(0) == (not self.taken)


TestAnyHistory = AnyHistory.TestCase
