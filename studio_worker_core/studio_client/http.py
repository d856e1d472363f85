"""The HTTP side of a studio: register, poll, deliver (protocol §1, §2, §4)."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.cookiejar import DefaultCookiePolicy
from typing import Any, TypeVar
from urllib.parse import urlsplit

import requests
import urllib3.exceptions

from studio_worker_core.errors import (
    HttpStatusError,
    StudioError,
    TransportError,
    WireError,
)
from studio_worker_core.retrying import Asking, is_transient_status, retry_after_seconds
from studio_worker_core.secrets import Secret
from studio_worker_core.studio_client.headers import USER_AGENT, bearer
from studio_worker_core.studio_client.strangers import (
    decoded,
    proxy_of,
    redirection,
    refuse_page,
    status_error,
)
from studio_worker_core.studio_client.transport import EndableAdapter, reason_of
from studio_worker_core.studio_client.upload import MultipartBody, ResultUpload
from studio_worker_core.studio_client.urls import (
    api_url,
    normalise_base_url,
    path_of,
)
from studio_worker_core.studio_client.watchdog import Watchdog
from studio_worker_core.wire.bounds import MAX_FRAME_BYTES
from studio_worker_core.wire.codec import encode
from studio_worker_core.wire.identifiers import unusable_id, unusable_token
from studio_worker_core.wire.registration import (
    ApprovedDecision,
    RegisterRequest,
    RegisterResponse,
    RegistrationDecision,
)

_HEADERS = {
    "User-Agent": USER_AGENT,
    "Accept-Encoding": "identity",
    "Accept": "*/*",
    "Connection": "keep-alive",
}
_MAX_ERROR_BYTES = 64 * 1024
_CONNECT_SECONDS = 15.0
_SLOWEST_BYTES_PER_SECOND = 16 * 1024
_TOO_SLOW = "timed out: the studio takes or answers too slowly"

_log = logging.getLogger("studio_worker.http")
T = TypeVar("T")


@dataclass
class _Call:
    """One request as it is logged."""

    op: str
    endpoint: str
    secret: Secret | None
    fields: dict[str, Any]
    started: float

    def log(self, level: int, message: str, *args: object, status: int | None) -> None:
        elapsed_ms = round((time.monotonic() - self.started) * 1000, 1)
        extra = {"op": self.op, "endpoint": self.endpoint, "status": status}
        _log.log(level, message, *args, extra=extra | {"elapsed_ms": elapsed_ms} | self.fields)


class _Bearer(requests.auth.AuthBase):
    """Sets our header, and keeps ``.netrc`` from setting another one."""

    def __init__(self, secret: Secret | None) -> None:
        self._header = bearer(secret) if secret is not None else None

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        if self._header is not None:
            request.headers["Authorization"] = self._header
        return request


class StudioClient:
    """The calls of one thread to one studio over kept-alive connections.

    Every call is logged on ``studio_worker.http`` with operation, status and elapsed
    milliseconds. No redirect is followed, so no credential leaves for another host. Every
    call may raise:

    * HttpStatusError: an answer outside 2xx
    * TransportError: no answer, or a redirect
    * WireError: an answer that is not what protocol.md says, or is too long

    Args:
        base_url: the studio's root; see :func:`normalise_base_url` (raises ConfigError).
        session: connections to use instead of our own; :meth:`close` cannot end its calls.
        timeout: seconds without any byte before a call is given up, and the longest time
            an answer may take to arrive once it has begun.
        slowest: bytes per second; a request that leaves more slowly is given up after twice
            ``timeout`` and the time its size takes at that pace.
    """

    def __init__(
        self,
        base_url: str,
        *,
        session: requests.Session | None = None,
        timeout: float = 60.0,
        slowest: float = _SLOWEST_BYTES_PER_SECOND,
    ) -> None:
        self.base_url = normalise_base_url(base_url)
        self._timeout = timeout
        self._slowest = slowest
        self._closed = False
        self._adapter: EndableAdapter | None = None
        if session is None:
            self._adapter = EndableAdapter(timeout, tls=self.base_url.startswith("https:"))
            session = requests.Session()
            session.mount("http://", self._adapter)
            session.mount("https://", self._adapter)
            session.trust_env = False  # proxies and certificates are looked up by ourselves
            session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        self._session = session
        adapter = self._adapter
        self._watchdog = Watchdog(adapter.break_off if adapter is not None else lambda: None)

    def register_request(self, request: RegisterRequest) -> RegisterResponse:
        """Ask to be let in (protocol §2). Unauthenticated; a 429 carries ``retry_after``."""
        with self._call("register-request", path_of("workers", "register-request")) as call:
            body = self._send(call, "POST", encode(request), "application/json")
            what = "the answer to register-request"
            answer = decoded(RegisterResponse, body, what=what)
            _check(what, "request id", unusable_id(answer.request_id))
            return answer

    def poll_registration(self, request_id: str, secret: Secret) -> RegistrationDecision | None:
        """The decision on a request; None when the studio does not know it (404, 401)."""
        path = path_of("workers", "register-requests", request_id)
        with self._call("register-poll", path, secret) as call:
            try:
                body = self._send(call, "GET", asking=Asking.DECISION)
            except NotKnown:
                return None
            what = "the answer to register-poll"
            decision: RegistrationDecision = decoded(
                RegistrationDecision,  # type: ignore[arg-type]
                body,
                what=what,
            )
            if isinstance(decision, ApprovedDecision):
                _check(what, "worker id", unusable_id(decision.worker_id))
                _check(what, "token", unusable_token(decision.auth_token))
            return decision

    def complete(self, worker_id: str, token: Secret, job_id: str, upload: ResultUpload) -> None:
        """Deliver a binary result (protocol §4); any 2xx is success.

        Raises, beside what every call does:
            OutboxError: the file cannot be read.
        """
        path = path_of("workers", worker_id, "jobs", job_id, "complete")
        with upload.open() as body, self._call("complete", path, token) as call:
            call.fields |= {"job_id": job_id, "ext": upload.ext, "bytes": body.file_bytes}
            call.log(
                logging.DEBUG,
                "uploading the result of job %s: %d bytes of %s",
                job_id,
                body.file_bytes,
                upload.mime,
                status=None,
            )
            self._send(call, "POST", body, body.content_type)

    def close(self) -> None:
        """End calls in flight at once, from any thread; later calls raise TransportError."""
        self._closed = True
        if self._adapter is not None:
            self._adapter.end()
        self._watchdog.close()
        self._session.close()

    @contextmanager
    def _call(self, op: str, path: str, secret: Secret | None = None) -> Iterator[_Call]:
        call = _Call(op, api_url(self.base_url, path), secret, {}, time.monotonic())
        try:
            yield call
        except HttpStatusError as error:
            call.log(logging.DEBUG, "%s", error, status=error.status)
            raise
        except (StudioError, WireError) as error:
            call.log(logging.DEBUG, "%s", error, status=None)
            raise

    def _send(
        self,
        call: _Call,
        method: str,
        body: bytes | MultipartBody | None = None,
        content_type: str | None = None,
        asking: Asking = Asking.RESULT,
    ) -> bytes:
        if self._closed:
            raise TransportError(call.op, "the worker is shutting down")
        watchdog = self._watchdog
        headers = dict(_HEADERS)
        if content_type is not None:
            headers["Content-Type"] = content_type
        proxy = proxy_of(call.op, call.endpoint)
        watchdog.begin(self._limit_of(body))
        if isinstance(body, MultipartBody):
            body.on_sent = lambda: watchdog.arm(self._timeout)
        try:
            request = requests.Request(
                method, call.endpoint, data=body, headers=headers, auth=_Bearer(call.secret)
            )
            # Our own session has nothing to add, and takes as long to find that out as all else.
            ours = self._adapter is not None
            response = self._session.send(
                request.prepare() if ours else self._session.prepare_request(request),
                proxies=_proxies(proxy),
                timeout=(min(_CONNECT_SECONDS, self._timeout), self._timeout),
                allow_redirects=False,
                stream=True,
            )
            with response:
                watchdog.rest()  # reading the body has a limit of its own
                return self._answer(call, response, asking)
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
            reason = "the worker is shutting down" if self._closed else reason_of(error)
            if watchdog.bitten:
                reason = _TOO_SLOW
            raise TransportError(call.op, reason) from None
        finally:
            watchdog.rest()
            if self._adapter is not None:
                self._adapter.drop_cut_short()

    def _limit_of(self, body: bytes | MultipartBody | None) -> float:
        """Seconds a request may take to leave, in whatever pieces its peer takes it; and for
        all but uploads to be answered as well."""
        size = len(body) if body is not None else 0
        return 2 * self._timeout + size / self._slowest

    def _answer(self, call: _Call, response: requests.Response, asking: Asking) -> bytes:
        status, media_type = response.status_code, response.headers.get("Content-Type", "")
        if 200 <= status < 300:
            data = self._read(call, response, MAX_FRAME_BYTES)
            if len(data) > MAX_FRAME_BYTES:
                raise WireError(f"the answer to {call.op}", f"over {MAX_FRAME_BYTES} bytes")
            refuse_page(call.op, media_type, data)
            call.log(logging.DEBUG, "%s ok", call.op, status=status)
            return data
        if 300 <= status < 400:
            host = urlsplit(self.base_url).hostname
            raise redirection(call.op, status, host, response.headers.get("Location", ""))
        text = self._read(call, response, _MAX_ERROR_BYTES)[:_MAX_ERROR_BYTES]
        if asking is Asking.DECISION and not is_transient_status(status, asking):
            call.log(logging.DEBUG, "%s: not known to the studio", call.op, status=status)
            raise NotKnown(status, media_type, text)
        retry_after = retry_after_seconds(response.headers.get("Retry-After"))
        raise status_error(call.op, status, media_type, text, retry_after=retry_after)

    def _read(self, call: _Call, response: requests.Response, limit: int) -> bytes:
        """At most ``limit`` + 1 bytes of the body, however slowly they come."""
        deadline = time.monotonic() + self._timeout
        data = bytearray()
        while len(data) <= limit:
            chunk = response.raw.read1(min(65536, limit + 1 - len(data)), decode_content=False)
            if not chunk:
                break
            data += chunk
            if time.monotonic() > deadline:
                raise TransportError(call.op, f"the answer took over {self._timeout:g} s")
        return bytes(data)


def _proxies(proxy: str | None) -> dict[str, str]:
    return {"http": proxy, "https": proxy} if proxy is not None else {}


def _check(what: str, name: str, reason: str | None) -> None:
    if reason is not None:
        raise WireError(what, f"its {name} cannot be used: {reason}")


class NotKnown(Exception):
    """The studio does not know what was asked for, or who asks: status, media type and body."""
