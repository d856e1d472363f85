"""Every command and code block of the pages is run, or looked up where it cannot run."""

from __future__ import annotations

import configparser
import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from studio_worker_core.config import ConfigStore
from studio_worker_core.plugin import ENTRY_POINT_GROUP
from tests.docs.blocks import ROOT, Block, blocks_of, commands_of, inline_code, pages
from tests.docs.known_commands import complaint_about
from tests.docs.session import Session, shown_matches

pytest.importorskip("studio_worker_studio", reason="the studio plugin is not installed")

PAGES = pages()
BLOCKS = [block for page in PAGES for block in blocks_of(page)]
_CHECKED = {"console", "python", "toml", "json", "ini", "dockerfile", "text", "{toctree}"}

_NOT_RUN = {
    "asks questions",
    "downloads a model",
    "fetches from a package index",
    "needs Docker",
    "needs Prometheus",
    "needs a database server",
    "needs a studio at that address",
    "needs a worker that runs",
    "needs nginx",
    "needs systemd and a package index",
    "needs systemd, root and a package index",
    "serves until Ctrl-C",
    "the studio above is still serving",
    "there is no result to act on",
    "they are what the tests are run by",
}
"""Why a block may stay unrun. A new reason is a decision, so it is made here."""


def _id(item: Path | Block) -> str:
    return item.where if isinstance(item, Block) else str(item.relative_to(ROOT))


def _of(language: str) -> list[Block]:
    return [block for block in BLOCKS if block.language == language]


def _without_optional(code: str) -> str:
    """``config [show|get]`` without what may be left out, and without dots for the rest."""
    return re.sub(r" \[[^\]]*\]", "", code).replace("…", "")


def _runs(block: Block) -> bool:
    return block.language == "console" and block.mark("not run") is None


def test_there_are_blocks_of_every_sort() -> None:
    assert len(BLOCKS) > 30
    assert any(_runs(block) for block in BLOCKS)


@pytest.mark.parametrize("block", BLOCKS, ids=_id)
def test_a_block_has_a_language_that_is_checked_or_says_why_it_is_not_run(block: Block) -> None:
    reason = block.mark("not run")
    assert block.language in _CHECKED or block.language.startswith("{") or reason, (
        f"{block.where}: nothing checks {block.language!r} blocks; mark it '<!-- not run: why -->'"
    )
    assert reason is None or reason in _NOT_RUN, f"{block.where}: {reason!r} is no known reason"


@pytest.mark.parametrize("block", _of("console"), ids=_id)
def test_a_command_on_a_page_exists_with_its_options(block: Block) -> None:
    complaints = [complaint_about(command.text) for command in commands_of(block)]
    assert not any(complaints), f"{block.where}: {complaints}"


@pytest.mark.parametrize("page", PAGES, ids=_id)
def test_a_command_in_a_sentence_exists_with_its_options(page: Path) -> None:
    for line, code in inline_code(page):
        if code.startswith(("studio-worker ", "make ", "pip install")):
            complaint = complaint_about(_without_optional(code))
            assert complaint is None, f"{page.relative_to(ROOT)}:{line}: `{code}`: {complaint}"


@pytest.mark.timeout(400)
@pytest.mark.parametrize(
    "page", [page for page in PAGES if any(map(_runs, blocks_of(page)))], ids=_id
)
def test_a_reader_who_types_a_page_from_top_to_bottom_sees_what_it_shows(
    page: Path, tmp_path: Path
) -> None:
    with Session(tmp_path) as session:
        for block in blocks_of(page):
            path = block.mark("file")
            if path is not None:
                session.write(block, path)
            elif _runs(block):
                session.run(block)


@pytest.mark.parametrize("block", _of("toml"), ids=_id)
def test_a_configuration_on_a_page_is_one_the_worker_takes(block: Block, tmp_path: Path) -> None:
    if block.mark("pyproject") is not None:
        table = tomllib.loads(block.text)
        groups = table.get("project", {}).get("entry-points", {})
        assert groups.keys() <= {ENTRY_POINT_GROUP}, f"{block.where}: {groups}"
        return
    file = tmp_path / "config.toml"
    file.write_text(block.text, "utf-8")
    store = ConfigStore(file)
    store.load()
    assert store.unknown_keys == (), block.where


@pytest.mark.parametrize("block", _of("json"), ids=_id)
def test_json_on_a_page_is_json(block: Block) -> None:
    json.loads(block.text)


@pytest.mark.parametrize("block", _of("python"), ids=_id)
def test_python_on_a_page_runs(block: Block, tmp_path: Path) -> None:
    # Files of the reader's are run in the page's session.
    code = f"compile({block.text!r}, 'page', 'exec')" if block.mark("file") else block.text
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, f"{block.where}:\n{done.stderr}"


@pytest.mark.parametrize("block", _of("ini"), ids=_id)
def test_a_service_unit_on_a_page_starts_a_command_that_exists(block: Block) -> None:
    unit = configparser.ConfigParser(strict=False, interpolation=None)
    unit.optionxform = str  # type: ignore[assignment,method-assign]
    unit.read_string(block.text)
    line = re.sub(r"^\S*/studio-worker", "studio-worker", unit["Service"]["ExecStart"])
    assert line.startswith("studio-worker "), block.where
    assert complaint_about(line) is None, f"{block.where}: {line}"


@pytest.mark.parametrize("block", _of("dockerfile"), ids=_id)
def test_a_container_on_a_page_runs_commands_that_exist(block: Block) -> None:
    lines = block.text.replace("\\\n", " ").splitlines()
    for line in lines:
        instruction, _, rest = line.partition(" ")
        if instruction == "RUN":
            for part in rest.split("&&"):
                assert complaint_about(part.strip()) is None, f"{block.where}: {part}"
    entry = next(line for line in lines if line.startswith("ENTRYPOINT"))
    command = next(line for line in lines if line.startswith("CMD"))
    words = [*json.loads(entry.partition(" ")[2]), *json.loads(command.partition(" ")[2])]
    assert complaint_about(" ".join(words)) is None, f"{block.where}: {words}"


@pytest.mark.parametrize(
    ("shown", "printed", "same"),
    [
        ("a  b", "a b\n", True),
        ("a …", "a anything at all", True),
        ("first\n…\nlast", "first\nlast", True),
        ("first\n…\nlast", "first\n2\n3\nlast", True),
        ("a", "a\nb", False),
        ("job-…  done", "job-12 failed", False),
    ],
)
def test_what_is_shown_is_compared_line_by_line(shown: str, printed: str, same: bool) -> None:
    assert shown_matches(shown, printed) is same
