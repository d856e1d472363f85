"""The whole demo as real processes; the small one here has the built-in engine alone."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
import requests

COMMAND = [sys.executable, "-m", "studio_worker_core.cli.main", "demo"]


@pytest.fixture
def small(tmp_path: Path) -> dict[str, str]:
    """An environment with the studio plugin and no engine plugin."""
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    return {
        **os.environ,
        "STUDIO_WORKER_PLUGINS": "studio",
        "XDG_CONFIG_HOME": str(tmp_path / "config"),
        "XDG_CACHE_HOME": str(tmp_path / "cache"),
        "TMPDIR": str(temporary),
    }


@contextmanager
def demo_until(
    said: str, *options: str, environ: dict[str, str], cwd: Path
) -> Iterator[tuple[subprocess.Popen[str], re.Match[str]]]:
    """A demo that has just written a line with ``said`` on standard error."""
    with subprocess.Popen(
        [*COMMAND, *options],
        env=environ,
        cwd=cwd,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        assert process.stderr is not None
        lines = []
        for line in process.stderr:
            lines.append(line)
            found = re.search(said, line)
            if found:
                break
        else:
            raise AssertionError("".join(lines))
        try:
            yield process, found
            process.communicate(timeout=60)
        finally:
            process.kill()


def test_the_demo_saves_checked_files_and_tells_about_each(
    small: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "demo-output").mkdir()
    somebodys = tmp_path / "demo-output" / "synthetic-chat.json"
    somebodys.write_text("mine", "utf-8")
    shown = subprocess.run(
        COMMAND, env=small, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=120
    )
    assert shown.returncode == 0, shown.stderr
    assert somebodys.read_text("utf-8") == "mine"
    assert "not of a demo, and therefore left in demo-output: synthetic-chat.json" in shown.stderr
    heading, *rows = shown.stdout.splitlines()
    assert heading.split()[:7] == ["job", "engine", "model", "kind", "time", "size", "file"]
    files = {path.name for path in (tmp_path / "demo-output").glob("[!.]*")} - {somebodys.name}
    assert {"synthetic-speech.wav", "synthetic-chat-2.json", "synthetic-clip.webp"} <= files
    assert len(rows) == len(files)
    for kind in ("image", "llm", "audio_stt", "audio_tts", "video"):
        assert any(row.split()[3] == kind for row in rows)
    assert "all right" in shown.stderr
    assert not (tmp_path / "config").exists()
    assert list((tmp_path / "tmp").iterdir()) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_demo_leaves_no_process_and_no_file(
    small: dict[str, str], tmp_path: Path, number: signal.Signals
) -> None:
    with demo_until("queueing", environ=small, cwd=tmp_path) as (process, _):
        children = psutil.Process(process.pid).children(recursive=True)
        assert len(children) >= 2
        process.send_signal(number)
    assert process.returncode == 130
    _, alive = psutil.wait_procs(children, timeout=60)
    assert alive == []
    assert list((tmp_path / "tmp").iterdir()) == []


def test_a_kept_demo_stays_until_it_is_interrupted(small: dict[str, str], tmp_path: Path) -> None:
    with demo_until(
        r"studio stays at (http://[\d.:]+)/", "--keep", "--quiet", environ=small, cwd=tmp_path
    ) as (process, found):
        answer = requests.get(found.group(1) + "/graphics/api/healthz", timeout=60)
        assert answer.status_code == 200
        process.send_signal(signal.SIGINT)
    assert process.returncode == 0
