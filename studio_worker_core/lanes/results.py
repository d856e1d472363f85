"""Judging what an engine says it made, once, before anybody relies on it."""

from __future__ import annotations

import stat
from pathlib import Path

import msgspec
from msgspec import Struct

from studio_worker_core.errors import EngineFailed
from studio_worker_core.lanes.answers import out_of_shape
from studio_worker_core.lanes.generation import generation_meta
from studio_worker_core.lanes.protocol import JSON_NAME, Done
from studio_worker_core.lanes.request import LaneRequest
from studio_worker_core.media_types import reason_against
from studio_worker_core.wire.bounds import MAX_JSON_FILE_BYTES
from studio_worker_core.wire.generation import GenerationMeta
from studio_worker_core.wire.tasks import BINARY_KINDS, TaskKind, task_kind

_MEBIBYTE = 1024 * 1024
_MOST_MEMORY = 1 << 50
# Made at import: two threads that are the first to decode a type end the process (msgspec 0.22).
_OBJECT = msgspec.json.Decoder(dict[str, msgspec.Raw])


class Result(Struct, frozen=True):
    """A result that was judged: a regular file directly in the job's directory, neither empty
    nor too large, of a type that its engine may answer with, and with the bytes of that type.
    ``result.json`` is the JSON answer of a kind that has one (llm, audio_stt)."""

    path: Path
    meta: GenerationMeta = GenerationMeta()
    peak_bytes: int | None = None
    """The most memory that the engine's process held meanwhile, as it says; None where the
    system does not count it."""

    @property
    def ext(self) -> str:
        """Its extension, lower case, without a dot."""
        return _extension(self.path)

    @property
    def is_json(self) -> bool:
        """Whether it is text to be shown as it is, not a file to be opened."""
        return self.path.name == JSON_NAME


def judged(request: LaneRequest, done: Done, *, output_mb: float, seconds: float) -> Result:
    """The result of a job on which the engine worked so many ``seconds``.

    :param output_mb: the largest result in MB; 0 is no limit.

    Raises:
        EngineFailed: it is not what the kind of task asks for, not a regular file in the
            job's directory, empty, too large, of an extension the plugin never declared, not
            of the type that its extension says, or no answer of its kind.
    """
    path = Path(done.file)
    who = f"engine '{request.entry.engine}'"
    is_json = task_kind(request.task) not in BINARY_KINDS
    _check_kind(request, path, who)
    if not _lies_in(path, request.directory):
        raise EngineFailed(
            f"{who} answered {path}, which is not in the job's directory; use job.output(ext)"
        )
    if not is_json:
        _check_extension(request, _extension(path), who)
    _check_size(path, who, output_mb)
    if is_json:
        _check_json(path, task_kind(request.task), who)
    elif (reason := reason_against(path, _extension(path))) is not None:
        raise EngineFailed(f"the engine's result cannot be used: {reason}")
    meta = generation_meta(request, done.reported, seconds)
    peak = done.peak_bytes or 0
    return Result(path, meta, peak if 0 < peak < _MOST_MEMORY else None)


def json_object(path: Path) -> dict[str, msgspec.Raw]:
    """The members of a JSON answer, each as it stands in the file: nothing is decoded that
    nobody asks for.

    Raises:
        OSError: it cannot be read.
        ValueError: it is no JSON object in UTF-8.
    """
    data = path.read_bytes()
    data.decode()
    try:
        return _OBJECT.decode(data)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error


def _lies_in(path: Path, directory: Path) -> bool:
    if path.name in ("", ".", ".."):
        return False
    # Resolving looks at every directory on the way, of both.
    return path.parent == directory or path.parent.resolve() == directory.resolve()


def _check_kind(request: LaneRequest, path: Path, who: str) -> None:
    kind = task_kind(request.task)
    if kind not in BINARY_KINDS:
        if path.name != JSON_NAME:
            raise EngineFailed(
                f"{who} answered a file to a task of kind {kind.value}, which needs JSON"
            )
    elif path.name == JSON_NAME and "json" not in request.entry.extensions:
        raise EngineFailed(
            f"{who} answered JSON to a task of kind {kind.value}, which needs a file"
        )


def _check_extension(request: LaneRequest, ext: str, who: str) -> None:
    if ext not in request.entry.extensions:
        declared = ", ".join(sorted(request.entry.extensions)) or "none"
        raise EngineFailed(
            f"{who} answered a file with the extension '{ext}', which its plugin "
            f"{request.entry.distribution} does not declare (it declares: {declared})"
        )


def _check_size(path: Path, who: str, output_mb: float) -> None:
    try:
        found = path.lstat()
    except OSError:
        raise EngineFailed(f"{who} said it is done, but there is no file {path.name}") from None
    if not stat.S_ISREG(found.st_mode):
        raise EngineFailed(f"{who} answered {path.name}, which is not a regular file")
    if found.st_size == 0:
        raise EngineFailed(f"{who} said it is done, but {path.name} is empty")
    if output_mb > 0 and found.st_size > output_mb * _MEBIBYTE:
        raise EngineFailed(
            f"{who} wrote {found.st_size / _MEBIBYTE:.0f} MB, more than the {output_mb:g} MB "
            "allowed (limits.output_mb)"
        )


def _check_json(path: Path, kind: TaskKind, who: str) -> None:
    size = path.stat().st_size
    if size > MAX_JSON_FILE_BYTES:
        raise EngineFailed(
            f"{who} answered {size / _MEBIBYTE:.1f} MB of JSON; at most "
            f"{MAX_JSON_FILE_BYTES // _MEBIBYTE} MB can be sent",
            retryable=False,
        )
    try:
        json_object(path)
        fault = out_of_shape(kind, path.read_bytes())
    except (OSError, ValueError) as error:
        raise EngineFailed(f"{who} answered JSON that cannot be read: {error}") from None
    if fault is not None:
        raise EngineFailed(f"{who} answered what is no answer of the kind {kind.value}: {fault}")


def _extension(path: Path) -> str:
    return path.suffix.removeprefix(".").lower()
