"""The uploads to the studio: a few at a time, each over connections of its own."""

from __future__ import annotations

import threading
from collections.abc import Callable

from msgspec import Struct

from studio_worker_core.config import Config
from studio_worker_core.delivery import LONGEST_PROMPT, Complete
from studio_worker_core.errors import ConfigError, NotRegistered
from studio_worker_core.outbox import Entry
from studio_worker_core.registration import identity_at, issuer_of, same_studio
from studio_worker_core.studio_client.http import StudioClient
from studio_worker_core.studio_client.upload import ResultUpload
from studio_worker_core.studio_client.urls import normalise_base_url
from studio_worker_core.worker.sendable import Sendable, sendable

_SENDERS = 3


class _Studio(Struct, frozen=True):
    """What one state of the settings says about the studio; addresses are slow to compare."""

    config: Config
    base_url: str
    sendable: Sendable


class Uploads:
    """``settings`` gives the settings as they are now.

    Raises:
        ConfigError: the studio's address cannot be used.
    """

    def __init__(self, settings: Callable[[], Config]) -> None:
        self._settings = settings
        config = settings()
        base_url = normalise_base_url(config.api_base_url)
        self._known = _Studio(config, base_url, sendable(base_url, config))
        self._senders = [_Sender(base_url) for _ in range(_SENDERS)]

    @property
    def base_url(self) -> str:
        """The studio that is configured now; while that is no address, the one before."""
        return self._now().base_url

    def completes(self, takes_meta: Callable[[], bool]) -> list[Complete]:
        """For each sender what it calls to upload one result. ``takes_meta`` says whether the
        studio wants to know how it was made (protocol §3.1, ``meta``)."""

        def over(sender: _Sender) -> Complete:
            return lambda entry, abort: self._complete(sender, entry, abort, takes_meta())

        return [over(sender) for sender in self._senders]

    def worker_id(self) -> str | None:
        """The identity at the studio that is configured now; None while there is none."""
        return self._now().sendable.here

    def may_send(self, entry: Entry) -> bool:
        """See :class:`Sendable`, with the settings as they are now."""
        return self._now().sendable(entry)

    def _now(self) -> _Studio:
        config, known = self._settings(), self._known
        if config is not known.config:
            try:
                base_url = normalise_base_url(config.api_base_url)
            except ConfigError:
                base_url = known.base_url
            known = self._known = _Studio(config, base_url, sendable(base_url, config))
        return known

    def close(self) -> None:
        """End uploads in flight at once; later ones raise TransportError."""
        for sender in self._senders:
            sender.close()

    def _complete(
        self, sender: _Sender, entry: Entry, abort: Callable[[], bool], takes_meta: bool
    ) -> None:
        manifest, config = entry.manifest, self._settings()
        # A result made for a studio that was left meanwhile still goes there, and only there.
        base_url = issuer_of(manifest.worker, config) or self.base_url
        identity = identity_at(base_url, config)
        if identity.worker_id is None or identity.auth_token is None:
            raise NotRegistered("complete", "this worker is not registered yet")
        if manifest.worker != identity.worker_id:
            raise NotRegistered("complete", f"it was made as worker {manifest.worker}")
        upload = ResultUpload(
            path=entry.path,
            ext=manifest.ext,
            mime=manifest.mime,
            prompt=_prompt(entry),
            file_name=f"{manifest.job}.{manifest.ext}",
            abort=abort,
            sha256=manifest.sha256,
            meta=manifest.meta if takes_meta else None,
        )
        client = sender.to(base_url)
        client.complete(manifest.worker, identity.auth_token, manifest.job, upload)


def _prompt(entry: Entry) -> str | None:
    """Of a JSON answer it is left out, never cut, when it is too long (as in its frame)."""
    prompt = entry.manifest.prompt
    return None if entry.is_json and len(prompt) > LONGEST_PROMPT else prompt


class _Sender:
    """The connections of one sender, to one studio at a time."""

    def __init__(self, base_url: str) -> None:
        self._client = StudioClient(base_url)
        self._closed = False
        self._lock = threading.Lock()

    def to(self, base_url: str) -> StudioClient:
        """A client of the studio at ``base_url``; the one before when that is the same."""
        with self._lock:
            if not same_studio(self._client.base_url, base_url):
                self._client.close()
                self._client = StudioClient(base_url)
                if self._closed:
                    self._client.close()
            return self._client

    def close(self) -> None:
        """End its call in flight, and all later ones."""
        with self._lock:
            self._closed = True
            self._client.close()
