"""``/v1/images/…``: picture requests into tasks, pictures into answers."""

from __future__ import annotations

import base64
import re
from collections.abc import Sequence
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from studio_worker_core.local_api.errors import BadRequest
from studio_worker_core.local_api.work import Partial
from studio_worker_core.wire.bounds import MAX_SIDE
from studio_worker_core.wire.tasks import MAX_SEED

MOST_PICTURES = 10
FORMATS = ("png", "jpeg", "webp")
_QUALITIES = {"auto": 1, "low": 0.5, "medium": 1, "high": 1.5, "standard": 1, "hd": 1.5}
_USUAL_STEPS = 20
_SIZE = re.compile(r"([0-9]{1,6})[x×]([0-9]{1,6})")


class PictureRequest(Struct, frozen=True):
    """The body of ``/v1/images/generations``, and the fields of an edit's or variation's form.

    ``seed``, ``negative_prompt``, ``steps``, ``denoise`` and ``options`` are ours: clients send
    them as further fields.
    """

    prompt: Annotated[str, Meta(min_length=1, max_length=200_000)] | None = None
    model: str | None = None
    n: Annotated[int, Meta(ge=1, le=MOST_PICTURES)] = 1
    size: str | None = None
    quality: str | None = None
    response_format: str | None = None
    output_format: str | None = None
    output_compression: Annotated[int, Meta(ge=0, le=100)] | None = None
    background: str | None = None
    stream: bool = False
    partial_images: Annotated[int, Meta(ge=0, le=3)] = 0
    seed: int | None = None
    negative_prompt: str | None = None
    steps: Annotated[int, Meta(ge=1, le=10_000)] | None = None
    cfg_scale: Annotated[float, Meta(ge=0, le=100)] | None = None
    denoise: Annotated[float, Meta(ge=0, le=1)] | None = None
    options: dict[str, Any] | None = None

    def __post_init__(self) -> None:
        if self.seed is not None and self.seed > MAX_SEED:
            raise ValueError(f"seed must be at most {MAX_SEED}")


class Picture(Struct, frozen=True):
    """One finished picture."""

    data: bytes
    url: str
    seed: int | None = None


def picture_extension(request: PictureRequest) -> str:
    """The type to ask the engine for. Raises :class:`BadRequest`."""
    wanted = (request.output_format or "png").lower()
    wanted = "jpeg" if wanted == "jpg" else wanted
    if wanted not in FORMATS:
        raise BadRequest(
            f"output_format must be one of {', '.join(FORMATS)}", param="output_format"
        )
    if request.background == "transparent":
        raise BadRequest("no engine here draws on a transparent ground", param="background")
    return wanted


def check_compression(request: PictureRequest) -> None:
    """Refuse a wish that nobody hears: the engine writes the file as it does. Raises
    :class:`BadRequest`."""
    if request.output_compression not in (None, 100):
        raise BadRequest(
            "output_compression is not served: the engine decides; leave it out, or ask for "
            "output_format webp or jpeg for a smaller file",
            param="output_compression",
            code="unsupported",
        )


def steps_of(request: PictureRequest, usual: int | None) -> int | None:
    """The steps that ``quality`` stands for: half as many as the model's ``usual`` ones for
    ``low``, half as many again for ``high``; None to leave them to the model. Given ``steps``
    count before it.

    Raises:
        BadRequest: it is no quality.
    """
    share = _QUALITIES.get((request.quality or "auto").lower())
    if share is None:
        known = ", ".join(_QUALITIES)
        raise BadRequest(f"quality must be one of {known}", param="quality")
    if request.steps is not None or share == 1:
        return request.steps
    return max(round((usual or _USUAL_STEPS) * share), 1)


def is_due(partial: Partial, number: int, request: PictureRequest) -> bool:
    """Whether it is time for the partial picture of that number (from 0): they are spread over
    the way, as far as the engine says how far it is."""
    return number < request.partial_images and partial.fraction >= number / request.partial_images


def asked_size(request: PictureRequest) -> tuple[int, int] | None:
    """Width and height in pixels; None for the model's own. Raises :class:`BadRequest`."""
    if request.size in (None, "", "auto"):
        return None
    found = _SIZE.fullmatch(str(request.size).lower())
    width, height = (int(found[1]), int(found[2])) if found else (0, 0)
    if not (1 <= width <= MAX_SIDE and 1 <= height <= MAX_SIDE):
        raise BadRequest(
            f"size must be WIDTHxHEIGHT, each from 1 to {MAX_SIDE}, or auto", param="size"
        )
    return width, height


def delivery_of(request: PictureRequest) -> Literal["b64_json", "url", "both"]:
    """How the pictures are handed over; without a wish both ways, since clients differ in which
    one they take for granted. Raises :class:`BadRequest`."""
    match request.response_format:
        case None | "":
            return "both"
        case "b64_json":
            return "b64_json"
        case "url":
            return "url"
    raise BadRequest("response_format must be url or b64_json", param="response_format")


def picture_fields(request: PictureRequest) -> dict[str, Any]:
    """The task's parameters that the request gives, named as in Python."""
    fields: dict[str, Any] = {
        "prompt": request.prompt or "",
        "negative_prompt": request.negative_prompt,
        "cfg_scale": request.cfg_scale,
        "denoise": request.denoise,
        "options": request.options,
        "ext": picture_extension(request),
    }
    if (size := asked_size(request)) is not None:
        fields["width"], fields["height"] = size
    return {name: value for name, value in fields.items() if value is not None}


def seeds_of(request: PictureRequest) -> list[int | None]:
    """A seed for each picture: the given one and its followers, or none (each is drawn)."""
    if request.seed is None or request.seed < 0:
        return [None] * request.n
    return [(request.seed + number) % (MAX_SEED + 1) for number in range(request.n)]


def answer(
    pictures: Sequence[Picture], request: PictureRequest, *, created: int, size: tuple[int, int]
) -> dict[str, Any]:
    """The answer to any of the three routes: what was made, as it truly is."""
    how = delivery_of(request)
    data = []
    for picture in pictures:
        entry: dict[str, Any] = {}
        if how != "url":
            entry["b64_json"] = base64.b64encode(picture.data).decode("ascii")
        if how != "b64_json":
            entry["url"] = picture.url
        if picture.seed is not None:
            entry["seed"] = picture.seed
        data.append(entry)
    return {
        "created": created,
        "data": data,
        "size": f"{size[0]}x{size[1]}",
        "output_format": picture_extension(request),
        "background": "opaque",
        "quality": request.quality or "auto",
    }
