"""The order in which whoever asked for a job hears of it, with real threads."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from studio_worker_core.errors import EngineFailed, JobCancelled
from studio_worker_core.jobs.job import Job, Source, StopReason
from studio_worker_core.jobs.keeping import DirectoryKeeper, Keeper
from studio_worker_core.jobs.listener import Failure, JobListener
from studio_worker_core.jobs.service import JobService
from studio_worker_core.jobs.slots import Slot, Slots
from studio_worker_core.lanes.live import NOTHING, Inspection, LiveOutput, Wanted
from studio_worker_core.lanes.request import OnProgress
from studio_worker_core.lanes.results import Result
from studio_worker_core.plugin import JobEvent
from studio_worker_core.wire.models import ModelSource
from studio_worker_core.wire.tasks import LlmTask

WAIT = 60.0
ANSWER = Result(Path("result.json"))


def answered(_job: Job) -> Result:
    return ANSWER


class Heard(JobListener[Result]):
    """Writes down what it hears, and how many jobs had a slot then."""

    def __init__(self, slots: Slots) -> None:
        self._slots = slots
        self.wanted = NOTHING
        self.calls: list[str] = []
        self.busy: list[int] = []
        self.failure: Failure | None = None
        self.over = threading.Event()

    def accepted(self, job: Job) -> None:
        self._note("accepted")

    def started(self, job: Job) -> None:
        self._note("started")

    def progress(self, job: Job, fraction: float, message: str | None) -> None:
        self._note(f"{fraction:.0%} {message}")

    def wants(self, job: Job) -> Wanted:
        return self.wanted

    def output(self, job: Job, text: str) -> None:
        self._note(text)

    def made(self, job: Job, result: Result) -> None:
        assert result is ANSWER
        self._note("made")

    def inspected(self, job: Job, inspection: Inspection) -> None:
        self._note("inspected")

    def finished(self, job: Job, result: Result) -> None:
        assert result is ANSWER
        self._note("finished")
        self.over.set()

    def failed(self, job: Job, failure: Failure) -> None:
        self.failure = failure
        self._note("failed")
        self.over.set()

    def _note(self, what: str) -> None:
        self.calls.append(what)
        self.busy.append(len(self._slots.jobs()))


class House:
    """A service with as many threads as slots; each job's work is given by its id."""

    def __init__(
        self,
        root: Path,
        slots: int = 1,
        watchers: Sequence[JobListener[Result]] = (),
        recorders: Sequence[JobListener[Result]] = (),
        kept: Sequence[str] = (),
    ) -> None:
        self.root = root
        self.slots = Slots(
            [Slot(str(number)) for number in range(slots)], lambda job: job.model in kept
        )
        self.work: dict[str, Callable[[Job], Result]] = {}
        self.events: list[JobEvent] = []
        self.ran_in: list[Slot] = []
        self.wanted: list[Wanted] = []
        self.watcher = Heard(self.slots)
        self.service = JobService(
            self,  # type: ignore[arg-type]
            self.slots,
            notify=self.events.append,
            recorders=recorders,  # type: ignore[arg-type]
            watchers=watchers or [self.watcher],  # type: ignore[arg-type]
            start=self._start,
        )
        self.threads: list[threading.Thread] = []
        for _ in range(slots):
            self._start(self.service.run)

    def _start(self, body: Callable[[], None]) -> None:
        self.threads.append(threading.Thread(target=body))
        self.threads[-1].start()

    def run(
        self, job: Job, keeper: Keeper[Result], report: OnProgress, slot: Slot, live: LiveOutput
    ) -> Result:
        self.ran_in.append(slot)
        self.wanted.append(live.wanted)
        report(0.5, "half")
        if live.text is not None:
            live.text("hello")
        if live.inspection is not None:
            live.inspection(Inspection())
        return keeper.keep(self.work.get(job.job_id, answered)(job), None)

    def submit(
        self, job_id: str = "local-1", heard: Heard | None = None, model: str = "m"
    ) -> tuple[Job, Heard]:
        task = LlmTask(messages=[])
        source = ModelSource(engine="toy")
        job = Job(job_id, Source.LOCAL, model=model, task=task, model_source=source)
        permit = self.slots.try_acquire(job)
        assert permit is not None
        heard = heard or Heard(self.slots)
        self.service.submit(permit, DirectoryKeeper(self.root), heard)
        return job, heard

    def close(self) -> None:
        self.service.finish()
        for thread in self.threads:
            thread.join(WAIT)
            assert not thread.is_alive()


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    house = House(tmp_path)
    yield house
    house.close()


