"""``--help`` and ``--version`` without typer say what typer says."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from studio_worker_core.cli import quick_help
from studio_worker_core.cli.group import LazyGroup
from studio_worker_core.cli.quick_help import help_text, quick_answer
from studio_worker_core.cli.root import run_command
from studio_worker_core.cli.table import CommandEntry

Run = Callable[..., subprocess.CompletedProcess[str]]
Commands = dict[str, CommandEntry]
Written = Callable[[int, Commands], tuple[str | None, str]]

WORDS = st.text("abcdefghijklmnopqrstuvwxyz-,()[]'", min_size=1, max_size=14)
LINES = st.lists(WORDS, max_size=14).map(" ".join)
COMMANDS = st.dictionaries(st.text("abcdefghijklmnop-", min_size=1, max_size=34), LINES, max_size=4)


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Written:
    """The help for so many columns and these plugins' commands: ours, and typer's."""

    def write(columns: int, commands: Commands) -> tuple[str | None, str]:
        monkeypatch.setenv("COLUMNS", str(columns))
        monkeypatch.setattr(quick_help, "plugin_commands", lambda: commands)
        monkeypatch.setattr(LazyGroup, "find_plugin_commands", staticmethod(lambda: commands))
        assert run_command(["--help"]) == 0
        return help_text(), capsys.readouterr().out

    return write


@pytest.mark.parametrize("columns", [*range(78, 104), 200])
def test_the_help_is_typers_at_every_usual_width(written: Written, columns: int) -> None:
    ours, typers = written(columns, {})
    assert ours == typers


@pytest.mark.parametrize("columns", [1, 20, 51, 52, 53, 60, 70, 77])
def test_on_a_narrow_terminal_it_is_typers_or_left_to_it(written: Written, columns: int) -> None:
    ours, typers = written(columns, {})
    assert ours in (None, typers)


def test_what_plugins_say_of_their_commands_is_broken_as_typer_does_or_left_to_it(
    written: Written,
) -> None:
    @given(columns=st.integers(40, 120), said=COMMANDS)
    def whatever_they_say(columns: int, said: dict[str, str]) -> None:
        commands = {
            name: CommandEntry(name, text, "some.module:app") for name, text in said.items()
        }
        ours, typers = written(columns, commands)
        assert ours in (None, typers)

    whatever_they_say()


def test_only_the_command_lines_that_are_nothing_else_are_answered(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(quick_help, "plugin_commands", dict)
    assert quick_answer(["--version"]) == quick_answer(["--version"])
    assert quick_answer(["-h"]) == quick_answer(["--help"])
    for others in ([], ["run"], ["run", "--help"], ["--help", "run"], ["--config", "--help"]):
        assert quick_answer(others) is None
    monkeypatch.setenv("_STUDIO_WORKER_COMPLETE", "complete_bash")
    assert quick_answer(["--help"]) is None


@pytest.mark.parametrize("option", ["--help", "--version"])
def test_a_start_for_these_loads_neither_typer_nor_typing(
    environ: dict[str, str], option: str
) -> None:
    command = [sys.executable, "-X", "importtime", "-m", "studio_worker_core.cli.main", option]
    # The first may have to ask the plugins; the second reads what was kept.
    for _ in range(2):
        ran = subprocess.run(command, env=environ, check=True, capture_output=True, text=True)
    loaded = {line.rpartition("|")[2].strip() for line in ran.stderr.splitlines()}
    assert "studio_worker_core.cli.quick_help" in loaded
    heavy = {"typer", "typing", "re", "enum", "pathlib", "signal", "collections.abc", "msgspec"}
    assert not loaded & _beyond_a_bare_start(environ, heavy)


def _beyond_a_bare_start(environ: dict[str, str], modules: set[str]) -> set[str]:
    """Those of ``modules`` that the interpreter does not load whatever it runs."""
    # As a module, since that is how it is run above.
    command = [sys.executable, "-X", "importtime", "-m", "this"]
    bare = subprocess.run(command, env=environ, check=True, capture_output=True, text=True)
    return modules - {line.rpartition("|")[2].strip() for line in bare.stderr.splitlines()}


FULL = Path("/dev/full")


@pytest.mark.skipif(not FULL.exists(), reason="there is no such device")
def test_a_help_that_cannot_be_written_is_a_message_and_a_status(environ: dict[str, str]) -> None:
    with FULL.open("w") as full:
        ran = subprocess.run(
            [sys.executable, "-m", "studio_worker_core.cli.main", "--help"],
            env=environ,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
        )
    assert ran.returncode == 1
    assert ran.stderr.startswith("studio-worker: ")
    assert "Traceback" not in ran.stderr
