"""A terminal that takes nothing holds up nobody but the thread that writes on it."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import threading
from collections.abc import Callable

import pytest

from studio_worker_core.cli.reporting import TerminalReporter
from studio_worker_core.cli.terminal_thread import TerminalThread
from studio_worker_core.worker.status import WorkerStatus

OnTerminal = Callable[..., tuple[int, str]]


class Surface:
    """Draws into lists once it is let to."""

    def __init__(self) -> None:
        self.drawn: list[str] = []
        self.drawing = threading.Event()
        self.takes = threading.Event()

    def line(self, text: str, style: str | None) -> None:
        del style
        self._draw(text)

    def status(self, status: WorkerStatus) -> None:
        self._draw(status.state)

    def close(self) -> None:
        self._draw("closed")

    def _draw(self, what: str) -> None:
        self.drawing.set()
        assert self.takes.wait(60)
        self.drawn.append(what)


@pytest.fixture
def surface() -> Surface:
    return Surface()


def test_what_a_stopped_terminal_was_handed_comes_in_order_and_only_the_newest_status(
    surface: Surface,
) -> None:
    terminal = TerminalThread(lambda: surface)
    terminal.start()
    terminal.put_line("first")
    assert surface.drawing.wait(60)
    terminal.put_status(WorkerStatus(state="connecting"))
    terminal.put_line("second")
    terminal.put_status(WorkerStatus(state="connected"))
    terminal.put_status(WorkerStatus(state="stopping"))
    surface.takes.set()
    terminal.close(30)
    assert surface.drawn == ["first", "connecting", "second", "stopping", "closed"]


def test_lines_that_nobody_takes_are_bounded_and_their_loss_is_told(surface: Surface) -> None:
    terminal = TerminalThread(lambda: surface)
    terminal.start()
    terminal.put_line("first")
    assert surface.drawing.wait(60)
    for number in range(10_000):
        terminal.put_line(f"line {number}")
    for number in range(5):
        terminal.put_line(f"{number}" * 300_000)
    surface.takes.set()
    terminal.close(60)
    assert "lines are left out" in surface.drawn[1]
    assert len(surface.drawn) < 5000
    assert surface.drawn[-2] == "4" * 300_000
    assert surface.drawn[-1] == "closed"


FULL = """
import logging, sys, threading
from studio_worker_core.cli.reporting import TerminalReporter
from studio_worker_core.worker.status import WorkerStatus
log = logging.getLogger("studio_worker.test")
with TerminalReporter() as reporter:
    for number in range(2000):
        log.info("%d %s", number, "x" * 500)
        reporter.show(WorkerStatus(state="connected", done=number))
    sys.stdout.write("went on\\n")
    sys.stdout.flush()
"""


def test_a_pipe_that_nobody_reads_stops_neither_the_work_nor_the_end() -> None:
    reader, writer = os.pipe()
    with subprocess.Popen(
        [sys.executable, "-c", FULL], stdout=subprocess.PIPE, stderr=writer, text=True
    ) as process:
        os.close(writer)
        assert process.stdout is not None
        assert process.stdout.readline() == "went on\n"
        assert process.wait(60) == 0
    os.close(reader)


def test_a_terminal_that_is_stopped_stops_neither_the_work_nor_the_end() -> None:
    controller, terminal = os.openpty()
    environ = {**os.environ, "TERM": "xterm-256color"}
    with subprocess.Popen(
        [sys.executable, "-c", FULL],
        stdout=subprocess.PIPE,
        stderr=terminal,
        text=True,
        env=environ,
    ) as process:
        os.close(terminal)
        assert process.stdout is not None
        assert process.stdout.readline() == "went on\n"
        assert process.wait(60) == 0
    os.close(controller)


def test_everything_is_written_where_it_is_taken(on_terminal: OnTerminal) -> None:
    script = FULL.replace("2000", "200")
    status, written = on_terminal([sys.executable, "-c", script])
    assert status == 0
    assert all(f"{number} xxx" in written for number in range(200))
    assert "left out" not in written


def test_a_record_that_cannot_be_formatted_is_told_as_a_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    # Or pytest's own handler would format it too.
    monkeypatch.setattr(logging.getLogger("studio_worker"), "propagate", False)

    class Broken:
        def __str__(self) -> str:
            raise RuntimeError("no")

    with TerminalReporter():
        logging.getLogger("studio_worker.test").warning("%s", Broken())
    assert "studio_worker.test cannot be shown: RuntimeError" in capsys.readouterr().err