def test_a_job_is_told_of_from_first_to_last_and_its_slot_is_free_at_the_end(house: House) -> None:
    _, heard = house.submit()
    house.close()
    assert heard.calls == ["accepted", "started", "50% half", "made", "finished"]
    assert heard.busy == [1, 1, 1, 1, 0]
    assert house.ran_in == [Slot("0")]
    assert house.watcher.calls == heard.calls
    assert [event.what for event in house.events] == ["accepted", "started", "finished"]


def test_output_goes_to_those_who_want_it_and_is_not_asked_for_otherwise(house: House) -> None:
    house.watcher.wanted = Wanted(text=True)
    _, heard = house.submit()
    house.close()
    assert house.wanted == [Wanted(text=True)]
    assert house.watcher.calls == ["accepted", "started", "50% half", "hello", "made", "finished"]
    assert heard.calls == ["accepted", "started", "50% half", "made", "finished"]


def test_several_watchers_hear_the_same_and_are_told_what_any_of_them_wants(
    tmp_path: Path,
) -> None:
    first, second = Heard(Slots()), Heard(Slots())
    second.wanted = Wanted(inspection=True)
    house = House(tmp_path, watchers=[first, second])
    house.submit()
    house.close()
    assert house.wanted == [Wanted(inspection=True)]
    expected = ["accepted", "started", "50% half", "made", "finished"]
    assert first.calls == expected
    assert second.calls == [*expected[:3], "inspected", *expected[3:]]


class _Asking(Heard):
    """Looks, when it hears the end, at what another one has heard by then."""

    def __init__(self, slots: Slots, other: Heard) -> None:
        super().__init__(slots)
        self._other = other
        self.seen: list[str] = []

    def finished(self, job: Job, result: Result) -> None:
        self.seen = list(self._other.calls)
        super().finished(job, result)


def test_a_recorder_has_heard_the_end_before_whoever_asked_for_the_job(tmp_path: Path) -> None:
    recorder = Heard(Slots())
    house = House(tmp_path, recorders=[recorder])
    asking = _Asking(house.slots, recorder)
    house.submit(heard=asking)
    house.close()
    assert asking.seen == ["accepted", "started", "50% half", "made", "finished"]


@pytest.mark.parametrize(
    ("error", "failure"),
    [
        (EngineFailed("it died"), Failure("it died", True)),
        (ValueError("a bug"), Failure("internal error of the worker: a bug", True)),
    ],
)
def test_whatever_a_job_dies_of_is_told_once(
    house: House, error: Exception, failure: Failure
) -> None:
    def die(_job: Job) -> Result:
        raise error

    house.work["local-1"] = die
    _, heard = house.submit()
    house.close()
    assert heard.calls[2:] == ["50% half", "failed"]
    assert heard.busy[-1] == 0
    assert heard.failure == failure
    assert house.events[-1].error == failure.message


def test_whoever_submits_a_job_may_stop_it(house: House) -> None:
    def until_stopped(job: Job) -> Result:
        assert job.cancel.wait(WAIT)
        raise JobCancelled("cancelled")

    house.work["local-1"] = until_stopped
    job, heard = house.submit()
    job.stop(StopReason.CANCELLED)
    assert heard.over.wait(WAIT)
    assert heard.failure == Failure("cancelled", False, StopReason.CANCELLED)


def test_two_slots_do_two_jobs_at_once(tmp_path: Path) -> None:
    both = threading.Barrier(2)

    def meet(_job: Job) -> Result:
        both.wait(WAIT)
        return ANSWER

    house = House(tmp_path, slots=2)
    house.work = {"a": meet, "b": meet}
    heard = [house.submit(job_id)[1] for job_id in "ab"]
    house.close()
    assert [each.calls[-1] for each in heard] == ["finished", "finished"]


def test_a_job_of_a_kept_model_is_done_while_the_slot_has_another(tmp_path: Path) -> None:
    house = House(tmp_path, kept=["chat"])
    may_end = threading.Event()

    def long(_job: Job) -> Result:
        assert may_end.wait(WAIT)
        return ANSWER

    house.work["clip"] = long
    _, clip = house.submit("clip")
    for number in range(20):
        _, chat = house.submit(f"chat-{number}", model="chat")
        assert chat.over.wait(WAIT)
        assert chat.calls[-1] == "finished"
    assert not clip.over.is_set()
    assert len(house.threads) == 2, "one that is free is used again"
    may_end.set()
    assert clip.over.wait(WAIT)
    house.close()
    assert clip.calls[-1] == "finished"
