"""``engines new``: a project that works as it is, of every kind."""

from __future__ import annotations

import json
import subprocess
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from studio_worker_core.wire.tasks import TaskKind

Run = Callable[..., subprocess.CompletedProcess[str]]

FILES = {
    *("pyproject.toml", "README.md", "LICENSE", ".gitignore", ".github/workflows/test.yml"),
    *("src/studio_worker_my_hello/__init__.py", "src/studio_worker_my_hello/plugin.py"),
    *("src/studio_worker_my_hello/engine.py", "src/studio_worker_my_hello/py.typed"),
    "tests/test_engine.py",
}


def pretend_installed(project: Path) -> str:
    """``PYTHONPATH`` on which the project is an installed distribution."""
    table = tomllib.loads((project / "pyproject.toml").read_text("utf-8"))["project"]
    info = project / "src" / f"{table['name'].replace('-', '_')}-0.1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {table['name']}\nVersion: 0.1.0\n", "utf-8"
    )
    ((name, module),) = table["entry-points"]["studio_worker"].items()
    (info / "entry_points.txt").write_text(f"[studio_worker]\n{name} = {module}\n", "utf-8")
    return str(project / "src")


def test_a_project_is_complete(here: Run, tmp_path: Path) -> None:
    done = here("engines", "new", "my-hello", "--author", 'A. "Author"')
    assert done.returncode == 0, done.stderr
    assert done.stdout == "studio-worker-my-hello\n"
    project = tmp_path / "studio-worker-my-hello"
    found = {str(f.relative_to(project)) for f in project.rglob("*") if f.is_file()}
    assert found == FILES
    table = tomllib.loads((project / "pyproject.toml").read_text("utf-8"))["project"]
    assert table["entry-points"]["studio_worker"] == {"my-hello": "studio_worker_my_hello.plugin"}
    assert table["optional-dependencies"]["test"] == ["studio-worker[testing]"]
    assert "A. 'Author'" in (project / "LICENSE").read_text("utf-8")
    for file in project.rglob("*"):
        assert file.is_dir() or "$" not in file.read_text("utf-8").replace("${{", "").replace(
            "$ ", ""
        )


@pytest.mark.parametrize("kind", [kind for kind in TaskKind if kind is not TaskKind.MESH])
def test_the_engine_of_every_kind_keeps_the_contract(
    cli: Run, tmp_path: Path, kind: TaskKind
) -> None:
    assert cli("engines", "new", "fresh", "made/here", "--kind", kind.value).returncode == 0
    path = pretend_installed(tmp_path / "made" / "here")
    done = cli("engines", "check", "fresh", "--json", "--skip", "models", PYTHONPATH=path)
    report = json.loads(done.stdout)
    wrong = [finding for finding in report["findings"] if finding["outcome"] == "failed"]
    assert not wrong
    assert done.returncode == 0


def test_what_is_there_is_not_overwritten(here: Run, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "work.txt").write_text("mine", "utf-8")
    done = here("engines", "new", "hello", "mine")
    assert done.returncode == 2
    assert "exists already" in done.stderr
    assert [file.name for file in (tmp_path / "mine").iterdir()] == ["work.txt"]
    (tmp_path / "empty").mkdir()
    assert here("engines", "new", "hello", "empty").returncode == 0
    assert (tmp_path / "empty" / "pyproject.toml").exists()


@pytest.mark.parametrize("name", ["Hello", "my_engine", "-x", "1st", "tts", "a" * 61])
def test_a_name_that_cannot_be_is_refused(here: Run, tmp_path: Path, name: str) -> None:
    before = set(tmp_path.iterdir())
    assert here("engines", "new", "--", name).returncode == 2
    assert set(tmp_path.iterdir()) == before
