"""The scripted studio of the benchmarks, and the command lines of what is measured."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from bench.suite.__main__ import main
from bench.suite.processes import cpu_ms, timed
from bench.suite.studio import BenchStudio, JobFailed
from bench.suite.worker import OURS, MeasuredWorker, UnusableCommand, command_for


def test_the_place_of_the_config_is_put_into_a_command_line() -> None:
    assert command_for("'a worker' --config={config} run", Path("/x y/c.toml")) == [
        "a worker",
        "--config=/x y/c.toml",
        "run",
    ]


@pytest.mark.parametrize("line", ["worker run", "worker 'half", ""])
def test_a_command_line_without_a_place_for_it_is_refused(line: str) -> None:
    with pytest.raises(UnusableCommand):
        command_for(line, Path("config.toml"))


def test_what_cannot_be_used_is_said_in_a_line(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert main(["--against", "worker run"]) == 1
    assert "{config}" in capsys.readouterr().err
    assert main(["--compare", str(tmp_path / "nothing.json")]) == 1
    assert "nothing.json" in capsys.readouterr().err


def test_a_process_is_timed_with_its_own_memory() -> None:
    program = "import sys; held = bytearray(30 << 20); sys.exit(3)"
    ended = timed([sys.executable, "-I", "-S", "-c", program], {})
    assert ended.code == 3
    assert ended.wall_ms > 0
    assert ended.peak_mb > 30


def test_a_worker_does_files_and_answers_for_the_scripted_studio(tmp_path: Path) -> None:
    picture = {"kind": "image", "prompt": "a fox", "width": 16, "height": 16, "ext": "png"}
    chat = {"kind": "llm", "messages": [{"role": "user", "content": "hi"}]}
    with BenchStudio() as studio, MeasuredWorker(OURS, tmp_path, studio.url) as worker:
        studio.wait_session(1)
        file = studio.run("synthetic-image", picture)
        answer = studio.run("synthetic-llm", chat)
        with pytest.raises(JobFailed):
            studio.run("synthetic-image", {**picture, "width": 10**6})
        assert cpu_ms(worker.pid) > 0
    for each in (file, answer):
        assert 0 < each.accepted <= each.ended
        assert each.result_bytes > 0


def test_no_session_is_waited_for_only_so_long() -> None:
    with BenchStudio() as studio, pytest.raises(TimeoutError):
        studio.wait_session(1, seconds=0.01)
