"""The demo's child processes: heard, missed when they end, and always stopped."""

from __future__ import annotations

import os
from pathlib import Path

import psutil
import pytest

from studio_worker_studio.demo.processes import Child, ChildFailed
from tests.support.field import fault_plugin_path
from tests.support.waiting import command_line, eventually


def test_a_line_of_its_output_is_waited_for() -> None:
    with Child("helper", ["--version"]) as child:
        found = child.wait_for(r"studio-worker (\d+)\.", seconds=90)
    assert found.group(1).isdigit()


def test_a_child_that_ends_too_early_is_told_with_its_last_words() -> None:
    with (
        Child("helper", ["no-such-command"]) as child,
        pytest.raises(ChildFailed, match=r"exit code 2.*(?s:.*)No such command"),
    ):
        child.wait_for("never", seconds=90)


@pytest.fixture
def endless(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Arguments of a command that goes on for ever, in a process of its own below it."""
    monkeypatch.setenv("PYTHONPATH", fault_plugin_path(tmp_path / "plugins"))
    config = tmp_path / "config.toml"
    config.write_text('api_base_url = "http://127.0.0.1:9/"\n', "utf-8")
    output = str(tmp_path / "never.png")
    job = ["engines", "run", "fault", "--kind", "image", "--prompt", "hang", "-o", output]
    return ["--config", str(config), *job]


def test_a_child_and_its_own_children_are_gone_when_it_is_left(endless: list[str]) -> None:
    here = psutil.Process(os.getpid())
    before = set(here.children(recursive=True))

    def below() -> set[psutil.Process]:
        return set(here.children(recursive=True)) - before

    def lanes() -> bool:
        # Those that describe plugins come and go meanwhile.
        return any("studio_worker_core.lanes.child" in command_line(one) for one in below())

    with Child("helper", endless) as child:
        eventually("its engine is at work", lanes)
        child.check_alive()
        started = below()
    _, alive = psutil.wait_procs(started, timeout=60)
    assert alive == []


def test_silence_is_told_as_such(endless: list[str]) -> None:
    with (
        Child("helper", endless) as child,
        pytest.raises(ChildFailed, match=r"was not ready in 0\.1 s"),
    ):
        child.wait_for("never", seconds=0.1)
