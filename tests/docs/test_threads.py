"""The tables of threads and processes are complete: whatever the core starts is in them."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docs.blocks import ROOT
from tests.docs.places import places_in, table_rows

CORE = ROOT / "studio_worker_core"
PAGE = (ROOT / "docs" / "inside" / "architecture.md").read_text("utf-8")
_THREADS = {"Thread", "Timer", "ThreadPoolExecutor"}
_PROCESSES = {"Popen", "run", "call", "check_output", "ProcessPoolExecutor", "Process"}
_ANY = "…"


def _calls(file: Path) -> Iterator[tuple[str, ast.Call]]:
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        match node:
            case ast.Call(func=ast.Attribute(value=ast.Name(id=owner), attr=name)):
                yield f"{owner}.{name}", node
            case ast.Call(func=ast.Name(id=name)):
                yield name, node


def _starts(kind: str) -> Iterator[tuple[str, ast.Call]]:
    """File and call of everything that starts a thread or a process."""
    for file in sorted(CORE.rglob("*.py")):
        for name, call in _calls(file):
            owner, _, last = name.rpartition(".")
            is_thread = last in _THREADS and owner in ("", "threading")
            is_process = last in _PROCESSES and owner in ("subprocess", "multiprocessing")
            if is_thread if kind == "thread" else is_process:
                yield file.relative_to(ROOT).as_posix(), call


def _name_of(call: ast.Call) -> str | None:
    """The name a thread gets, ``…`` for what is only known when it is started."""
    if ast.unparse(call.func).endswith("Timer"):
        return "timer"  # takes no name
    for keyword in call.keywords:
        if keyword.arg in ("name", "thread_name_prefix"):
            match keyword.value:
                case ast.Constant(value=str(text)):
                    return text
                case ast.JoinedStr(values=parts):
                    return "".join(
                        str(part.value) if isinstance(part, ast.Constant) else _ANY
                        for part in parts
                    )
                case _:
                    return _ANY
    return None


def _rows(kind: str) -> list[tuple[list[str], set[str]]]:
    """Of each row the names in its first column, and the files in its second."""
    return [
        (re.findall(r"`([^`]+)`", row[0]), {place.file for place in places_in(row[1])})
        for row in table_rows(PAGE, kind)
    ]


@pytest.mark.parametrize("kind", ["thread", "process"])
def test_the_table_names_every_module_that_starts_one_and_no_other(kind: str) -> None:
    named = {file for _, files in _rows(kind) for file in files}
    assert named == {file for file, _ in _starts(kind)}


def test_every_thread_has_a_name_and_its_row() -> None:
    for file, call in _starts("thread"):
        name = _name_of(call)
        assert name is not None, f"{file}:{call.lineno} starts a thread without a name"
        pattern = re.escape(name).replace(re.escape(_ANY), ".+")
        listed = [each for names, files in _rows("thread") if file in files for each in names]
        fits = any(re.fullmatch(pattern, each) for each in listed)
        assert fits, f"{file}:{call.lineno} starts {name!r}, which has no row"


def test_every_thread_that_the_worker_starts_by_name_has_its_row() -> None:
    listed = {name for names, _ in _rows("thread") for name in names}
    started = {
        call.args[0].value
        for name, call in _calls(CORE / "worker" / "worker.py")
        if name.endswith(".start") and call.args and isinstance(call.args[0], ast.Constant)
    }
    assert started
    assert started <= listed
