"""What happens inside an engine process: loading the engine, doing a job with it."""

from __future__ import annotations

import importlib
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import msgspec

from studio_worker_core.errors import EngineFailed, InvalidTask, JobCancelled
from studio_worker_core.foreign_text import encodable, encodable_tree, text_of
from studio_worker_core.lanes import memory_peak
from studio_worker_core.lanes import protocol as messages
from studio_worker_core.lanes.answers import unwritable
from studio_worker_core.lanes.emitting import Emitter
from studio_worker_core.lanes.previewing import Previewer
from studio_worker_core.lanes.reading_back import read_back
from studio_worker_core.plugin import Engine, Job, Model, Output, Secret

EngineAnswer = messages.Done | messages.Failed
Send = Callable[[messages.FromChild], None]

_LONGEST_TEXT = 4000
_PROGRESS_SECONDS = 0.05
_LOGS_PER_SECOND = 200


def load_engine(load: messages.Load) -> Engine | messages.Failed:
    """Import an engine, make it, hand it its settings and load its model."""
    model = load.model
    try:
        made = _named(load.factory)()
        if not isinstance(made, Engine):
            return messages.Failed("crash", f"{load.factory} is not a subclass of Engine")
        if load.settings_type:
            made.settings = _settings(load)
        made.load(model)
    except InvalidTask as error:
        return messages.Failed("invalid", _text(error))
    except EngineFailed as error:
        return messages.Failed("engine", f"cannot load {model.name!r}: {_text(error)}")
    except BaseException as error:  # foreign code: sys.exit and the like stay here too
        return messages.Failed("crash", f"loading {model.name!r} failed: {_raised(error)}")
    return made


def _named(reference: str) -> Any:
    module, _, name = reference.partition(":")
    return getattr(importlib.import_module(module), name)


def _settings(load: messages.Load) -> Any:
    try:
        return msgspec.convert(load.settings, _named(load.settings_type), dec_hook=_secret)
    except msgspec.ValidationError as error:  # what the host cannot judge, such as a pattern
        raise EngineFailed(f"what the config sets for it does not fit: {error}") from None


def _secret(kind: type, value: Any) -> Any:
    if kind is Secret and isinstance(value, str):
        return Secret(value)
    raise NotImplementedError(f"no setting is a {kind.__name__}")


def do_job(
    engine: Engine,
    model: Model,
    order: messages.Generate,
    send: Send,
    is_cancelled: Callable[[], bool],
) -> EngineAnswer:
    """Let the engine do one job. Never raises."""
    options = _options(order)
    if isinstance(options, messages.Failed):
        return options
    reporter = _Reporter(order.job_id, send)
    emitter = Emitter(order.job_id, send, order.wanted)
    previewer = Previewer(order, send, reporter.log)
    job: Job[Any] = Job(
        id=order.job_id,
        task=order.task,
        model=model,
        inputs=order.inputs,
        directory=order.directory,
        scratch=order.scratch,
        on_progress=reporter.progress,
        on_log=reporter.log,
        is_cancelled=is_cancelled,
        on_emit=emitter.emit,
        on_preview=previewer.show,
        wants_preview=previewer.is_wanted,
        options=options,
    )
    memory_peak.begin()
    with emitter:  # all of it is out before the answer is
        return _done(engine, job, order)


def _options(order: messages.Generate) -> Any:
    """The engine's own parameters as the task gives them; None for an engine without any."""
    if not order.options:
        return None
    try:
        return msgspec.convert(order.task.options or {}, _named(order.options))
    except msgspec.ValidationError as error:
        return messages.Failed("invalid", f"options: {_text(error)}", order.job_id)
    except BaseException as error:  # foreign code
        why = f"its options cannot be read: {_raised(error)}"
        return messages.Failed("crash", why, order.job_id)


def _done(engine: Engine, job: Job[Any], order: messages.Generate) -> EngineAnswer:
    job_id = order.job_id
    try:
        return _answer(order, engine.generate(job), dict(job.reported))
    except InvalidTask as error:
        return messages.Failed("invalid", _text(error), job_id)
    except JobCancelled as error:
        return messages.Failed("cancelled", _text(error), job_id)
    except EngineFailed as error:
        return messages.Failed("engine", _text(error), job_id)
    except MemoryError:
        return messages.Failed("crash", "ran out of memory (MemoryError)", job_id)
    except BaseException as error:  # foreign code: sys.exit and the like stay here too
        return messages.Failed("crash", _raised(error), job_id)


def _answer(
    order: messages.Generate, output: Output | Any, reported: dict[str, int]
) -> EngineAnswer:
    if isinstance(output, (str, Path)):
        read_back(Path(output))
        return messages.Done(
            order.job_id, encodable(str(output)), reported, memory_peak.peak_bytes()
        )
    if isinstance(output, dict):
        path = order.directory / messages.JSON_NAME
        if (reason := unwritable(output)) is not None:
            return messages.Failed(
                "engine", f"its answer cannot be written as JSON: {encodable(reason)}", order.job_id
            )
        try:
            path.write_bytes(_as_json(output))
        except (TypeError, ValueError, RecursionError) as error:
            return messages.Failed(
                "engine", f"its answer cannot be written as JSON: {_text(error)}", order.job_id
            )
        return messages.Done(order.job_id, str(path), reported, memory_peak.peak_bytes())
    kind = "nothing" if output is None else f"a {type(output).__name__}"
    return messages.Failed(
        "engine",
        f"generate returned {kind}; it must return the path of job.output(ext), or a dict",
        order.job_id,
    )


def _as_json(answer: dict[str, Any]) -> bytes:
    try:
        return msgspec.json.encode(answer)
    except UnicodeEncodeError:  # half a surrogate pair somewhere is no reason to lose the rest
        builtins: Any = msgspec.to_builtins(answer)
        return msgspec.json.encode(encodable_tree(builtins))


class _Reporter:
    """Passes progress and log lines on, at a rate that cannot drown the worker."""

    def __init__(self, job_id: str, send: Send) -> None:
        self._job_id = job_id
        self._send = send
        self._progress_at = 0.0
        self._second = 0.0
        self._lines = 0

    def progress(self, fraction: float, message: str | None) -> None:
        now = time.monotonic()
        if now - self._progress_at >= _PROGRESS_SECONDS or fraction >= 1.0:
            self._progress_at = now
            text = None if message is None else text_of(message, _LONGEST_TEXT)
            self._send(messages.Advanced(self._job_id, float(fraction), text))

    def log(self, level: str, message: str) -> None:
        now = time.monotonic()
        if now - self._second >= 1.0:
            self._second, self._lines = now, 0
        self._lines += 1
        if self._lines > _LOGS_PER_SECOND:
            return
        known = level if level in ("debug", "info", "warning", "error") else "info"
        text = text_of(message, _LONGEST_TEXT)
        self._send(messages.Log(cast("messages.LogLevel", known), text))


def _text(error: BaseException) -> str:
    return text_of(error, _LONGEST_TEXT) or type(error).__name__


def _raised(error: BaseException) -> str:
    """The error with the place in the engine's code where it arose."""
    if isinstance(error, SystemExit):
        return f"called sys.exit({text_of(error.code, _LONGEST_TEXT)})"
    frames = traceback.extract_tb(error.__traceback__)
    place = f" ({encodable(frames[-1].filename)}:{frames[-1].lineno})" if frames else ""
    text = _text(error)
    name = type(error).__name__
    return f"raised {name}: {text}{place}" if text != name else f"raised {name}{place}"
