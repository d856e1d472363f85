"""What a running worker shows on a terminal and elsewhere."""

from __future__ import annotations

import io
import logging
import sys
from collections.abc import Callable

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console

from studio_worker_core.cli.reporting import TerminalReporter
from studio_worker_core.cli.status_line import StatusLine
from studio_worker_core.log_lines import LineFormatter
from studio_worker_core.secrets import Secret
from studio_worker_core.worker.status import JobStatus, WorkerStatus

OnTerminal = Callable[..., tuple[int, str]]

BUSY = WorkerStatus(
    state="connected",
    jobs=(
        JobStatus("job-1", "image", "procedural", "marble", 0.0, fraction=0.43, message="veins"),
    ),
    done=12,
    failed=2,
    undelivered=3,
)


def drawn(status: WorkerStatus, width: int = 100) -> str:
    """The status line as plain text."""
    console = Console(file=io.StringIO(), width=width, color_system=None)
    console.print(StatusLine(status))
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_the_status_line_tells_state_job_progress_and_counts() -> None:
    line = drawn(BUSY)
    assert line.count("\n") == 1
    for part in ("connected", "image marble (veins)", "43%", "12 done, 2 failed, 3 to deliver"):
        assert part in line


@pytest.mark.parametrize("width", [20, 40, 60, 80, 200])
def test_the_status_line_is_one_line_at_any_width(width: int) -> None:
    assert drawn(BUSY, width).count("\n") == 1


@pytest.mark.parametrize("width", [60, 80])
@pytest.mark.parametrize("not_taking", [None, "the outbox is full: 20.0 GB of results wait"])
def test_state_percentage_and_counts_stay_whole_on_narrow_terminals(
    width: int, not_taking: str | None
) -> None:
    (short,) = BUSY.jobs
    long = msgspec.structs.replace(
        short, model="a-model-with-a-very-long-name" * 4, message="漢字" * 30
    )
    for jobs in ((short,), (long,), (long, *[short] * 12)):
        status = msgspec.structs.replace(BUSY, jobs=jobs, not_taking=not_taking)
        line = drawn(status, width)
        progress = " 43%" if len(jobs) == 1 else " 43% +12"
        for part in ("connected", progress, "12 done, 2 failed, 3 to deliver"):
            assert part in line
        assert cell_len(line.rstrip("\n")) <= width
        assert line.count("\n") == 1


@pytest.mark.parametrize("width", [60, 80])
def test_a_long_reason_never_costs_the_counts(width: int) -> None:
    for state in ("waiting", "refused", "pending"):
        line = drawn(WorkerStatus(state=state, detail="why " * 60, done=3, failed=1), width)
        assert line.startswith(state)
        assert "3 done, 1 failed" in line
        assert "why" in line
        assert line.count("\n") == 1


@given(
    st.text(max_size=200),
    st.text(max_size=200),
    st.floats(0, 1),
    st.integers(0, 10**6),
    st.integers(10, 200),
)
def test_the_line_fits_whatever_it_quotes(
    model: str, reason: str, fraction: float, count: int, width: int
) -> None:
    job = JobStatus("j", "image", "e", model, 0.0, fraction=fraction, message=reason)
    for shown in ((job,), (job, job), ()):
        line = drawn(
            WorkerStatus(state="connected", detail=reason, jobs=shown, done=count), width
        ).rstrip("\n")
        assert "\n" not in line
        assert cell_len(line) <= width


def test_the_last_snapshot_is_always_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = io.StringIO()
    terminal.isatty = lambda: True  # type: ignore[method-assign]
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "100")
    with TerminalReporter(clock=lambda: 0.0) as reporter:
        reporter.show(BUSY)
        reporter.show(WorkerStatus(state="connected", done=13, undelivered=1))
        reporter.show(WorkerStatus(state="connected", done=13))
    drawn_last = terminal.getvalue().rpartition("13 done")[2]
    assert "to deliver" not in drawn_last, "a worker with nothing to deliver says so"


def test_the_status_line_says_why_no_jobs_are_taken() -> None:
    line = drawn(WorkerStatus(state="connected", not_taking="the worker is paused"))
    assert "takes no jobs: the worker is paused" in line


def test_a_pending_worker_shows_its_request() -> None:
    assert "pending rr-1" in drawn(WorkerStatus(state="pending", detail="rr-1"))


def test_a_log_line_ends_with_its_job() -> None:
    record = logging.LogRecord("studio_worker.x", logging.INFO, "f", 1, "done %d", (1,), None)
    assert LineFormatter().format(record).endswith("INFO    done 1")
    record.job_id = "job-1"
    assert LineFormatter().format(record).endswith("INFO    done 1  [job-1]")
    record.msg, record.args = "job %s is done", ("job-1",)
    assert LineFormatter().format(record).endswith("INFO    job job-1 is done")


def test_without_a_terminal_there_are_log_lines_alone(capsys: pytest.CaptureFixture[str]) -> None:
    log = logging.getLogger("studio_worker.test")
    with TerminalReporter() as reporter:
        reporter.show(BUSY)
        log.info("one")
        log.debug("two")
    log.warning("three")
    written = capsys.readouterr().err
    assert "INFO    one" in written
    assert "two" not in written
    assert "three" not in written
    assert "connected" not in written


def test_what_a_library_warns_of_is_a_line_as_ours_and_comes_once(
    capsys: pytest.CaptureFixture[str],
) -> None:
    secret = "0123456789abcdef" * 4
    Secret(secret)
    with TerminalReporter(environ={"STUDIO_WORKER_LOG": "info,some.library=warn"}):
        logging.getLogger("asyncio").error("lost\n%s", secret)
        logging.getLogger("some.library.part").warning("<led>")
        logging.getLogger("some").warning("<some>")
        logging.getLogger("studio_worker.test").warning("<ours>")
        logging.getLogger("python_multipart.multipart").warning("a form it cannot read")
    written = capsys.readouterr().err
    (lost,) = [line for line in written.splitlines() if "lost" in line]
    assert "ERROR" in lost
    assert "\\n" in lost
    assert secret not in written
    assert [written.count(f"<{name}>") for name in ("led", "some", "ours")] == [1, 1, 1]
    assert "a form" not in written


@pytest.mark.parametrize(("verbosity", "told"), [(-1, ""), (0, "i"), (1, "di"), (2, "di")])
def test_verbosity_chooses_the_levels(
    verbosity: int, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    log = logging.getLogger("studio_worker.test")
    with TerminalReporter(verbosity):
        log.debug("<d>")
        log.info("<i>")
        log.warning("<w>")
    written = capsys.readouterr().err
    assert [c for c in "diw" if f"<{c}>" in written] == [*told, "w"]


@pytest.mark.parametrize(("no_color", "coloured"), [("", True), ("1", False)])
def test_on_a_terminal_a_live_line_stays_below_the_log(
    on_terminal: OnTerminal, no_color: str, coloured: bool
) -> None:
    script = """
import logging
from studio_worker_core.cli.reporting import TerminalReporter
from studio_worker_core.worker.status import WorkerStatus
with TerminalReporter() as reporter:
    reporter.show(WorkerStatus(state="connected"))
    logging.getLogger("studio_worker.x").warning("[b]careful[/b]")
    reporter.show(WorkerStatus(state="stopping"))
"""
    status, written = on_terminal([sys.executable, "-c", script], NO_COLOR=no_color)
    assert status == 0, written
    assert "[b]careful[/b]" in written
    assert written.index("connected") < written.index("careful") < written.rindex("stopping")
    assert ("\x1b[33m" in written) is coloured
