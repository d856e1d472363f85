"""Colours and tables: for people on terminals only, and only if they want them."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable

import pytest

from studio_worker_core.terminal import print_json, print_table

OnTerminal = Callable[..., tuple[int, str]]

LIST = [sys.executable, "-m", "studio_worker_core.cli.main", "engines", "list"]


def test_off_a_terminal_a_row_is_one_line_however_long(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(["name", "value"], [["a", "x" * 300], ["long name", "y"]])
    lines = capsys.readouterr().out.splitlines()
    assert lines == ["name       value", "a          " + "x" * 300, "long name  y"]


def test_json_is_indented_and_readable_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    print_json({"name": "Ümlaut", "list": [1, None]})
    written = capsys.readouterr().out
    assert json.loads(written) == {"name": "Ümlaut", "list": [1, None]}
    assert '  "name": "Ümlaut"' in written


@pytest.mark.parametrize(("no_color", "coloured"), [("", True), ("1", False)])
def test_a_terminal_gets_colour_unless_told_not_to(
    on_terminal: OnTerminal, no_color: str, coloured: bool
) -> None:
    script = (
        "from studio_worker_core.terminal import print_table\n"
        "print_table(['state'], [['broken']], styles=['red'])\n"
    )
    status, written = on_terminal([sys.executable, "-c", script], NO_COLOR=no_color)
    assert status == 0, written
    assert ("\x1b[31m" in written) is coloured


def test_a_terminal_gets_a_table_fitted_to_its_width(on_terminal: OnTerminal) -> None:
    script = (
        "from studio_worker_core.terminal import print_table\n"
        "print_table(['name', 'value'], [['short', 'word ' * 60]])\n"
    )
    status, written = on_terminal([sys.executable, "-c", script], COLUMNS="60")
    assert status == 0, written
    lines = re.sub(r"\x1b\[[0-9;]*m", "", written).splitlines()
    assert len(lines) > 5
    assert all(len(line) <= 60 for line in lines)


def test_json_on_a_terminal_is_still_plain_json(on_terminal: OnTerminal) -> None:
    status, written = on_terminal([*LIST, "--json"], STUDIO_WORKER_PLUGINS="none")
    assert status == 0
    assert "\x1b" not in written
    assert json.loads(written)


def test_a_dumb_terminal_gets_plain_lines(on_terminal: OnTerminal) -> None:
    status, written = on_terminal(LIST, TERM="dumb", STUDIO_WORKER_PLUGINS="none")
    assert status == 0
    assert "\x1b" not in written
    assert re.search(r"^synthetic +ready", written, re.MULTILINE)
