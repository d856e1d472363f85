"""Talking to a running studio as its operator."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests

from studio_worker_core.errors import ConfigError, HttpStatusError, TransportError
from studio_worker_studio.settings import default_data_directory, token_file_in

__all__ = ["Connection", "connect"]

_PREFIX = "/graphics/api"
_TIMEOUT_SECONDS = 30.0


class Connection:
    """The operator API of one studio.

    Every call raises :class:`TransportError` when there is no answer and
    :class:`HttpStatusError` when the answer is no success.
    """

    def __init__(self, base_url: str, token: str) -> None:
        self.base_url = base_url
        self._session = requests.Session()
        self._session.headers["Authorization"] = f"Bearer {token}"

    def get(self, path: str, **query: Any) -> Any:
        """The JSON answer of a GET; query values of None are left out."""
        wanted = {key: value for key, value in query.items() if value is not None}
        return self._call("GET", path, params=wanted).json()

    def items(self, path: str, limit: int | None, **query: Any) -> Iterator[Any]:
        """The items of a list, page by page, at most ``limit``."""
        after, left = query.pop("after", None), limit
        while left is None or left > 0:
            size = 500 if left is None else min(left, 500)
            page = self.get(path, limit=size, after=after, **query)
            yield from page["items"]
            left = None if left is None else left - len(page["items"])
            after = page.get("next")
            if after is None:
                return

    def post(self, path: str, body: Any = None) -> Any:
        """The JSON answer of a POST."""
        return self._call("POST", path, json={} if body is None else body).json()

    def put(self, path: str, body: Any) -> Any:
        """The JSON answer of a PUT."""
        return self._call("PUT", path, json=body).json()

    def delete(self, path: str) -> None:
        """A DELETE."""
        self._call("DELETE", path)

    def stream(self, path: str) -> requests.Response:
        """An answer whose body is still to be read."""
        return self._call("GET", path, stream=True)

    def _call(self, method: str, path: str, **options: Any) -> requests.Response:
        op = f"{method} {path}"
        try:
            answer = self._session.request(
                method,
                self.base_url + _PREFIX + path,
                timeout=_TIMEOUT_SECONDS,
                allow_redirects=False,
                **options,
            )
        except requests.RequestException as error:
            raise TransportError(
                op, f"no studio answers at {self.base_url}/ ({_root(error)})"
            ) from (None)
        if not 200 <= answer.status_code < 300:
            raise HttpStatusError(op, answer.status_code, _message(answer))
        return answer


def connect(studio_url: str, token_file: Path | None) -> Connection:
    """A connection from what the command line and the environment say.

    Raises:
        ConfigError: the address is no URL, or there is no token.
    """
    parts = urlsplit(studio_url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ConfigError(
            f"the studio's address {studio_url!r} is no http(s) URL", key="studio-url"
        )
    base = studio_url.partition("?")[0].partition("#")[0].rstrip("/").removesuffix(_PREFIX)
    return Connection(base.rstrip("/"), _token(token_file))


def _token(file: Path | None) -> str:
    token = os.environ.get("STUDIO_OPERATOR_TOKEN", "").strip()
    if file is None and token:
        return token
    path = (file or token_file_in(default_data_directory())).expanduser()
    try:
        token = path.read_text("utf-8").strip()
    except (OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ConfigError(
            f"no operator token: {path}: {reason}; give --operator-token-file, or set "
            "STUDIO_OPERATOR_TOKEN",
            path=path,
        ) from None
    if not token or not token.isascii() or any(c.isspace() for c in token):
        raise ConfigError(f"{path} holds no operator token", path=path)
    return token


def _message(answer: requests.Response) -> str:
    try:
        return str(answer.json()["message"])
    except (ValueError, KeyError, TypeError):
        return answer.text[:500] or answer.reason


def _root(error: BaseException) -> str:
    if isinstance(error, requests.Timeout):
        return "timed out"
    if isinstance(error, requests.ConnectionError):
        return "connection refused or lost"
    return type(error).__name__
