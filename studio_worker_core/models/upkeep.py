"""Checking and removing what the store made; nothing else is ever deleted."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from msgspec import Struct

from studio_worker_core.downloads.partial_file import is_own_state
from studio_worker_core.models.inventory import Inventory, hash_file
from studio_worker_core.models.manifest import (
    MODEL_MANIFEST_NAME,
    KeptFile,
    read_model_manifest,
    record,
)
from studio_worker_core.storage.aside import set_aside
from studio_worker_core.storage.atomic import is_draft

# The first two are the drafts of earlier versions.
_OWN_PATTERNS = (
    ".writing-*",
    ".linking-*",
    f"{MODEL_MANIFEST_NAME}.corrupt-*",
    MODEL_MANIFEST_NAME,
)


class CheckedFile(Struct, frozen=True):
    """One file that was verified."""

    name: str
    path: Path
    state: Literal["ok", "missing", "changed"]
    checked: Literal["sum", "form"] = "sum"
    """What its download was held against: a checksum, or only the form of such files."""
    aside: Path | None = None
    """Where a changed file was moved to."""


def verify_model(inventory: Inventory, *, forget: bool) -> list[CheckedFile]:
    """Hash the files of a model against what was downloaded.

    With ``forget`` a file that changed is set aside, and the next job downloads it again.
    """
    checked = []
    for name, kept in read_model_manifest(inventory.directory, inventory.model).files.items():
        path = inventory.root / kept.path
        state: Literal["ok", "missing", "changed"] = "missing"
        if path.is_file():
            state = "ok" if hash_file(path, _go_on) == kept.sha256 else "changed"
        aside = None
        if state != "ok" and forget:
            record(inventory.directory, inventory.model, name, None, lock=inventory.lock_path(""))
            if state == "changed" and path.parent == inventory.directory:
                aside = set_aside(path, word="aside")
        checked.append(CheckedFile(name, path, state, kept.checked, aside))
    return checked


def remove_model(inventory: Inventory) -> int:
    """Delete what was downloaded for a model; the bytes it held.

    Files of the flat layout, files that somebody changed and files that were never
    downloaded here stay: :func:`left_behind` tells them.
    """
    directory = inventory.directory
    if not directory.is_dir():
        return 0
    own = list(_downloads(inventory)) + list(_parts(directory))
    for pattern in _OWN_PATTERNS:
        own += directory.glob(pattern)
    own += [path for path in directory.iterdir() if is_draft(path.name) and path.is_file()]
    size = 0
    for path in own:
        size += path.lstat().st_size
        path.unlink()
    with contextlib.suppress(OSError):  # somebody's files are in it
        directory.rmdir()
    return size


def left_behind(inventory: Inventory) -> list[Path]:
    """What is still in the directory of a model after it was removed."""
    return sorted(inventory.directory.iterdir()) if inventory.directory.is_dir() else []


def _downloads(inventory: Inventory) -> Iterator[Path]:
    for kept in read_model_manifest(inventory.directory, inventory.model).files.values():
        path = inventory.root / kept.path
        is_here = path.parent == inventory.directory and path.is_file()
        if is_here and _is_ours(kept, path, inventory.root):
            yield path


def _is_ours(kept: KeptFile, path: Path, root: Path) -> bool:
    return kept.is_untouched(root) or hash_file(path, _go_on) == kept.sha256


def _parts(directory: Path) -> Iterator[Path]:
    for state in directory.glob("*.part.json"):
        if is_own_state(state):
            yield state
            part = state.with_suffix("")
            if part.is_file() and not part.is_symlink():
                yield part


def _go_on() -> None:
    pass
