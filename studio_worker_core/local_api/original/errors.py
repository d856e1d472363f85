"""Errors in the two shapes that the original worker's clients know (recorded from it).

The older routes, a path that is none and a body that is too large are answered with a plain text;
everything since then with ``{"error": code, "message": text}``.
"""

from __future__ import annotations

from collections.abc import Mapping

from starlette.responses import PlainTextResponse, Response

from studio_worker_core.local_api.answers import json_answer
from studio_worker_core.local_api.errors import Refused, UnknownModel

_PLAIN_PATHS = frozenset({"/image", "/tts", "/stt", "/video", "/models"})
_PLAIN_CODES = frozenset({"method_not_allowed", "not_found", "too_large"})
_CODES = {
    400: "bad_request",
    404: "not_found",
    409: "conflict",
    415: "unsupported_media_type",
    501: "not_served",
    503: "busy",
    504: "deadline_passed",
}
_NAMES = {
    "invalid_task": "bad_request",
    "method_not_allowed": "not_found",
    "model_not_found": "unknown_model",
}
"""What the original calls a thing that OpenAI's clients know by another word."""


def error_answer(path: str, refused: Refused, headers: Mapping[str, str]) -> Response:
    """The answer to a request of ``path`` that is refused."""
    status = 404 if refused.code == "method_not_allowed" else refused.status
    is_plain = path in _PLAIN_PATHS or refused.code in _PLAIN_CODES
    is_plain = is_plain and not refused.more  # sizes are for programs
    if isinstance(refused, UnknownModel) and path in (*_PLAIN_PATHS, "/mesh"):
        status, is_plain = 400, True
    if is_plain and not (path.startswith("/daemon/") and status == 404):
        return PlainTextResponse(refused.message, status, headers=dict(headers))
    code = refused.code or _CODES.get(status, "failed")
    body = {"error": _NAMES.get(code, code), "message": refused.message, **refused.more}
    return json_answer(body, status, headers)
