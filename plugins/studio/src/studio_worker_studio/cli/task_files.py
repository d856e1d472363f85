"""Files of this machine as parts of a task: they travel in it, as ``data:`` URLs."""

from __future__ import annotations

from pathlib import Path

import typer

MOST_BYTES = 11 * 2**20
"""In base64 a task with it stays below what a studio reads and a worker is sent, 16 MiB."""

_FIRST_OF_KIND = {
    "image": "initImageUrl",
    "video": "initImageUrl",
    "audio_stt": "inputUrl",
    "llm": "images",
    "mesh": "imageUrl",
}
"""What ``--input`` gives to each kind that takes a file."""


def with_input(kind: str | None, path: Path) -> dict[str, str | list[str]]:
    """The part of a task of that kind that the file is.

    Raises:
        typer.BadParameter: tasks of the kind take none; or see :func:`data_url_of`.
    """
    name = _FIRST_OF_KIND.get(kind or "")
    if name is None:
        kinds = ", ".join(_FIRST_OF_KIND)
        raise typer.BadParameter(f"--input is for jobs of the kinds {kinds}")
    url = data_url_of(path, "--input", "audio" if kind == "audio_stt" else "image")
    return {name: [url] if name == "images" else url}


def data_url_of(path: Path, option: str, wanted: str) -> str:
    """The file as a ``data:`` URL.

    :param wanted: ``image`` or ``audio``, which its bytes must be.

    Raises:
        typer.BadParameter: it cannot be read, is too large or is something else.
    """
    import base64

    from studio_worker_core.media_types import audio_type, image_type
    from studio_worker_studio.media_types import mime_of_ext

    try:
        with path.expanduser().open("rb") as file:
            data = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise typer.BadParameter(f"{option}: {error}") from None
    if len(data) > MOST_BYTES:
        raise typer.BadParameter(
            f"{option}: {path} has more than {MOST_BYTES // 2**20} MiB; put it where the worker "
            "can fetch it and give its address"
        )
    found = audio_type(data) if wanted == "audio" else image_type(data)
    if found is None:
        what = "sound" if wanted == "audio" else "picture"
        raise typer.BadParameter(f"{option}: {path} is no {what} of a known type")
    mime = mime_of_ext(found, {})
    return f"data:{mime};base64,{base64.b64encode(data).decode()}"
