"""What happens to a worker, as pages follow it."""

from __future__ import annotations

import asyncio
import functools
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from studio_worker_core.jobs.job import Source
from studio_worker_core.jobs.listener import Failure
from studio_worker_core.local_api.events import MOST_STREAMS, Pace
from tests.local_api.daemon_here import SIGNED, DaemonHere, Event
from tests.support.waiting import eventually


def at_once() -> Pace:
    return Pace(rest=functools.partial(asyncio.sleep, 0))


@pytest.fixture
def here(tmp_path: Path) -> Iterator[DaemonHere]:
    with DaemonHere(tmp_path, at_once()) as here:
        yield here


class Gate:
    """A rest that lasts until the test says so."""

    def __init__(self) -> None:
        self.resting = threading.Semaphore(0)
        self._on = threading.Semaphore(0)

    async def __call__(self) -> None:
        self.resting.release()
        await asyncio.to_thread(self._on.acquire, timeout=60)

    def go_on(self) -> None:
        self._on.release()


def test_a_client_begins_with_everything_and_hears_what_changes(here: DaemonHere) -> None:
    running = here.job("job-1")
    with here.follow() as client:
        assert client.answer.headers["content-type"].startswith("text/event-stream")
        assert client.answer.headers["x-accel-buffering"] == "no"
        first = next(client)
        assert (first.name, first.data["state"]) == ("status", "starting")
        assert "activeJobs" not in first.data
        assert "logsSeq" not in first.data
        jobs = next(client)
        assert jobs.name == "jobs"
        assert [job["jobId"] for job in jobs.data["activeJobs"]] == ["job-1"]
        here.board.post(state="connected", connected=True)
        news = next(client)
        assert (news.name, news.data["state"]) == ("status", "connected")
        assert news.data["session"] == {"state": "connected"}
        here.memory.progress(running, 0.5, "half")
        moved = client.until("job").data
        assert (moved["jobId"], moved["fraction"], moved["message"]) == ("job-1", 0.5, "half")
        here.memory.failed(running, Failure("no memory", True))
        ended = client.until("job").data
        assert (ended["status"], ended["reason"]) == ("failed", "no memory")
        here.say("one")
        lines = client.until("logs").data
        assert [entry["message"] for entry in lines["entries"]] == ["one"]
        assert requests.post(f"{here.url}/daemon/pause", headers=SIGNED, timeout=60).ok
        assert client.until("status").data["paused"]


def test_many_changes_at_once_are_told_as_one(tmp_path: Path) -> None:
    gate = Gate()
    with DaemonHere(tmp_path, Pace(rest=gate)) as here:
        here.say("before anybody followed")
        with here.follow() as client:
            assert gate.resting.acquire(timeout=60)
            mine = here.job("local-1", Source.LOCAL)
            for number in range(1000):
                here.board.count("done")
                here.memory.progress(mine, number / 1000, None)
                here.say(f"line {number}")
            gate.go_on()
            assert gate.resting.acquire(timeout=60)
            here.changes.close()
            gate.go_on()
            told = list(client)
    names = [event.name for event in told]
    assert names == ["status", "jobs", "status", "job", "logs", "ended"]
    assert told[2].data["done"] == 1000
    assert told[3].data["fraction"] == 0.999
    assert [entry["message"] for entry in told[4].data["entries"]] == [
        f"line {number}" for number in range(1000)
    ]


def test_a_slow_client_skips_to_the_newest_and_is_told_what_it_missed(tmp_path: Path) -> None:
    gate = Gate()
    with DaemonHere(tmp_path, Pace(rest=gate)) as here, here.follow() as client:
        assert gate.resting.acquire(timeout=60)
        for number in range(2500):
            here.say(str(number))
        gate.go_on()
        lines = client.until("logs").data
        assert (len(lines["entries"]), lines["missed"], lines["seq"]) == (1000, 1500, 2500)
        assert lines["entries"][-1]["message"] == "2499"
        gate.go_on()


def test_the_lines_of_the_log_go_on_where_a_client_was(here: DaemonHere) -> None:
    for number in range(1, 6):
        here.say(str(number))

    def lines(path: str, **headers: str) -> Event:
        with here.follow(path, **headers) as client:
            return client.until("logs")

    def messages(event: Event) -> list[str]:
        return [entry["message"] for entry in event.data["entries"]]

    known = lines("/daemon/events?after=2")
    assert messages(known) == ["3", "4", "5"]
    assert messages(lines("/daemon/events?after=0")) == ["1", "2", "3", "4", "5"]
    here.say("6")
    assert known.id is not None
    came_back = {"Last-Event-ID": known.id}
    assert messages(lines("/daemon/events", **came_back)) == ["6"]
    other_run = {"Last-Event-ID": "0badcafe.5"}
    assert len(messages(lines("/daemon/events", **other_run))) == 6, "of another run: all again"


