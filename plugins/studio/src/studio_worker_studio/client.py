"""The operator API of a running studio, as its operator calls it (protocol §6)."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from types import TracebackType
from typing import Any, BinaryIO, Self

import requests

from studio_worker_core.errors import (
    HttpStatusError,
    StudioWorkerError,
    TransportError,
    WireError,
)
from studio_worker_core.foreign_text import quoted
from studio_worker_core.secrets import Secret

API_PREFIX = "/graphics/api"
_TIMEOUT_SECONDS = 30.0
_PIECE_BYTES = 1 << 20


class _Bearer(requests.auth.AuthBase):
    """Sets our header, and keeps ``.netrc`` from setting another one."""

    def __init__(self, token: Secret) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self._token.reveal()}"
        return request


class OperatorClient:
    """The operator API of one studio; a context manager that closes its connections.

    Every call raises :class:`TransportError` when there is no answer, :class:`HttpStatusError`
    when the answer is no success, and :class:`WireError` when it is not the JSON it should be.

    :param direct: past the proxies of the environment, for a studio on this machine.
    :param seconds: how long each call may wait for a connection, and for the next bytes.
    """

    def __init__(
        self,
        base_url: str,
        token: str,
        *,
        direct: bool = False,
        seconds: float = _TIMEOUT_SECONDS,
    ) -> None:
        self.base_url = base_url.rstrip("/")
        self._seconds = seconds
        self._session = requests.Session()
        self._session.auth = _Bearer(Secret(token))
        self._session.trust_env = not direct

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._session.close()

    def get(self, path: str, **query: Any) -> Any:
        """The JSON answer of a GET; query values of None are left out."""
        return _json(self.request("GET", path, params=_given(query)))

    def items(self, path: str, limit: int | None = None, **query: Any) -> Iterator[Any]:
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

    def post(self, path: str, body: Any = None, headers: Mapping[str, str] | None = None) -> Any:
        """The JSON answer of a POST."""
        content = {} if body is None else body
        return _json(self.request("POST", path, json=content, headers=headers))

    def delete(self, path: str, **query: Any) -> None:
        """A DELETE; query values of None are left out."""
        self.request("DELETE", path, params=_given(query))

    def download(self, path: str, file: BinaryIO, sha256: str) -> None:
        """Write the bytes of a GET to ``file``.

        Raises:
            StudioWorkerError: they have another sum.
            OSError: they cannot be written.
        """
        digest = hashlib.sha256()
        try:
            with self.request("GET", path, stream=True) as answer:
                for piece in answer.iter_content(_PIECE_BYTES):
                    digest.update(piece)
                    file.write(piece)
        except requests.RequestException as error:
            raise TransportError(f"GET {path}", f"the download broke off ({error})") from None
        file.flush()
        if digest.hexdigest() != sha256:
            raise StudioWorkerError(f"{path}: the bytes that came are not the ones of the job")

    def request(self, method: str, path: str, **options: Any) -> requests.Response:
        """The answer to any call; ``options`` are those of :meth:`requests.Session.request`."""
        op = f"{method} {path}"
        try:
            answer = self._session.request(
                method,
                self.base_url + API_PREFIX + path,
                timeout=self._seconds,
                allow_redirects=False,
                **options,
            )
        except requests.RequestException as error:
            raise TransportError(
                op, f"no studio answers at {self.base_url}/ ({_root(error)})"
            ) from None
        if not 200 <= answer.status_code < 300:
            raise HttpStatusError(op, answer.status_code, _message(answer))
        return answer


def _given(query: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in query.items() if value is not None}


def _json(answer: requests.Response) -> Any:
    try:
        return answer.json()
    except requests.JSONDecodeError as error:
        asked = answer.request
        raise WireError(f"{asked.method} {asked.path_url}", f"no JSON: {error}") from None


def _message(answer: requests.Response) -> str:
    try:
        return quoted(str(answer.json()["message"]), 2000)
    except (ValueError, KeyError, TypeError):
        return quoted(answer.text or answer.reason, 500)


def _root(error: BaseException) -> str:
    if isinstance(error, requests.Timeout):
        return "timed out"
    if isinstance(error, requests.ConnectionError):
        return "connection refused or lost"
    return type(error).__name__
