"""``engines run``: one job on this machine, into a file."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import typer
from msgspec import Struct

from studio_worker_core.cli.engines.listing import named
from studio_worker_core.cli.engines.output_file import free_name, put_file, put_text
from studio_worker_core.cli.engines.parameters import Given, task_given, typed_parameters
from studio_worker_core.cli.engines.run_options import (
    EngineName,
    Height,
    InputFiles,
    Kind,
    ModelName,
    ModelSourceFile,
    OutputFile,
    Parameters,
    Prompt,
    Seconds,
    Seed,
    Steps,
    Text,
    Voice,
    Width,
)
from studio_worker_core.cli.engines.target import Target, kind_of_work, target_for
from studio_worker_core.cli.installed import engine_settings, installed_engines
from studio_worker_core.cli.interrupts import saying_what_stays, stopping
from studio_worker_core.cli.invocation import Invocation, invocation_of
from studio_worker_core.config import ConfigStore
from studio_worker_core.errors import EngineFailed, EngineMissing, InvalidTask
from studio_worker_core.jobs.parameters import INPUT_PARAMETERS, PLAIN_INPUTS
from studio_worker_core.roster.roster import RosterEntry
from studio_worker_core.wire.media_types import mime_for
from studio_worker_core.wire.tasks import Task, TaskKind, task_kind

if TYPE_CHECKING:
    from studio_worker_core.jobs.job import Job
    from studio_worker_core.lanes.request import OnLog
    from studio_worker_core.lanes.results import Result


def run(
    ctx: typer.Context,
    name: EngineName,
    prompt: Prompt = None,
    output: OutputFile = None,
    kind: Kind = None,
    model: ModelName = None,
    model_source: ModelSourceFile = None,
    text: Text = None,
    inputs: InputFiles = None,
    seed: Seed = None,
    width: Width = None,
    height: Height = None,
    steps: Steps = None,
    seconds: Seconds = None,
    voice: Voice = None,
    param: Parameters = None,
) -> None:
    """Run one job here, without a studio. Ctrl-C stops it.

    studio-worker engines run procedural --prompt 'blue waves' -o waves.png
    """
    invocation = invocation_of(ctx)
    store = ConfigStore(invocation.config_path)
    entry = ready_engine(store, name)
    parameters = typed_parameters(param or ())
    ext = parameters["ext"].value if "ext" in parameters else None
    chosen = kind_of_work(entry, kind, output, ext, speaks=text is not None)
    target = target_for(entry, chosen, output, ext)
    options = {
        "seed": Given(seed, "--seed"),
        "width": Given(width, "--width"),
        "height": Given(height, "--height"),
        "steps": Given(steps, "--steps"),
        "seconds": Given(seconds, "--seconds"),
        "voice": Given(voice, "--voice"),
        "ext": Given(target.ext, "-o"),
        **_words(chosen, prompt, text),
    }
    given = {key: each for key, each in options.items() if each.value is not None}
    files = _inputs(chosen, inputs or ())
    given |= {
        INPUT_PARAMETERS[key]: Given(path.as_uri(), f"--input {key}=")
        for key, path in files.items()
    }
    task = task_given(chosen, given | parameters, entry.options)
    _carry_out(_Order(entry, task, files, target, model, model_source), store, invocation)


class _Order(Struct, frozen=True):
    """One job as the command line asks for it."""

    entry: RosterEntry
    task: Task
    files: Mapping[str, Path]
    target: Target
    model: str | None
    model_source: Path | None


def _carry_out(order: _Order, store: ConfigStore, invocation: Invocation) -> None:
    # Imported here: the lanes are needed only once the command line is understood.
    from studio_worker_core.cli.engines.job_progress import job_progress
    from studio_worker_core.cli.engines.model_files import chosen_source, ensured
    from studio_worker_core.jobs.job import Job, Source
    from studio_worker_core.jobs.local import done_here

    entry, started, verbosity = order.entry, time.monotonic(), invocation.verbosity
    stays = "no result was written; files of a model that have arrived stay"
    with saying_what_stays(stays), stopping() as stop:
        kind = task_kind(order.task)
        name, source = chosen_source(
            store, entry, kind, name=order.model, source_file=order.model_source
        )
        model = ensured(store, name, source, quiet=verbosity < 0, cancel=stop)
        job = Job(
            "local",
            Source.LOCAL,
            model=name,
            task=order.task,
            model_source=source,
            inputs=order.files,
            cancel=stop,
        )
        with contextlib.ExitStack() as showing:
            progress = job_progress(f"{entry.engine} {name}", quiet=verbosity < 0)
            done = done_here(
                job,
                entry,
                model.files,
                limits=store.config.limits,
                listener=showing.enter_context(progress),
                setup=engine_settings(store).setup_of(entry),
                engine_log=partial(engine_log, verbosity=verbosity),
            )
            with done as result:
                showing.close()
                _deliver(invocation, entry, result, order.target, started, stop)


def engine_log(job: Job, *, verbosity: int) -> OnLog:
    """Where the lines of the engine go: warnings to standard error, with ``-v`` all of them."""

    def log(level: str, line: str) -> None:
        if verbosity > 0 or level in ("warning", "error"):
            typer.echo(f"{job.engine}: {line}", err=True)

    return log


def ready_engine(store: ConfigStore, name: str) -> RosterEntry:
    """The engine of that name or id, if it can work. Raises EngineMissing."""
    roster = installed_engines(store)
    entry = roster.find(name) or named(roster, name)[0]
    if not entry.ready:
        remedy = f"; {entry.remedy}" if entry.remedy else ""
        raise EngineMissing(f"engine '{name}' is {entry.state}: {entry.reason}{remedy}")
    return entry


def _words(kind: TaskKind, prompt: str | None, text: str | None) -> Mapping[str, Given]:
    """What is asked for, under the name the kind has for it."""
    asked, spoken = Given(prompt, "--prompt"), Given(text, "--text")
    match kind:
        case TaskKind.AUDIO_TTS:
            if text is None and prompt is None:
                raise typer.BadParameter("give the text to speak with --text")
            return {"text": spoken if text is not None else asked}
        case TaskKind.LLM:
            if prompt is None:
                raise typer.BadParameter("ask something with --prompt")
            turns = [{"role": "user", "content": prompt}]
            return {"messages": Given(turns, "--prompt"), "text": spoken}
        case TaskKind.AUDIO_STT:
            return {"prompt": asked, "text": spoken}
        case TaskKind.MESH:
            return {"prompt": asked, "text": spoken}
    if prompt is None:
        raise typer.BadParameter("say what to make with --prompt")
    return {"prompt": asked, "text": spoken}


def _inputs(kind: TaskKind, given: Sequence[str]) -> dict[str, Path]:
    from studio_worker_core.jobs.local import check_input

    files: dict[str, Path] = {}
    for text in given:
        name, sign, path = text.partition("=")
        if not sign or name not in INPUT_PARAMETERS:
            name, path = PLAIN_INPUTS.get(kind, "init_image"), text
        try:
            files[name] = check_input(name, Path(path))
        except OSError as error:
            raise typer.BadParameter(
                f"{path}: {error.strerror or error}", param_hint="--input"
            ) from None
        except InvalidTask as error:
            raise typer.BadParameter(str(error), param_hint="--input") from None
    if kind is TaskKind.AUDIO_STT and "input" not in files:
        raise typer.BadParameter("name the audio to transcribe with --input FILE")
    if kind is TaskKind.MESH and "image" not in files:
        raise typer.BadParameter("name the picture to start from with --input FILE")
    return files


def _deliver(
    invocation: Invocation,
    entry: RosterEntry,
    result: Result,
    target: Target,
    started: float,
    stop: threading.Event,
) -> None:
    path = target.path
    if result.is_json:
        data = msgspec.json.format(result.path.read_bytes(), indent=2)
        put_text(data.decode() + "\n", path or Path("-"), stop)
    else:
        assert path is not None
        assert target.ext is not None
        same_type = result.ext == target.ext or mime_for(result.ext) == mime_for(target.ext)
        if target.is_stream or same_type:
            put_file(result.path, path, stop)
        else:
            # Never under a name that lies about it, and never thrown away either.
            true = free_name(path.with_suffix(f".{result.ext}"))
            put_file(result.path, true, stop)
            raise EngineFailed(
                f"engine '{entry.engine}' answered {result.ext}, not {target.ext}: it is in {true}"
            )
        if not same_type:
            typer.echo(f"'{entry.engine}' answered {result.ext}, not {target.ext}", err=True)
    if path is None:
        return
    if invocation.verbosity >= 0:
        seed = f", seed {result.meta.seed}" if result.meta.seed is not None else ""
        typer.echo(f"done in {time.monotonic() - started:.1f} s{seed}", err=True)
    if not target.is_stream:
        typer.echo(str(path))
