"""What the pages claim about the code is there: tests, messages, scripts, variables."""

from __future__ import annotations

import ast
import functools
import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from tests.docs.blocks import ROOT, inline_code, pages

_SOURCES = (
    "studio_worker_core",
    *(f"plugins/{n}/src" for n in ("image", "studio", "tts", "video")),
)
_TEST = re.compile(r"^(tests/\S+\.py)::(test_\w+)$")
_VARIABLE = re.compile(r"\bSTUDIO_[A-Z_]+\b")
_TERM = re.compile(r"`([^`]+)`")


def _named_tests() -> list[tuple[str, str]]:
    page = ROOT / "docs" / "inside" / "faults.md"
    found = (_TEST.match(code) for _, code in inline_code(page))
    return [(match[1], match[2]) for match in found if match]


def _messages() -> list[str]:
    """The terms of the definition lists on the page for troubleshooting."""
    lines = (ROOT / "docs" / "operator" / "troubleshooting.md").read_text("utf-8").splitlines()
    terms = [a for a, b in pairwise(lines) if b.startswith(": ")]
    return [message for term in terms for message in _TERM.findall(term)]


@functools.cache
def _texts() -> str:
    """Every string of the sources, one a line; what f-strings insert is ``…``."""
    return "\n".join(
        " ".join(text.split())
        for root in _SOURCES
        for file in sorted((ROOT / root).rglob("*.py"))
        for text in _strings_of(file)
    )


def _strings_of(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        match node:
            case ast.Constant(value=str(text)):
                yield re.sub(r"%(?:\.\d)?[sdf]", "…", text)
            case ast.JoinedStr(values=values):
                yield "".join(
                    v.value if isinstance(v, ast.Constant) else "…"  # type: ignore[misc]
                    for v in values
                )


def test_the_fault_table_names_tests() -> None:
    assert len(_named_tests()) > 30


@pytest.mark.parametrize(("file", "name"), _named_tests())
def test_a_test_of_the_fault_table_exists(file: str, name: str) -> None:
    tree = ast.parse((ROOT / file).read_text("utf-8"))
    assert any(isinstance(node, ast.FunctionDef) and node.name == name for node in tree.body)


def test_the_page_for_troubleshooting_names_messages() -> None:
    assert len(_messages()) > 20


@pytest.mark.parametrize("message", _messages())
def test_a_message_on_the_page_for_troubleshooting_is_one_of_ours(message: str) -> None:
    # A dot-dot-dot on the page stands for anything, as an insertion in the code does.
    pieces = [piece for part in message.split("…") if (piece := part.strip(" ;,()"))]
    missing = [piece for piece in pieces if piece not in _texts()]
    assert not missing, f"no message of the code says {missing}"


@pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(ROOT)))
def test_an_environment_variable_on_a_page_is_read_somewhere(page: Path) -> None:
    named = set(_VARIABLE.findall(page.read_text("utf-8")))
    assert {name for name in named if name not in _texts()} == set()


@pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(ROOT)))
def test_a_file_of_the_repository_on_a_page_exists(page: Path) -> None:
    rooted = ("bench/", "tests/", "tools/", "docs/", "plugins/", "studio_worker_core/")
    named = [code.partition(":")[0] for _, code in inline_code(page) if code.startswith(rooted)]
    kept = [name for name in named if not name.startswith("docs/_build/") and "<" not in name]
    assert [name for name in kept if not (ROOT / name).exists()] == []
