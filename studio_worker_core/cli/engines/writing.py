"""``engines new``: a complete plugin project to start from."""

from __future__ import annotations

import datetime
import getpass
import re
import shutil
import tempfile
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from string import Template
from typing import Annotated

import typer
from msgspec import Struct

from studio_worker_core import __version__
from studio_worker_core.cli.invocation import invocation_of
from studio_worker_core.first_party import PROJECTS
from studio_worker_core.wire.tasks import TaskKind

_SLUG = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")

_FILES: Mapping[str, str] = {
    "pyproject.toml": "pyproject.toml.txt",
    "README.md": "README.md.txt",
    "LICENSE": "LICENSE.txt",
    ".gitignore": "gitignore.txt",
    ".github/workflows/test.yml": "ci.yml.txt",
    "src/{package}/__init__.py": "init.py.txt",
    "src/{package}/plugin.py": "plugin.py.txt",
    "src/{package}/engine.py": "engine_{kind}.py.txt",
    "tests/test_engine.py": "test_engine.py.txt",
}
"""Path in the project → template."""


class _Kind(Struct, frozen=True):
    summary: str
    extensions: Mapping[str, str]
    parameters: Mapping[str, str]
    try_it: str
    dependencies: tuple[str, ...] = ()


_KINDS: Mapping[TaskKind, _Kind] = {
    TaskKind.IMAGE: _Kind(
        "Pictures from a prompt and a seed",
        {"png": "image/png", "webp": "image/webp"},
        {"width, height": "up to 2048 pixels", "seed": "another seed, another picture"},
        "--prompt 'hello' -o hello.png",
        ("pillow>=11",),
    ),
    TaskKind.VIDEO: _Kind(
        "Clips from a prompt",
        {"webp": "image/webp"},
        {"width, height": "up to 1024 pixels", "seconds, fps": "up to 900 frames"},
        "--prompt 'hello' -o hello.webp",
        ("pillow>=11",),
    ),
    TaskKind.AUDIO_TTS: _Kind(
        "Sound from a text",
        {"wav": "audio/wav"},
        {"text": "up to 20,000 characters", "speed": "0.25 to 4"},
        "--text 'hello' -o hello.wav",
    ),
    TaskKind.AUDIO_STT: _Kind(
        "Text from a sound",
        {},
        {"inputUrl": "a WAV file"},
        "--input hello.wav -o hello.json",
    ),
    TaskKind.LLM: _Kind(
        "Answers to a conversation",
        {},
        {"maxTokens": "a word counts as one"},
        "--prompt 'hello'",
    ),
}


def new(
    ctx: typer.Context,
    name: Annotated[
        str, typer.Argument(help="The engine's name: lower-case letters, digits, hyphens.")
    ],
    directory: Annotated[
        Path | None,
        typer.Argument(metavar="[DIR]", help="Where to; by default ./studio-worker-NAME."),
    ] = None,
    kind: Annotated[TaskKind, typer.Option(help="What it does.")] = TaskKind.IMAGE,
    author: Annotated[
        str | None, typer.Option(help="For the licence; by default your user name.")
    ] = None,
) -> None:
    """Write a new plugin project: an engine that works, its tests, its packaging.

    Then: pip install ./studio-worker-NAME, and studio-worker engines check NAME.
    """
    if not _SLUG.fullmatch(name) or len(name) > 60:
        raise typer.BadParameter(
            f"'{name}' is no name for an engine; use lower-case letters, digits and hyphens"
        )
    if name in PROJECTS:
        raise typer.BadParameter(f"studio-worker-{name} is a part of studio-worker itself")
    if kind not in _KINDS:
        raise typer.BadParameter(
            f"there is no example engine for the kind {kind.value}; "
            f"take one of {', '.join(_KINDS)} and change it"
        )
    target = directory or Path(f"studio-worker-{name}")
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise typer.BadParameter(f"{target} exists already; name another directory")
    write_project(name, kind, target, author=author or _user())
    if invocation_of(ctx).verbosity >= 0:
        typer.echo(f"{target} is ready. Next:", err=True)
        # With a path in front, so that pip never looks for the name in its index.
        typer.echo(f"  pip install {target.resolve()}", err=True)
        typer.echo(f"  studio-worker engines check {name}", err=True)
    typer.echo(str(target))


def write_project(name: str, kind: TaskKind, target: Path, *, author: str) -> None:
    """Write a project for an engine called ``name`` of one kind. All of it or nothing.

    Raises:
        OSError: it cannot be written, or ``target`` is there and not empty.
    """
    values = _values(name, kind, author)
    templates = files("studio_worker_core.cli.engines") / "templates"
    target.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix=".new-", dir=target.parent))
    try:
        for place, template in _FILES.items():
            file = draft / place.format(package=values["package"])
            file.parent.mkdir(parents=True, exist_ok=True)
            text = (templates / template.format(kind=kind.value)).read_text("utf-8")
            file.write_text(Template(text).substitute(values), "utf-8", newline="\n")
        (draft / "src" / values["package"] / "py.typed").touch()
        draft.chmod(0o755)  # as mkdir would have made it, not private
        if target.exists():
            target.rmdir()
        draft.replace(target)
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise


def _values(name: str, kind: TaskKind, author: str) -> dict[str, str]:
    about = _KINDS[kind]
    return {
        "name": name,
        "distribution": f"studio-worker-{name}",
        "package": f"studio_worker_{name.replace('-', '_')}",
        "class_name": "".join(part.capitalize() for part in name.split("-")) + "Engine",
        "kind_name": kind.name,
        "summary": about.summary,
        "extensions": _pairs(about.extensions),
        "parameters": _pairs(about.parameters),
        "try_it": about.try_it,
        "dependencies": "".join(f'"{each}", ' for each in about.dependencies),
        "author": author.replace("\\", " ").replace('"', "'"),
        "year": str(datetime.datetime.now(datetime.UTC).year),
        "host_version": ".".join(__version__.split(".")[:2]),
    }


def _pairs(mapping: Mapping[str, str]) -> str:
    return ", ".join(f'"{key}": "{value}"' for key, value in mapping.items())


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return "the authors"
