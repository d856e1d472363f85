"""Reading what a request carries, never more than it may: JSON in memory, files on disk."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import Message, Receive

from studio_worker_core.local_api.errors import BadRequest, TooLarge

SMALL = 1 << 20
"""Most bytes of an ordinary request."""

PICTURES = 64 << 20
"""Most bytes of a request that may hold pictures in its JSON (original.md)."""


async def read_body(request: Request, most: int) -> bytes:
    """The whole body.

    Raises:
        TooLarge: it is longer than ``most`` bytes, or says it will be.
        ClientDisconnect: the client went away.
    """
    _check_announced(request, most)
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > most:
            raise TooLarge(most)
    return bytes(body)


def json_object(body: bytes) -> dict[str, Any]:
    """The JSON object in a body. Raises :class:`BadRequest`."""
    try:
        found: Any = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        raise BadRequest("the body is not JSON") from None
    if not isinstance(found, dict):
        raise BadRequest("the body is not a JSON object")
    return found


async def save_body(request: Request, most: int, path: Path) -> int:
    """The whole body as the file ``path``; how many bytes it has.

    Raises:
        TooLarge, ClientDisconnect: as :func:`read_body`.
        OSError: the disk cannot take it.
    """
    _check_announced(request, most)
    size = 0
    with path.open("wb") as file:
        async for part in request.stream():
            size += len(part)
            if size > most:
                raise TooLarge(most)
            await run_in_threadpool(file.write, part)
    return size


@contextlib.asynccontextmanager
async def form_of(request: Request, most: int) -> AsyncIterator[FormData]:
    """The form in the body; files beyond a megabyte lie on disk while this is entered.

    Raises:
        TooLarge: the body is longer than ``most`` bytes.
        BadRequest: it is no form.
        ClientDisconnect: the client went away.
    """
    _check_announced(request, most)
    bounded = Request(request.scope, _bounded(request.receive, most))
    kind = request.headers.get("content-type", "")
    if not kind.lower().startswith(("multipart/form-data", "application/x-www-form-urlencoded")):
        raise BadRequest("the body is no form: multipart/form-data is expected")
    form = await _parsed(bounded)
    try:
        yield form
    finally:
        await form.close()


async def _parsed(bounded: Request) -> FormData:
    try:
        return await bounded.form(max_files=32, max_fields=100, max_part_size=SMALL)
    except HTTPException as error:  # as which Starlette raises what its parser refuses
        raise BadRequest(f"the form cannot be read: {error.detail}") from None


def fields_of(form: FormData) -> dict[str, str | list[str]]:
    """The fields of a form that are texts; one that comes again is a list."""
    found: dict[str, str | list[str]] = {}
    for name in form:
        texts = [value for value in form.getlist(name) if isinstance(value, str)]
        if texts:
            found[name] = texts if len(texts) > 1 or name.endswith("[]") else texts[0]
    return found


def files_of(form: FormData, *names: str) -> list[UploadFile]:
    """The files of a form under any of ``names``, in order."""
    return [
        value
        for name, value in form.multi_items()
        if isinstance(value, UploadFile) and name.removesuffix("[]") in names
    ]


def _check_announced(request: Request, most: int) -> None:
    announced = request.headers.get("content-length", "")
    if announced.isdecimal() and (len(announced) > 15 or int(announced) > most):
        raise TooLarge(most)


def _bounded(receive: Receive, most: int) -> Receive:
    taken = 0

    async def bounded() -> Message:
        nonlocal taken
        message = await receive()
        taken += len(message.get("body", b""))
        if taken > most:
            raise TooLarge(most)
        return message

    return bounded
