"""What signing in to the studio's pages is of its own, and reading their forms."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import Message, Receive

from studio_worker_core.web.signing import Site
from studio_worker_studio.errors import ApiError
from studio_worker_studio.pages.entrance import PATH

SMALL = 1 << 20
"""Most bytes of an ordinary form."""
_FORM_SECONDS = 60.0


@contextlib.asynccontextmanager
async def form_of(request: Request, most: int) -> AsyncIterator[FormData]:
    """The form in the body; files beyond a megabyte lie on disk while this is entered.

    Raises:
        ApiError: 413 when it has more than ``most`` bytes, 408 when it does not come, 400 when
            it is no form.
    """
    bounded = Request(request.scope, _bounded(request.receive, most))
    try:
        async with asyncio.timeout(_FORM_SECONDS):
            form = await bounded.form(max_files=8, max_fields=100, max_part_size=SMALL)
    except TimeoutError:
        raise ApiError(408, "too_slow", f"the form took more than {_FORM_SECONDS:g} s") from None
    except HTTPException as error:  # as which Starlette raises what its parser refuses
        raise ApiError(400, "invalid_request", f"this is no form: {error.detail}") from None
    try:
        yield form
    finally:
        await form.close()


def _bounded(receive: Receive, most: int) -> Receive:
    seen = 0

    async def take() -> Message:
        nonlocal seen
        message = await receive()
        seen += len(message.get("body", b""))
        if seen > most:
            raise ApiError(413, "too_large", f"the form may have at most {most} bytes")
        return message

    return take


def _forged(why: str) -> ApiError:
    return ApiError(403, "forged", why)


SITE = Site(path=PATH, cookie="studio", form_of=form_of, forged=_forged, most=SMALL)
