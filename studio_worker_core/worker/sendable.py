"""Whose results this worker may send. Nothing here needs a connection."""

from __future__ import annotations

from msgspec import Struct

from studio_worker_core.config import Config
from studio_worker_core.outbox import Entry
from studio_worker_core.registration import identities, identity_at


class Sendable(Struct, frozen=True):
    """Whose results this worker may send as its settings stand: of the identities it still has.

    A file goes to the studio of its identity, a JSON answer only over a session with the
    configured one.
    """

    here: str | None
    """The worker's id at the configured studio."""
    anywhere: frozenset[str]
    """Its ids at all studios that it has a token of."""

    def __call__(self, entry: Entry) -> bool:
        """Whether that result may be sent."""
        if entry.is_json:
            return entry.is_for(self.here)
        return entry.manifest.worker in self.anywhere


def sendable(base_url: str, config: Config) -> Sendable:
    """What may be sent while ``base_url`` is the configured studio."""
    ids = (i.worker_id for _, i in identities(config) if i.auth_token is not None)
    return Sendable(
        here=identity_at(base_url, config).worker_id,
        anywhere=frozenset(worker_id for worker_id in ids if worker_id is not None),
    )
