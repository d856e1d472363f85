"""What the worker and an engine process say to each other: msgpack, one struct a message.

Only small things cross this channel. Results are files in the job's directory, a JSON answer
too.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import msgspec
from msgspec import Struct

from studio_worker_core.lanes.live import Inspection, Wanted
from studio_worker_core.plugin import Model, Secret, Task

MAX_FROM_CHILD = 256 * 1024
"""Longest message an engine process may send, in bytes; more is garbage."""

MAX_TO_CHILD = 256 * 1024 * 1024
"""Longest message to an engine process, in bytes: a chat of many long turns fits."""

JSON_NAME = "result.json"
"""The file with a JSON answer, in the job's directory."""

LogLevel = Literal["debug", "info", "warning", "error"]

FailedBecause = Literal["invalid", "engine", "cancelled", "crash"]
"""``invalid``: the task cannot be served. ``engine``: the engine said it failed and is well.
``cancelled``: it stopped as asked. ``crash``: it raised something else."""


class _Message(Struct, frozen=True, tag_field="type"):
    pass


class Load(_Message, frozen=True, tag="load"):
    """Import the engine and load a model. The first message."""

    factory: str
    model: Model
    search_path: list[str]
    """``sys.path`` of the worker, so that the child finds the same packages; empty keeps the
    child's own."""
    settings: dict[str, Any] = {}
    """What the operator set, secrets among it: they cross this channel and nothing else."""
    settings_type: str = ""
    """``"module:Class"`` of the struct that the settings fill; empty for none."""


class Generate(_Message, frozen=True, tag="generate"):
    job_id: str
    task: Task
    inputs: dict[str, Path]
    directory: Path
    scratch: Path
    wanted: Wanted | None = None
    """What is to be told while the job is done; None from a worker that knows of no such thing."""
    options: str = ""
    """``"module:Class"`` of the struct that the task's options fill; empty for none."""


class CancelJob(_Message, frozen=True, tag="cancel"):
    job_id: str


class Quit(_Message, frozen=True, tag="quit"):
    """Unload and exit."""


ToChild = Load | Generate | CancelJob | Quit


class Ready(_Message, frozen=True, tag="ready"):
    """The process is up."""

    pid: int


class Loaded(_Message, frozen=True, tag="loaded"):
    seconds: float


class Advanced(_Message, frozen=True, tag="progress"):
    job_id: str
    fraction: float
    message: str | None = None


class Log(_Message, frozen=True, tag="log"):
    level: LogLevel
    message: str


class Emitted(_Message, frozen=True, tag="emitted"):
    """The next piece of an answer; an empty one says only that there was one."""

    job_id: str
    text: str


class Previewed(_Message, frozen=True, tag="previewed"):
    """A picture in the making lies in the job's scratch directory under ``name``."""

    job_id: str
    name: str


class Done(_Message, frozen=True, tag="done"):
    """The job is done: ``file`` is the result, :data:`JSON_NAME` for a JSON answer."""

    job_id: str
    file: str
    reported: dict[str, int] = {}
    """What the engine says it worked with; checked again by whoever uses it."""
    peak_bytes: int | None = None
    """The most memory its process held meanwhile."""


class Inspected(_Message, frozen=True, tag="inspected"):
    """Comes after ``done``, where it is wanted."""

    job_id: str
    found: Inspection


class Failed(_Message, frozen=True, tag="failed"):
    because: FailedBecause
    message: str
    job_id: str | None = None
    """None when loading failed."""


FromChild = Ready | Loaded | Advanced | Log | Emitted | Previewed | Done | Inspected | Failed


def _plain(value: Any) -> Any:
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, Secret):
        return value.reveal()
    raise NotImplementedError(f"cannot send a {type(value).__name__}")


def _typed(kind: type, value: Any) -> Any:
    if kind is Path:
        return Path(value)
    raise NotImplementedError(f"cannot receive a {kind.__name__}")


_encoder = msgspec.msgpack.Encoder(enc_hook=_plain)
_to_child: msgspec.msgpack.Decoder[ToChild] = msgspec.msgpack.Decoder(ToChild, dec_hook=_typed)
_from_child: msgspec.msgpack.Decoder[FromChild] = msgspec.msgpack.Decoder(FromChild)


def encode_message(message: ToChild | FromChild) -> bytes:
    """Bytes of a message. Raises ``TypeError`` for values that cannot be sent."""
    return _encoder.encode(message)


def decode_to_child(data: bytes) -> ToChild:
    """Read a message of the worker. Raises ``msgspec.MsgspecError``."""
    return _to_child.decode(data)


def decode_from_child(data: bytes) -> FromChild:
    """Read a message of an engine process. Raises ``msgspec.MsgspecError``."""
    return _from_child.decode(data)
