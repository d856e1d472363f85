"""The worker's uploads over real sockets."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from studio_worker_core.config import Config, OutboxLimits, Registration
from studio_worker_core.delivery import Delivery
from studio_worker_core.errors import NotRegistered
from studio_worker_core.outbox import Entry, Outbox
from studio_worker_core.secrets import Secret
from studio_worker_core.wire.frames import Claim
from studio_worker_core.wire.models import ModelSource
from studio_worker_core.wire.tasks import ImageTask
from studio_worker_core.worker.uploads import Uploads
from tests.support.waiting import eventually

WAIT = 60.0


class TricklingStudio:
    """Takes uploads, but those of a job called slow… a few bytes at a time."""

    def __init__(self) -> None:
        self.over = threading.Event()
        self.trickling = 0
        self.got: list[str] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}/"
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                thread = threading.Thread(target=self._serve, args=(connection,))
                self._threads.append(thread)
                thread.start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError), connection.makefile("rb") as file:
            while line := file.readline():
                job = line.split(b"/")[-3].decode()
                length = 0
                while (line := file.readline()) not in (b"\r\n", b""):
                    name, _, value = line.partition(b":")
                    length = int(value) if name.lower() == b"content-length" else length
                if job.startswith("slow"):
                    self.trickling += 1
                    while not self.over.wait(0.05) and file.read(1):
                        pass
                    return
                file.read(length)
                self.got.append(job)
                connection.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")

    def close(self) -> None:
        self.over.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join(WAIT)


@pytest.fixture
def studio() -> Iterator[TricklingStudio]:
    made = TricklingStudio()
    yield made
    made.close()


def _picture(outbox: Outbox, job: str, size: int, *, worker: str = "w-1") -> Entry:
    source = ModelSource(engine="e")
    claim = Claim(job_id=job, model="m", task=ImageTask(prompt="p"), model_source=source)
    draft = outbox.begin(claim, worker, 1)
    path = draft.directory / "result.png"
    path.write_bytes(b"\x89PNG\r\n\x1a\n".ljust(size, b"\0"))
    return outbox.finish(draft, path)


def test_uploads_at_a_trickle_hold_up_neither_the_others_nor_the_shutdown(
    studio: TricklingStudio, tmp_path: Path
) -> None:
    config = Config(
        api_base_url=studio.url,
        registered_at=studio.url,
        worker_id="w-1",
        auth_token=Secret("token"),
    )
    outbox = Outbox(tmp_path / "outbox", OutboxLimits)
    uploads = Uploads(lambda: config)
    stop = threading.Event()
    delivery = Delivery(outbox, uploads.completes(lambda: False), stop)
    delivery.start()
    try:
        for job in ("slow-1", "slow-2"):
            delivery.submit(_picture(outbox, job, 8 << 20))
        eventually("the uploads began", lambda: studio.trickling == 2, timeout=WAIT)
        for number in range(4):
            delivery.submit(_picture(outbox, f"job-{number}", 100))
        eventually("the others arrived", lambda: len(studio.got) == 4, timeout=WAIT)
        assert studio.got == [f"job-{number}" for number in range(4)]
        eventually("they left", lambda: len(outbox.pending()) == 2, timeout=WAIT)
    finally:
        stop.set()
        uploads.close()
        assert delivery.join(WAIT)
    assert sorted(entry.job_id for entry in outbox.pending()) == ["slow-1", "slow-2"]


def test_a_result_made_for_a_studio_that_was_left_goes_there_and_nowhere_else(
    tmp_path: Path,
) -> None:
    with contextlib.ExitStack() as stack:
        left, now = (stack.enter_context(contextlib.closing(TricklingStudio())) for _ in range(2))
        config = Config(
            api_base_url=now.url,
            registered_at=now.url,
            worker_id="w-2",
            auth_token=Secret("token-2"),
            registrations={left.url: Registration(worker_id="w-1", auth_token=Secret("token-1"))},
        )
        uploads = stack.enter_context(contextlib.closing(Uploads(lambda: config)))
        complete = uploads.completes(lambda: False)[0]
        outbox = Outbox(tmp_path / "outbox", OutboxLimits)
        for job_id, worker_id in (("j-1", "w-1"), ("j-2", "w-2"), ("j-3", "w-1")):
            complete(_picture(outbox, job_id, 64, worker=worker_id), lambda: False)
        assert (left.got, now.got) == (["j-1", "j-3"], ["j-2"])
        with pytest.raises(NotRegistered):
            complete(_picture(outbox, "j-4", 64, worker="w-0"), lambda: False)


def test_what_may_be_sent_follows_the_settings(tmp_path: Path) -> None:
    here = Config(
        api_base_url="https://a.example/graphics/api/",
        registered_at="https://A.example",
        worker_id="w-1",
        auth_token=Secret("t"),
        registrations={
            "https://b.example": Registration(worker_id="w-2", auth_token=Secret("t")),
            "https://c.example": Registration(worker_id="w-3"),
        },
    )
    settings = [here]
    outbox = Outbox(tmp_path / "outbox", OutboxLimits)
    entries = {f"w-{n}": _picture(outbox, f"job-{n}", 100, worker=f"w-{n}") for n in range(1, 5)}
    with contextlib.closing(Uploads(lambda: settings[0])) as uploads:

        def sent() -> set[str]:
            return {worker for worker, entry in entries.items() if uploads.may_send(entry)}

        assert (sent(), uploads.worker_id()) == ({"w-1", "w-2"}, "w-1")
        settings[0] = replace(here, worker_id="w-4")
        assert (sent(), uploads.worker_id()) == ({"w-2", "w-4"}, "w-4")
        settings[0] = replace(here, api_base_url="no address", auth_token=None)
        assert (sent(), uploads.base_url) == ({"w-2"}, "https://a.example")
