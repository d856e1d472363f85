"""Asking the worker that runs, by its local API."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from msgspec import Struct

from studio_worker_core.cli.api import running_api
from studio_worker_core.errors import StudioWorkerError, TransportError

if TYPE_CHECKING:
    from studio_worker_core.config import ConfigStore

_OP = "asking the running worker"
_SECONDS = 60.0


class LocalApiRefused(StudioWorkerError):
    """The running worker answered with an error; its words are the message."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


class _Refusal(Struct):
    message: str


class RunningApi:
    """The local API of the worker that runs on ``store``'s directory.

    Raises:
        NotRunning: there is none.
    """

    def __init__(self, store: ConfigStore) -> None:
        self._found = running_api(store)
        self.url = self._found.url

    def ask(self, method: str, *path: str) -> Any:
        """The answer to a request without a body; each part of ``path`` is one name.

        Raises:
            LocalApiRefused: it was answered with an error; the message is the worker's.
            TransportError: it was not answered, or by another program.
        """
        import requests

        where = "/".join(quote(part, safe="") for part in path)
        with requests.Session() as session:
            session.trust_env = False  # no proxy leads to this machine
            try:
                answer = session.request(
                    method,
                    f"{self.url}/{where}",
                    headers={"authorization": f"Bearer {self._found.token}"},
                    timeout=_SECONDS,
                )
                if answer.ok:
                    return answer.json()
            except requests.JSONDecodeError:
                reason = f"what answers at {self.url} is no studio-worker"
                raise TransportError(_OP, reason) from None
            except requests.RequestException as error:
                reason = f"{type(error).__name__} at {self.url}"
                raise TransportError(_OP, reason) from error
        raise LocalApiRefused(_words(answer.text), answer.status_code)


def _words(text: str) -> str:
    import msgspec

    try:
        return msgspec.json.decode(text, type=_Refusal).message
    except msgspec.MsgspecError:
        return text[:500]
