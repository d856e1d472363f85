"""Job observers cannot hurt a job: each is a process of its own, fed over a bounded pipe."""

from __future__ import annotations

import itertools
import logging
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from studio_worker_core.plugin import JobEvent, TaskKind
from studio_worker_core.roster.installed import Candidate
from studio_worker_core.roster.observers import JobObservers, Observer
from tests.support.plugin_builder import HEAD, PluginSite
from tests.support.waiting import eventually, has_ended

Make = Callable[..., Observer]


def event(number: int = 0) -> JobEvent:
    return JobEvent("finished", f"job-{number}", "e", "m", TaskKind.IMAGE)


@pytest.fixture
def observer(site: PluginSite) -> Iterator[Make]:
    """Install an observer whose hook has this body; it may write to ``HEARD``."""
    made: list[Observer] = []

    def make(name: str, body: str, top: str = "") -> Observer:
        site.add(
            name,
            HEAD + f"import os, sys, time\nHEARD = {str(site.root / name)!r}\n{top}\n"
            "def heard(text):\n    with open(HEARD, 'a') as file: file.write(text + '\\n')\n"
            f"@hookimpl\ndef studio_worker_job_event(event):\n    {body}\n",
        )
        made.append(Observer(Candidate(name, name, name, "1.0")))
        return made[-1]

    yield make
    JobObservers(made).close()


def lines(site: PluginSite, name: str) -> list[str]:
    file = site.root / name
    return file.read_text().split() if file.exists() else []


def test_every_observer_hears_every_event_in_order(site: PluginSite, observer: Make) -> None:
    observers = JobObservers([observer("one", "heard(event.job_id)")])
    for number in range(3):
        observers(event(number))
    observers.close()
    assert lines(site, "one") == ["job-0", "job-1", "job-2"]


@pytest.mark.parametrize("error", ["ValueError('no')", "SystemExit(3)", "KeyboardInterrupt()"])
def test_an_observer_that_raises_is_named_and_hears_the_next_event(
    site: PluginSite, observer: Make, error: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        observers = JobObservers([observer("bad", f"heard(event.job_id); raise {error}")])
        observers(event(0))
        observers(event(1))
        eventually("both were heard", lambda: len(lines(site, "bad")) == 2)
        eventually("it is named", lambda: "the job observer of bad raised" in caplog.text)
        observers.close()


def test_an_observer_that_ends_its_process_is_started_anew_but_not_for_ever(
    site: PluginSite, observer: Make, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        one = observer("dies", "heard(event.job_id); os._exit(3)")
        numbers = itertools.count()

        def told() -> bool:
            one.put(event(next(numbers)))
            return "hears no more" in caplog.text

        eventually("it is given up", told, timeout=90)
    assert 1 <= len(lines(site, "dies")) <= 3


def test_a_stuck_observer_holds_up_neither_the_caller_nor_another_observer(
    site: PluginSite, observer: Make
) -> None:
    stuck = observer("stuck", "heard('stuck'); time.sleep(600)")
    observers = JobObservers([stuck, observer("good", "heard(event.job_id)")])
    for number in range(3000):
        observers(event(number))
    eventually("the good one is told", lambda: len(lines(site, "good")) > 10)
    eventually("the stuck one is at it", lambda: lines(site, "stuck"))
    assert stuck.pid is not None
    process = psutil.Process(stuck.pid)
    observers.close()
    eventually("it is gone", lambda: has_ended(process))
    assert lines(site, "stuck") == ["stuck"]


def test_what_an_observer_does_stays_in_its_process(
    site: PluginSite,
    observer: Make,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SOME_API_KEY", "hush")
    body = "os.write(1, b'loud'); os.chdir('/'); heard(str('SOME_API_KEY' in os.environ))"
    observers = JobObservers([observer("loud", body, "print('loud')")])
    here = Path.cwd()
    observers(event())
    observers(event())
    observers.close()
    assert lines(site, "loud") == ["False"] * 2
    assert Path.cwd() == here
    assert capfd.readouterr().out == ""


def test_no_thread_and_no_process_is_left(observer: Make) -> None:
    before = set(threading.enumerate())
    children = set(psutil.Process().children(recursive=True))
    observers = JobObservers([observer("one", "heard('x')")])
    observers(event())
    observers.close()
    eventually("all ended", lambda: set(threading.enumerate()) <= before)
    assert set(psutil.Process().children(recursive=True)) <= children
