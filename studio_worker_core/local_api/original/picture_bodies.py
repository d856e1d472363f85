"""A picture and its options, in each of the ways that ``/mesh`` and ``/vision`` take them: the
body itself, a form with the field ``image``, or JSON (original.md, local API)."""

from __future__ import annotations

import base64
import binascii
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import Meta, Struct
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request

from studio_worker_core.downloads.data_url import bytes_of, is_data_url
from studio_worker_core.local_api.api import Api, uploads
from studio_worker_core.local_api.bodies import (
    PICTURES,
    fields_of,
    files_of,
    form_of,
    json_object,
    read_body,
    save_body,
)
from studio_worker_core.local_api.errors import BadRequest, UnsupportedMediaType, misfit

_Share = Annotated[float, Meta(ge=0, le=1)]
_Seed = Annotated[str, Meta(pattern="^[0-9]{1,20}$")]


class _Options(Struct, frozen=True, rename="camel", kw_only=True):
    pass


class MeshOptions(_Options, frozen=True, kw_only=True):
    """``POST /mesh``. A seed is a whole number of up to 64 bits, which no bound of the library
    can say."""

    model: str | None = None
    seed: _Seed | None = None


class DetectOptions(_Options, frozen=True, kw_only=True):
    """``POST /vision/detect``."""

    model: str | None = None
    min_confidence: _Share | None = None
    iou: _Share | None = None


class ClassifyOptions(_Options, frozen=True, kw_only=True):
    """``POST /vision/classify``."""

    model: str | None = None
    min_confidence: _Share | None = None
    top_k: Annotated[int, Meta(ge=1, le=100)] | None = None


class SpeciesOptions(_Options, frozen=True, kw_only=True):
    """``POST /vision/species``."""

    detector: str | None = None
    classifier: str | None = None
    min_confidence: _Share | None = None
    iou: _Share | None = None
    top_k: Annotated[int, Meta(ge=1, le=100)] | None = None


OptionsT = TypeVar("OptionsT", MeshOptions, DetectOptions, ClassifyOptions, SpeciesOptions)


@asynccontextmanager
async def picture_of(
    request: Request, shape: type[OptionsT], api: Api
) -> AsyncIterator[tuple[OptionsT, Path]]:
    """The options of a request and its picture as a file, which is gone afterwards.

    Raises:
        UnsupportedMediaType: the body is of none of the types that are read.
        BadRequest: an option is unknown or wrong, or there is no picture.
        InvalidTask: it is no PNG, JPEG or WebP, or a broken one.
        TooLarge, ClientDisconnect, OSError: as :mod:`..bodies` says.
    """
    with uploads() as directory:
        path = directory / "image"
        given = {**request.query_params, **await _saved(request, path)}
        options = _options(shape, given)
        if not path.stat().st_size:
            raise BadRequest("there is no picture: the request carries no bytes of one")
        yield options, await run_in_threadpool(api.judged, path)


async def _saved(request: Request, path: Path) -> Mapping[str, Any]:
    """Write the picture to ``path``; the options beside it."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    match kind:
        case "" | "application/octet-stream":
            await save_body(request, PICTURES, path)
            return {}
        case "multipart/form-data":
            return await _from_form(request, path)
        case "application/json":
            return await run_in_threadpool(_from_json, await read_body(request, PICTURES), path)
    if not kind.startswith("image/"):
        raise UnsupportedMediaType(
            f"bodies of type {kind[:80]} are not read here; send image/*, "
            "application/octet-stream, multipart/form-data or application/json"
        )
    await save_body(request, PICTURES, path)
    return {}


async def _from_form(request: Request, path: Path) -> Mapping[str, Any]:
    async with form_of(request, PICTURES) as form:
        files = files_of(form, "image")
        if len(files) != 1:
            raise BadRequest("the form needs one file in its field 'image'")
        data = await files[0].read()
        await run_in_threadpool(path.write_bytes, data)
        return {name: value for name, value in fields_of(form).items() if name != "image"}


def _from_json(body: bytes, path: Path) -> Mapping[str, Any]:
    found = json_object(body)
    picture = found.pop("image", None)
    if not isinstance(picture, str):
        raise BadRequest("the JSON has no 'image' that is a data: URL or base64")
    if is_data_url(picture):
        data = bytes_of(picture, "image", PICTURES)
    else:
        try:
            data = base64.b64decode("".join(picture.split()), validate=True)
        except (binascii.Error, ValueError):
            words = "image is neither a data: URL nor base64; addresses are not fetched"
            raise BadRequest(words) from None
    path.write_bytes(data)
    # As they would come in an address; null is absent.
    return {
        name: str(value) if isinstance(value, int) and not isinstance(value, bool) else value
        for name, value in found.items()
        if value is not None
    }


def _options(shape: type[OptionsT], given: Mapping[str, Any]) -> OptionsT:
    known = [field.encode_name for field in msgspec.structs.fields(shape)]
    for name in given:
        if name not in known:
            raise BadRequest(f"unknown option '{name[:80]}'; this takes {', '.join(known)}")
    try:
        return msgspec.convert(dict(given), shape, strict=False)
    except msgspec.ValidationError as error:
        raise misfit(error) from None
