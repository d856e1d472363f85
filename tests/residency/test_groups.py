"""Models of an exclusive group make way for each other, by real engine processes."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from studio_worker_core.errors import JobCancelled
from studio_worker_core.lanes.results import Result
from studio_worker_core.residency.groups import GroupTurns
from studio_worker_core.residency.states import Phase
from tests.residency.hosting import Hosting, entry
from tests.support.lane_bench import LaneBench
from tests.support.waiting import eventually

WAIT = 60.0


@pytest.fixture
def hosting(bench: LaneBench, tmp_path: Path) -> Iterator[Hosting]:
    with Hosting(bench, tmp_path / "config") as hosting:
        for name in ("fault", "fault-other"):
            hosting.catalogue.put(entry(name, group="one at a time"))
        yield hosting


def job(hosting: Hosting, model: str, script: str = "ok") -> Result:
    """Have a job done as the worker does."""
    with hosting.host.groups.for_job(model, threading.Event()):
        return hosting.bench.run(script, model=model)


def lanes(hosting: Hosting) -> list[str]:
    return [lane.model for lane in hosting.lanes.status()]


def test_what_a_job_left_loaded_goes_for_the_next_of_its_group(hosting: Hosting) -> None:
    job(hosting, "fault")
    assert lanes(hosting) == ["fault"]
    job(hosting, "fault-other")
    assert lanes(hosting) == ["fault-other"]
    hosting.watching.look()
    assert lanes(hosting) == ["fault-other"], "it stays warm: nobody wished for another"


def test_a_kept_model_makes_way_for_a_job_of_its_group_and_comes_back(hosting: Hosting) -> None:
    hosting.loaded("fault")
    with hosting.host.groups.for_job("fault-other", threading.Event()):
        assert lanes(hosting) == []
        hosting.bench.run("ok", model="fault-other")
        hosting.watching.look()
        shown = hosting.host.find("fault")
        assert (shown.phase, shown.resident) == (Phase.UNLOADED, True)
    hosting.until("fault", Phase.LOADED, looking=True)
    assert lanes(hosting) == ["fault"], "one of them at a time"
    assert hosting.wished() == ["fault"]


def test_the_memory_of_what_makes_way_is_the_jobs(hosting: Hosting) -> None:
    hosting.watching.look()
    hosting.loaded("fault")
    assert hosting.host.groups.goes_for("fault-other") == [("fault", "fault")]
    assert hosting.host.groups.goes_for("fault") == []
    assert hosting.host.groups.goes_for("fault-load-hang") == []


def test_a_job_of_a_kept_model_changes_nothing(hosting: Hosting) -> None:
    hosting.loaded("fault")
    pid = hosting.bench.pid()
    job(hosting, "fault")
    hosting.watching.look()
    assert hosting.bench.pid() == pid
    assert hosting.host.find("fault").phase is Phase.LOADED


def test_a_load_waits_for_the_job_of_its_group(hosting: Hosting) -> None:
    with hosting.host.groups.for_job("fault-other", threading.Event()):
        hosting.bench.run("ok", model="fault-other")
        hosting.host.load("fault")
        hosting.watching.look()
        assert hosting.host.find("fault").phase is Phase.LOADING
    hosting.until("fault", Phase.LOADED, looking=True)
    assert lanes(hosting) == ["fault"]


def test_a_job_waits_for_the_one_of_another_model_of_its_group(hosting: Hosting) -> None:
    hosting.loaded("fault")
    order: list[str] = []
    with ExitStack() as first:
        first.enter_context(hosting.host.groups.for_job("fault", threading.Event()))

        def other() -> None:
            job(hosting, "fault-other")
            order.append("other")

        thread = threading.Thread(target=other)
        thread.start()
        hosting.bench.run("ok", model="fault")
        order.append("first")
    thread.join(WAIT)
    assert order == ["first", "other"]


def test_a_job_that_waits_for_its_group_can_be_cancelled(hosting: Hosting) -> None:
    cancel = threading.Event()
    with hosting.host.groups.for_job("fault", threading.Event()):
        cancel.set()
        with (
            pytest.raises(JobCancelled),
            hosting.host.groups.for_job("fault-other", cancel),
        ):
            pytest.fail("it had its turn")
    job(hosting, "fault-other")


def test_turns_come_in_order_and_those_of_one_model_together() -> None:
    turns, never = GroupTurns(), threading.Event()
    order: list[str] = []

    def take(model: str, name: str) -> None:
        with turns.taken("g", model, never) as taken:
            assert taken
            order.append(name)

    with ExitStack() as held:
        assert held.enter_context(turns.taken("g", "a", never))
        assert held.enter_context(turns.taken("g", "a", never)), "beside the first"
        with turns.taken("other", "b", never) as taken:
            assert taken, "groups have nothing to do with each other"
        second = threading.Thread(target=take, args=("b", "b-1"))
        second.start()
        eventually("it waits", lambda: turns.wanting("g") == 3)
        third = threading.Thread(target=take, args=("a", "a-3"))
        third.start()
        eventually("it waits, too", lambda: turns.wanting("g") == 4)
        assert order == [], "nobody overtakes who came before"
    for thread in (second, third):
        thread.join(WAIT)
    assert order == ["b-1", "a-3"]
    assert not turns.is_wanted("g")
