"""The options that describe a task, one line each, and the task they make."""

from __future__ import annotations

import functools
import inspect
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

_OF_KIND = {
    "image": "prompt negativePrompt initImageUrl maskUrl refImageUrl denoise cfgScale"
    " samplingMethod width height steps seed ext",
    "llm": "prompt system maxTokens temperature topP images",
    "audio_stt": "inputUrl language prompt timestamps",
    "audio_tts": "text voice speed language ext",
    "video": "prompt negativePrompt initImageUrl seconds fps width height ext",
    "mesh": "imageUrl seed ext",
}
KINDS = ", ".join(_OF_KIND)

_OPTIONS: tuple[tuple[str, type, str], ...] = (
    ("prompt", str, "What to make; for llm, the question."),
    ("text", str, "What to say (audio_tts)."),
    ("negative_prompt", str, "What to avoid."),
    ("system", str, "System message (llm)."),
    ("init_image_url", str, "Picture to begin with."),
    ("mask_url", str, "Picture that is white where the first may change."),
    ("ref_image_url", str, "Picture to take the looks from."),
    ("image_url", str, "Picture to make a model of (mesh)."),
    ("denoise", float, "0 keeps that picture, 1 ignores it."),
    ("cfg_scale", float, "How closely to follow the prompt."),
    ("sampling_method", str, "Sampler, by the engine's name for it."),
    ("input_url", str, "Audio to transcribe."),
    ("width", int, "Pixels."),
    ("height", int, "Pixels."),
    ("steps", int, "Sampling steps."),
    ("seed", int, "Same seed, same picture."),
    ("seconds", float, "Length of the clip."),
    ("fps", float, "Frames a second."),
    ("voice", str, "Voice."),
    ("speed", float, "1 is the voice's own pace."),
    ("language", str, "E.g. en or de."),
    ("max_tokens", int, "Longest answer (llm)."),
    ("temperature", float, "Of the llm."),
    ("top_p", float, "Of the llm: only the likeliest words that make up so much."),
    ("timestamps", str, "segment or word (audio_stt)."),
    ("ext", str, "Wanted file type, e.g. png; else that of -o."),
)
"""Parameter, type, help. On the wire a parameter's name is in camel case."""


def text_option(flag: str, help_text: str) -> Any:
    """An option that is left out unless it is given."""
    return typer.Option(flag, help=help_text, show_default=False)


def with_task_options(command: Callable[..., None]) -> Callable[..., None]:
    """A command with the options of a task in the place of its ``**given``, which are there
    under their names on the wire if they were given."""

    @functools.wraps(command)
    def run(**values: Any) -> None:
        given = {_on_the_wire(name): values.pop(name) for name, _, _ in _OPTIONS}
        command(**values, **{key: value for key, value in given.items() if value is not None})

    signature = inspect.signature(command, eval_str=True)
    own = [p for p in signature.parameters.values() if p.kind is not p.VAR_KEYWORD]
    # Where they stand in --help: behind what the task is for.
    parameters = [*own[:2], *map(_parameter, _OPTIONS), *own[2:]]
    run.__signature__ = signature.replace(  # type: ignore[attr-defined]
        parameters=[p.replace(kind=p.KEYWORD_ONLY) for p in parameters]
    )
    run.__annotations__ = {p.name: p.annotation for p in parameters}
    del run.__wrapped__
    return run


def _parameter(option: tuple[str, type, str]) -> inspect.Parameter:
    name, kind, help_text = option
    flag = f"--{name.replace('_', '-')}"
    annotation = Annotated[kind | None, text_option(flag, help_text)]  # type: ignore[valid-type]
    return inspect.Parameter(
        name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=annotation
    )


def _on_the_wire(name: str) -> str:
    return re.sub("_([a-z])", lambda found: found.group(1).upper(), name)


def wished_by(output: Path | None, kind: str | None) -> dict[str, str]:
    """The file type that the name of the output asks for, as a part of the task."""
    if output is None or output.is_dir() or "ext" not in _OF_KIND.get(kind or "", "").split():
        return {}
    ext = output.suffix.removeprefix(".").lower()
    return {"ext": ext} if ext else {}


def task_from(kind: str | None, given: dict[str, Any], literal: str | None) -> dict[str, Any]:
    """The task that the options describe.

    Raises:
        typer.BadParameter: an option is missing, or does not belong to the kind.
    """
    if literal is not None:
        if given:
            raise typer.BadParameter("--task says it all; drop the other task options")
        parsed = json_of(literal, "--task")
        return {"kind": kind, **parsed} if kind is not None else parsed
    if kind not in _OF_KIND:
        raise typer.BadParameter(f"--kind must be one of {KINDS}")
    given = dict(given)
    if kind == "audio_tts" and "text" not in given and "prompt" in given:
        given["text"] = given.pop("prompt")
    stray = sorted(given.keys() - {*_OF_KIND[kind].split(), "options"})
    if stray:
        raise typer.BadParameter(f"{', '.join(stray)}: not for {kind} jobs")
    need = {"audio_tts": "text", "audio_stt": "inputUrl", "mesh": "imageUrl"}.get(kind, "prompt")
    if need not in given:
        flags = {"text": "--text", "inputUrl": "--input or --input-url"}
        flag = {**flags, "imageUrl": "--input or --image-url"}.get(need, "--prompt")
        raise typer.BadParameter(f"{kind} jobs need {flag}")
    if kind == "llm":
        given["messages"] = [{"role": "user", "content": given.pop("prompt")}]
    return {"kind": kind, **given}


def engine_options(given: Sequence[str]) -> dict[str, Any]:
    """``NAME=VALUE`` each; a value that reads as a JSON number or word is one, else a text.

    Raises:
        typer.BadParameter: one has no name, or comes twice.
    """
    import msgspec

    options: dict[str, Any] = {}
    for text in given:
        name, equals, value = text.partition("=")
        if not name or not equals:
            raise typer.BadParameter(f"--param must be NAME=VALUE, not {text!r}")
        if name in options:
            raise typer.BadParameter(f"--param {name} is given twice")
        try:
            options[name] = msgspec.json.decode(value.encode())
        except (msgspec.DecodeError, UnicodeError):
            options[name] = value
    return options


def json_of(text: str, option: str) -> dict[str, Any]:
    """A JSON object, or the one in the file that ``@FILE`` names.

    Raises:
        typer.BadParameter: it is none.
    """
    import json

    if text.startswith("@"):
        try:
            text = Path(text[1:]).expanduser().read_text("utf-8")
        except (OSError, UnicodeError) as error:
            raise typer.BadParameter(f"{option}: {error}") from None
    try:
        parsed = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise typer.BadParameter(f"{option} is no JSON: {error}") from None
    if not isinstance(parsed, dict):
        raise typer.BadParameter(f"{option} must be a JSON object")
    return parsed
