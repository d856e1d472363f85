"""The demo's child processes: heard, missed when they end, and always stopped."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import psutil
import pytest

from studio_worker_core.cli.demo.processes import Child, ChildFailed


def test_a_line_of_its_output_is_waited_for() -> None:
    with Child("helper", ["--version"]) as child:
        found = child.wait_for(r"studio-worker (\d+)\.", seconds=30)
    assert found.group(1).isdigit()


def test_a_child_that_ends_too_early_is_told_with_its_last_words() -> None:
    with (
        Child("helper", ["no-such-command"]) as child,
        pytest.raises(ChildFailed, match=r"exit code 2.*(?s:.*)No such command"),
    ):
        child.wait_for("never", seconds=30)


@pytest.fixture
def endless(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Arguments of a command that goes on for ever: its editor never comes back."""
    editor = tmp_path / "editor.py"
    editor.write_text(
        "import threading; print('editing', flush=True); threading.Event().wait()", "utf-8"
    )
    monkeypatch.setenv("EDITOR", f"{sys.executable} {editor}")
    monkeypatch.delenv("VISUAL", raising=False)
    return ["--config", str(tmp_path / "config.toml"), "config", "edit"]


def test_a_child_and_its_own_children_are_gone_when_it_is_left(endless: list[str]) -> None:
    here = psutil.Process(os.getpid())
    before = set(here.children(recursive=True))
    with Child("helper", endless) as child:
        child.wait_for("editing", seconds=30)
        child.check_alive()
        started = set(here.children(recursive=True)) - before
        assert len(started) == 2
    _, alive = psutil.wait_procs(started, timeout=10)
    assert alive == []


def test_silence_is_told_as_such(endless: list[str]) -> None:
    with (
        Child("helper", endless) as child,
        pytest.raises(ChildFailed, match=r"was not ready in 0\.1 s"),
    ):
        child.wait_for("never", seconds=0.1)
