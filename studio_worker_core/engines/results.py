"""Checking what an engine says it made before anybody relies on it."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import Any

import msgspec

from studio_worker_core.engines.outcomes import Completed
from studio_worker_core.engines.work import FileResult, JsonResult, LaneRequest, Result
from studio_worker_core.errors import EngineFailed
from studio_worker_core.wire.bounds import MAX_FRAME_BYTES
from studio_worker_core.wire.tasks import BINARY_KINDS, task_kind

__all__ = ["checked_result"]

_MEBIBYTE = 1024 * 1024


def checked_result(request: LaneRequest, completed: Completed, *, output_mb: float) -> Result:
    """The result of a job.

    Raises:
        EngineFailed: it is not what the kind of task asks for, not a regular file in the
            job's directory, empty, too large, or of an extension the plugin never declared.
    """
    kind = task_kind(request.task)
    engine = request.entry.engine
    if kind in BINARY_KINDS:
        if completed.file is None:
            raise EngineFailed(
                f"engine '{engine}' answered JSON to a task of kind {kind.value}, "
                "which needs a file"
            )
        return _checked_file(request, completed.file, output_mb)
    if completed.answer is None:
        raise EngineFailed(
            f"engine '{engine}' answered a file to a task of kind {kind.value}, which needs JSON"
        )
    return _checked_answer(request, completed.answer)


def _checked_file(request: LaneRequest, path: Path, output_mb: float) -> FileResult:
    who = f"engine '{request.entry.engine}'"
    ext = path.suffix.removeprefix(".").lower()
    if path.parent.resolve() != request.directory.resolve() or path.name in ("", ".", ".."):
        raise EngineFailed(
            f"{who} answered {path}, which is not in the job's directory; use job.output(ext)"
        )
    if ext not in request.entry.extensions:
        declared = ", ".join(sorted(request.entry.extensions)) or "none"
        raise EngineFailed(
            f"{who} answered a file with the extension '{ext}', which its plugin "
            f"{request.entry.distribution} does not declare (it declares: {declared})"
        )
    size = _regular_size(who, path)
    if output_mb > 0 and size > output_mb * _MEBIBYTE:
        raise EngineFailed(
            f"{who} wrote {size / _MEBIBYTE:.0f} MB, more than the {output_mb:g} MB allowed "
            "(limits.output_mb)"
        )
    return FileResult(path=path, ext=ext)


def _checked_answer(request: LaneRequest, path: Path) -> JsonResult:
    who = f"engine '{request.entry.engine}'"
    if path.parent.resolve() != request.scratch.resolve():
        raise EngineFailed(f"{who} left its answer outside the job's scratch directory")
    size = _regular_size(who, path)
    if size > MAX_FRAME_BYTES // 2:
        raise EngineFailed(
            f"{who} answered {size / _MEBIBYTE:.1f} MB of JSON; at most "
            f"{MAX_FRAME_BYTES // 2 // _MEBIBYTE} MB can be sent"
        )
    try:
        value: dict[str, Any] = msgspec.json.decode(path.read_bytes(), type=dict[str, Any])
    except (OSError, msgspec.MsgspecError) as error:
        raise EngineFailed(f"{who} answered JSON that cannot be read: {error}") from None
    return JsonResult(value)


def _regular_size(who: str, path: Path) -> int:
    try:
        found = path.lstat()
    except OSError:
        raise EngineFailed(f"{who} said it is done, but there is no file {path.name}") from None
    if not stat.S_ISREG(found.st_mode):
        raise EngineFailed(f"{who} answered {path.name}, which is not a regular file")
    if found.st_size == 0:
        raise EngineFailed(f"{who} said it is done, but {path.name} is empty")
    return found.st_size
