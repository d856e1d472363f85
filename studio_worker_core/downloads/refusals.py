"""The words for a status that brings no bytes: what it means and what to do about it."""

from __future__ import annotations

from studio_worker_core.downloads.fetching import Response
from studio_worker_core.downloads.hub import HUB_TOKEN_VARIABLE
from studio_worker_core.downloads.transfers import Interrupted
from studio_worker_core.errors import DownloadFailed
from studio_worker_core.network.proxies import LOGIN_WORDS
from studio_worker_core.retrying import Asking, is_transient_status, retry_after_seconds


def refusal(
    response: Response, shown: str, *, is_input: bool = False, with_token: bool = False
) -> DownloadFailed:
    """The error for a status that brings no bytes.

    ``is_input`` is true for what a task points at, which no token of ours opens;
    ``with_token`` when the hub's token was sent.
    """
    status = response.status
    if is_transient_status(status, Asking.FILE):
        wait = retry_after_seconds(response.headers.get("Retry-After"))
        asked = "" if wait is None else f", and asks to wait {wait:.0f} s"
        said = "too many requests" if status == 429 else "it is busy or broken"
        return Interrupted(
            f"{shown}: the server answered {status} ({said}{asked})", what=shown, retry_after=wait
        )
    hint = _hint(status, is_input=is_input, with_token=with_token)
    return DownloadFailed(f"{shown}: the server answered {status}: {hint}", what=shown)


def _hint(status: int, *, is_input: bool, with_token: bool) -> str:
    if status == 407:
        return LOGIN_WORDS
    if status in (404, 410):
        return "there is no such file; check the address in the job or the model's source"
    if status in (401, 403) and is_input:
        return (
            "this input is not public; the studio has to give an address that opens without a "
            "login (a signed one may have expired)"
        )
    if status in (401, 403) and with_token:
        return (
            f"access is restricted and the token in {HUB_TOKEN_VARIABLE} does not open it; accept "
            "the model's terms on its page with that account, or check that the token is valid "
            "and may read"
        )
    if status in (401, 403):
        return (
            "access is restricted; if it is a gated model, accept its terms on its page and set "
            f"{HUB_TOKEN_VARIABLE} to a token of that account"
        )
    if 300 <= status < 400:
        return "it redirects to nowhere"
    return "it cannot be downloaded"