def test_a_client_without_a_number_hears_the_log_from_now_on(here: DaemonHere) -> None:
    here.say("before")
    with here.follow() as client:
        assert [next(client).name, next(client).name] == ["status", "jobs"]
        here.say("after")
        assert [line["message"] for line in client.until("logs").data["entries"]] == ["after"]


def test_a_heartbeat_is_no_news_and_silence_is_told_as_a_sign_of_life(tmp_path: Path) -> None:
    pace = Pace(rest=functools.partial(asyncio.sleep, 0), quiet=0.01)
    with DaemonHere(tmp_path, pace) as here, here.follow() as client:
        assert [next(client).name for _ in range(4)] == ["status", "jobs", "", ""]


def test_more_clients_than_there_is_room_for_are_told_to_come_back(here: DaemonHere) -> None:
    clients = [here.follow() for _ in range(MOST_STREAMS)]
    for client in clients:
        assert next(client).name == "status"
    with here.follow() as refused:
        assert refused.answer.status_code == 503
        assert refused.answer.headers["retry-after"]
    for client in clients[1:]:
        client.answer.close()

    def has_room() -> bool:
        with here.follow() as client:
            return client.answer.status_code == 200

    eventually("those that left made room", has_room)
    here.board.post(state="connected")
    assert clients[0].until("status").data["state"] == "connected", "the others follow on"
    clients[0].answer.close()


def test_the_end_of_the_worker_ends_every_stream(here: DaemonHere) -> None:
    with here.follow() as client, here.follow() as other:
        next(client)
        next(other)
        here.board.post(state="stopping")
        here.changes.close()
        assert [list(each)[-1].name for each in (client, other)] == ["ended", "ended"]


def test_a_client_that_takes_nothing_is_let_go_and_others_are_served(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    pace = Pace(rest=functools.partial(asyncio.sleep, 0), stuck=0.5)
    with DaemonHere(tmp_path, pace) as here, caplog.at_level("INFO", "studio_worker.local_api"):
        host, port = here.url.removeprefix("http://").split(":")
        with socket.socket() as deaf:
            deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            deaf.connect((host, int(port)))
            head = f"GET /daemon/events?after=0 HTTP/1.1\r\nHost: {host}\r\n"
            deaf.sendall(f"{head}Authorization: {SIGNED['authorization']}\r\n\r\n".encode())

            def is_let_go() -> bool:
                for _ in range(100):
                    here.say("x" * 8000)
                return "took nothing" in caplog.text

            eventually("it is let go", is_let_go)
            with here.follow() as client:
                assert next(client).name == "status"


def test_events_need_the_token(here: DaemonHere) -> None:
    assert requests.get(f"{here.url}/daemon/events", timeout=60).status_code == 401


@pytest.mark.parametrize("path", ["/daemon/events", "/daemon/status", "/daemon/logs"])
@pytest.mark.parametrize(
    "headers", [{"Host": "studio.example"}, {"Origin": "https://studio.example"}]
)
def test_a_page_from_elsewhere_sees_nothing_of_the_worker(
    here: DaemonHere, path: str, headers: dict[str, str]
) -> None:
    answer = requests.get(f"{here.url}{path}", headers={**SIGNED, **headers}, timeout=60)
    assert answer.status_code == 403


@pytest.mark.parametrize("path", ["shutdown", "pause", "registration/reset"])
def test_a_page_from_elsewhere_changes_nothing_of_the_worker(here: DaemonHere, path: str) -> None:
    headers = {**SIGNED, "Origin": "http://studio.example"}
    answer = requests.post(f"{here.url}/daemon/{path}", headers=headers, timeout=60)
    assert answer.status_code == 403
    assert not here.paused
    assert not here.stopped.is_set()


def test_other_requests_are_answered_while_one_waits_for_the_driver(tmp_path: Path) -> None:
    release, asked = threading.Event(), threading.Event()

    def hangs() -> None:
        asked.set()
        assert release.wait(60)

    with DaemonHere(tmp_path, gpu=hangs) as here:
        waits = threading.Thread(target=here.get, args=("/daemon/status",))
        waits.start()
        try:
            assert asked.wait(60)
            assert here.get("/daemon/logs").ok
            assert here.get("/healthz").ok
        finally:
            release.set()
            waits.join(60)
