"""``engines run``: one job on this machine, into a file."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import typer

from studio_worker_core.cli.engines.listing import named
from studio_worker_core.cli.engines.output_file import put_file, put_text
from studio_worker_core.cli.engines.parameters import task_from, typed_parameters
from studio_worker_core.cli.installed import installed_engines
from studio_worker_core.cli.invocation import Invocation, invocation_of
from studio_worker_core.config import ConfigStore
from studio_worker_core.engines.roster import RosterEntry
from studio_worker_core.errors import EngineFailed, EngineMissing
from studio_worker_core.media_types import mime_for
from studio_worker_core.wire.tasks import BINARY_KINDS, TaskKind

if TYPE_CHECKING:
    from studio_worker_core.engines.lanes import Result

__all__ = ["run"]

_URL_FIELDS = {
    "init_image": "init_image_url",
    "mask": "mask_url",
    "ref_image": "ref_image_url",
    "input": "input_url",
}


def run(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(help="An installed engine.")],
    prompt: Annotated[
        str | None, typer.Option(help="What to draw, film or answer; also the text to speak.")
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", metavar="FILE", help="The result; its suffix is the file type."
        ),
    ] = None,
    kind: Annotated[
        TaskKind | None, typer.Option(help="For an engine that does several kinds of work.")
    ] = None,
    model: Annotated[str | None, typer.Option(help="The model; by default its first one.")] = None,
    model_source: Annotated[
        Path | None,
        typer.Option("--model-source", metavar="FILE.json", help="Where its files come from."),
    ] = None,
    text: Annotated[str | None, typer.Option(help="The text to speak.")] = None,
    inputs: Annotated[
        list[str] | None,
        typer.Option(
            "--input",
            metavar="[NAME=]FILE",
            help="Audio to transcribe, or the init_image, mask or ref_image.",
        ),
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Same seed, same picture.")] = None,
    width: Annotated[int | None, typer.Option(help="Pixels.")] = None,
    height: Annotated[int | None, typer.Option(help="Pixels.")] = None,
    steps: Annotated[int | None, typer.Option(help="Steps of work.")] = None,
    seconds: Annotated[float | None, typer.Option(help="Length of a clip.")] = None,
    voice: Annotated[str | None, typer.Option(help="The voice that speaks.")] = None,
    param: Annotated[
        list[str] | None,
        typer.Option(metavar="KEY=VALUE", help="Any other task parameter, e.g. denoise=0.4."),
    ] = None,
) -> None:
    """Run one job here, without a studio. Ctrl-C stops it.

    studio-worker engines run procedural --prompt 'blue waves' -o waves.png
    """
    invocation = invocation_of(ctx)
    store = ConfigStore(invocation.config_path)
    entry = _entry(store, name)
    chosen = _kind(entry, kind, output, speaks=text is not None)
    target = _target(entry, chosen, output)
    options = {
        "seed": seed,
        "width": width,
        "height": height,
        "steps": steps,
        "seconds": seconds,
        "voice": voice,
        "ext": target.suffix[1:].lower() if target and chosen in BINARY_KINDS else None,
        **_words(chosen, prompt, text),
    }
    given: dict[str, Any] = {key: value for key, value in options.items() if value is not None}
    files = _inputs(chosen, inputs or ())
    given |= {_URL_FIELDS[key]: path.as_uri() for key, path in files.items()}
    task = task_from(chosen, given | typed_parameters(param or ()))
    # Imported here: the lanes are needed only once the command line is understood.
    from studio_worker_core.cli.engines.local_job import local_job, stopping
    from studio_worker_core.cli.engines.model_files import chosen_model

    started = time.monotonic()
    with stopping() as stop:
        loaded = chosen_model(
            store,
            entry,
            chosen,
            name=model,
            source_file=model_source,
            quiet=invocation.verbosity < 0,
            cancel=stop,
        )
        limits = store.config.limits
        with local_job(
            entry,
            loaded,
            task,
            files,
            limits=limits,
            cancel=stop,
            verbosity=invocation.verbosity,
        ) as result:
            _deliver(invocation, entry, result, target, started)


def _entry(store: ConfigStore, name: str) -> RosterEntry:
    roster = installed_engines(store)
    entry = roster.find(name) or named(roster, name)[0]
    if not entry.ready:
        remedy = f"; {entry.remedy}" if entry.remedy else ""
        raise EngineMissing(f"engine '{name}' is {entry.state}: {entry.reason}{remedy}")
    return entry


def _kind(
    entry: RosterEntry, kind: TaskKind | None, output: Path | None, *, speaks: bool
) -> TaskKind:
    if kind is not None:
        if kind not in entry.kinds:
            does = ", ".join(entry.kinds)
            raise typer.BadParameter(f"'{entry.engine}' does {does}, no {kind.value}")
        return kind
    if len(entry.kinds) == 1:
        return entry.kinds[0]
    family = mime_for(output.suffix[1:]).partition("/")[0] if output is not None else ""
    guess = {
        "image": TaskKind.IMAGE,
        "audio": TaskKind.AUDIO_TTS,
        "video": TaskKind.VIDEO,
    }.get(family, TaskKind.AUDIO_TTS if speaks else None)
    if guess not in entry.kinds or guess is None:
        raise typer.BadParameter(
            f"'{entry.engine}' does {', '.join(entry.kinds)}; say which with --kind"
        )
    return guess


def _target(entry: RosterEntry, kind: TaskKind, output: Path | None) -> Path | None:
    if output is not None and not output.parent.is_dir():
        raise typer.BadParameter(f"there is no directory {output.parent}", param_hint="-o")
    if output is not None and output.is_dir():
        raise typer.BadParameter(f"{output} is a directory; name a file", param_hint="-o")
    if kind not in BINARY_KINDS:
        return output
    known = ", ".join(entry.extensions)
    if output is None:
        raise typer.BadParameter(f"say where the file goes: -o FILE, of type {known}")
    if output.suffix[1:].lower() not in entry.extensions:
        raise typer.BadParameter(
            f"'{entry.engine}' does not write '{output.suffix or output.name}'; it writes {known}",
            param_hint="-o",
        )
    return output


def _words(kind: TaskKind, prompt: str | None, text: str | None) -> Mapping[str, Any]:
    """What is asked for, under the name the kind has for it."""
    match kind:
        case TaskKind.AUDIO_TTS:
            if text is None and prompt is None:
                raise typer.BadParameter("give the text to speak with --text")
            return {"text": text if text is not None else prompt}
        case TaskKind.LLM:
            if prompt is None:
                raise typer.BadParameter("ask something with --prompt")
            return {"messages": [{"role": "user", "content": prompt}], "text": text}
        case TaskKind.AUDIO_STT:
            return {"prompt": prompt, "text": text}
    if prompt is None:
        raise typer.BadParameter("say what to make with --prompt")
    return {"prompt": prompt, "text": text}


def _inputs(kind: TaskKind, given: Sequence[str]) -> dict[str, Path]:
    from studio_worker_core.cli.engines.local_job import check_input

    files: dict[str, Path] = {}
    for text in given:
        name, sign, path = text.partition("=")
        if not sign or name not in _URL_FIELDS:
            name, path = "input" if kind is TaskKind.AUDIO_STT else "init_image", text
        files[name] = check_input(name, Path(path))
    if kind is TaskKind.AUDIO_STT and "input" not in files:
        raise typer.BadParameter("name the audio to transcribe with --input FILE")
    return files


def _deliver(
    invocation: Invocation,
    entry: RosterEntry,
    result: Result,
    target: Path | None,
    started: float,
) -> None:
    from studio_worker_core.engines.lanes import JsonResult

    if isinstance(result, JsonResult):
        data = msgspec.json.format(msgspec.json.encode(result.value), indent=2)
        if target is None:
            typer.echo(data.decode())
            return
        put_text(data.decode() + "\n", target)
    else:
        assert target is not None
        wanted = target.suffix[1:].lower()
        if result.ext != wanted and mime_for(result.ext) != mime_for(wanted):
            # Never under a name that lies about it, and never thrown away either.
            true = target.with_suffix(f".{result.ext}")
            put_file(result.path, true)
            raise EngineFailed(
                f"engine '{entry.engine}' answered {result.ext}, not {wanted}: it is in {true}"
            )
        put_file(result.path, target)
    if invocation.verbosity >= 0:
        typer.echo(f"done in {time.monotonic() - started:.1f} s", err=True)
    typer.echo(str(target))
