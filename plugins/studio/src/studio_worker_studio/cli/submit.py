"""``studio submit``: from options to a job."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from studio_worker_studio.cli.options import DEFAULT_URL, AsJson, StudioUrl, TokenFile

__all__ = ["add_to", "submit", "task_from"]

_OF_KIND = {
    "image": "prompt negativePrompt initImageUrl denoise width height steps seed ext",
    "llm": "prompt system maxTokens temperature",
    "audio_stt": "inputUrl language prompt",
    "audio_tts": "text voice speed language ext",
    "video": "prompt negativePrompt initImageUrl seconds fps width height ext",
}
_KINDS = ", ".join(_OF_KIND)


def _text(flag: str, help_text: str, *more: str) -> Any:
    return typer.Option(flag, *more, help=help_text, show_default=False)


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command()(submit)


def submit(
    model: Annotated[str, typer.Option(help="Model of the registry, or with --engine any name.")],
    kind: Annotated[
        str | None,
        typer.Option(metavar="KIND", help=f"One of {_KINDS}.", show_default=False),
    ] = None,
    prompt: Annotated[str | None, _text("--prompt", "What to make; for llm, the question.")] = None,
    text: Annotated[str | None, _text("--text", "What to say (audio_tts).")] = None,
    negative_prompt: Annotated[str | None, _text("--negative-prompt", "What to avoid.")] = None,
    system: Annotated[str | None, _text("--system", "System message (llm).")] = None,
    init_image_url: Annotated[
        str | None, _text("--init-image-url", "Picture to begin with.")
    ] = None,
    denoise: Annotated[
        float | None, _text("--denoise", "0 keeps that picture, 1 ignores it.")
    ] = None,
    input_url: Annotated[str | None, _text("--input-url", "Audio to transcribe.")] = None,
    width: Annotated[int | None, _text("--width", "Pixels.")] = None,
    height: Annotated[int | None, _text("--height", "Pixels.")] = None,
    steps: Annotated[int | None, _text("--steps", "Sampling steps.")] = None,
    seed: Annotated[int | None, _text("--seed", "Same seed, same picture.")] = None,
    seconds: Annotated[float | None, _text("--seconds", "Length of the clip.")] = None,
    fps: Annotated[float | None, _text("--fps", "Frames a second.")] = None,
    voice: Annotated[str | None, _text("--voice", "Voice.")] = None,
    speed: Annotated[float | None, _text("--speed", "1 is the voice's own pace.")] = None,
    language: Annotated[str | None, _text("--language", "E.g. en or de.")] = None,
    max_tokens: Annotated[int | None, _text("--max-tokens", "Longest answer (llm).")] = None,
    temperature: Annotated[float | None, _text("--temperature", "Of the llm.")] = None,
    ext: Annotated[
        str | None, _text("--ext", "Wanted file type, e.g. png; else that of -o.")
    ] = None,
    task: Annotated[
        str | None,
        _text("--task", "The whole task as JSON, or @FILE, instead of the options above."),
    ] = None,
    engine: Annotated[
        str | None, _text("--engine", "Engine for a model that is not in the registry.")
    ] = None,
    model_source: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Model source as JSON.", show_default=False)
    ] = None,
    vram: Annotated[float | None, _text("--vram", "GPU memory the job needs, in GB.")] = None,
    priority: Annotated[int, typer.Option(help="Higher goes first.")] = 0,
    max_attempts: Annotated[int, typer.Option(min=1, help="Tries before it has failed.")] = 3,
    wait: Annotated[bool, typer.Option("--wait", help="Wait until it has ended.")] = False,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", metavar="PATH", help="Wait, and save the result.", show_default=False
        ),
    ] = None,
    studio_url: StudioUrl = DEFAULT_URL,
    token_file: TokenFile = None,
    as_json: AsJson = False,
) -> None:
    """Queue a job. With --wait the exit code says whether it was done."""
    from studio_worker_core.errors import StudioWorkerError
    from studio_worker_studio.cli.connection import connect
    from studio_worker_studio.cli.output import print_json

    given = {
        "prompt": prompt,
        "text": text,
        "negativePrompt": negative_prompt,
        "system": system,
        "initImageUrl": init_image_url,
        "denoise": denoise,
        "inputUrl": input_url,
        "width": width,
        "height": height,
        "steps": steps,
        "seed": seed,
        "seconds": seconds,
        "fps": fps,
        "voice": voice,
        "speed": speed,
        "language": language,
        "maxTokens": max_tokens,
        "temperature": temperature,
        "ext": ext or (None if task else _wished_by(output, kind)),
    }
    body: dict[str, Any] = {
        "model": model,
        "task": task_from(kind, {k: v for k, v in given.items() if v is not None}, task),
        "priority": priority,
        "maxAttempts": max_attempts,
    }
    source = _source(engine, model_source)
    if source is not None:
        body["modelSource"] = source
    if vram is not None:
        body["vramGbEstimate"] = vram
    studio = connect(studio_url, token_file)
    job_id = studio.post("/jobs", body)["jobId"]
    if not (wait or output):
        print_json({"jobId": job_id}) if as_json else typer.echo(job_id)
        return
    from studio_worker_studio.cli.fetching import fetch_result, wait_for

    job = wait_for(studio, job_id, quiet=as_json)
    if job["state"] != "done":
        raise StudioWorkerError(
            f"job {job_id} {job['state']}: {job.get('error', 'no reason given')}"
        )
    if output is not None:
        fetch_result(studio, job, output, as_json=as_json)
    elif as_json:
        print_json(job)
    else:
        typer.echo(f"{job_id} done; 'studio-worker studio result {job_id}' fetches it")


def _wished_by(output: Path | None, kind: str | None) -> str | None:
    """The file type that the name of the output asks for."""
    if output is None or output.is_dir() or "ext" not in _OF_KIND.get(kind or "", "").split():
        return None
    return output.suffix.removeprefix(".").lower() or None


def task_from(kind: str | None, given: dict[str, Any], literal: str | None) -> dict[str, Any]:
    """The task that the options describe.

    Raises:
        typer.BadParameter: an option is missing, or does not belong to the kind.
    """
    if literal is not None:
        if given:
            raise typer.BadParameter("--task says it all; drop the other task options")
        parsed = _json_of(literal, "--task")
        return {"kind": kind, **parsed} if kind is not None else parsed
    if kind not in _OF_KIND:
        raise typer.BadParameter(f"--kind must be one of {_KINDS}")
    given = dict(given)
    if kind == "audio_tts" and "text" not in given and "prompt" in given:
        given["text"] = given.pop("prompt")
    stray = sorted(given.keys() - set(_OF_KIND[kind].split()))
    if stray:
        raise typer.BadParameter(f"{', '.join(stray)}: not for {kind} jobs")
    need = {"audio_tts": "text", "audio_stt": "inputUrl"}.get(kind, "prompt")
    if need not in given:
        flag = {"text": "--text", "inputUrl": "--input-url"}.get(need, "--prompt")
        raise typer.BadParameter(f"{kind} jobs need {flag}")
    if kind == "llm":
        given["messages"] = [{"role": "user", "content": given.pop("prompt")}]
    return {"kind": kind, **given}


def _source(engine: str | None, file: Path | None) -> dict[str, Any] | None:
    if file is not None:
        return _json_of(f"@{file}", "--model-source")
    return None if engine is None else {"engine": engine, "files": []}


def _json_of(text: str, option: str) -> dict[str, Any]:
    import json

    if text.startswith("@"):
        try:
            text = Path(text[1:]).expanduser().read_text("utf-8")
        except (OSError, UnicodeError) as error:
            raise typer.BadParameter(f"{option}: {error}") from None
    try:
        parsed = json.loads(text)
    except ValueError as error:
        raise typer.BadParameter(f"{option} is no JSON: {error}") from None
    if not isinstance(parsed, dict):
        raise typer.BadParameter(f"{option} must be a JSON object")
    return parsed
