"""The optional token for gated model hubs, and the one place that decides who gets it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from urllib.parse import SplitResult

from studio_worker_core.network.loopback import is_loopback_host
from studio_worker_core.secrets import Secret

HUB_TOKEN_VARIABLE = "STUDIO_WORKER_HUB_TOKEN"  # noqa: S105 - the name of a variable
HOST_VARIABLE = "STUDIO_WORKER_HUB_HOST"
DEFAULT_HUB = "huggingface.co"


class HubToken:
    """A bearer token for ``hosts`` (``name`` or ``name:port``) and nobody else.

    It is asked anew for every hop, so a redirect to another host goes without it.
    """

    def __init__(self, token: Secret, hosts: frozenset[str] = frozenset({DEFAULT_HUB})) -> None:
        self._token = token
        self._hosts = frozenset(host.strip().lower() for host in hosts if host.strip())

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] | None = None) -> HubToken | None:
        """The token of ``STUDIO_WORKER_HUB_TOKEN`` for the comma-separated hosts of
        ``STUDIO_WORKER_HUB_HOST``; None when there is no token."""
        variables = os.environ if environ is None else environ
        token = variables.get(HUB_TOKEN_VARIABLE, "").strip()
        if not token:
            return None
        hosts = variables.get(HOST_VARIABLE, "").strip() or DEFAULT_HUB
        return cls(Secret(token), frozenset(hosts.split(",")))

    def headers_for(self, url: SplitResult) -> dict[str, str]:
        """The header to send to ``url``: none unless it is one of the hosts, over TLS."""
        host = (url.hostname or "").rstrip(".").lower()
        if url.scheme != "https" and not is_loopback_host(host):
            return {}
        names = {f"{host}:{url.port}"} if url.port not in (None, 80, 443) else {host}
        if not names & self._hosts:
            return {}
        return {"Authorization": f"Bearer {self._token.reveal()}"}
