"""Ids as people type them: whole, or their beginning when only one has it."""

from __future__ import annotations

import re
from collections.abc import Iterable

from studio_worker_core.errors import StudioWorkerError
from studio_worker_studio.client import OperatorClient

_WHOLE = re.compile(r"(job|worker|rr)-[0-9a-f]{20}")
_SHOWN = 5


def job_id_of(studio: OperatorClient, typed: str) -> str:
    """The job that ``typed`` names.

    Raises:
        StudioWorkerError: several ids begin like that.
    """
    if _WHOLE.fullmatch(typed):
        return typed
    found = studio.items("/jobs", _SHOWN + 1, prefix=_prefixed(typed, "job"))
    return _only(typed, "jobs", (job["jobId"] for job in found))


def worker_id_of(studio: OperatorClient, typed: str) -> str:
    """The worker that ``typed`` names. Raises as :func:`job_id_of`."""
    return _listed(studio, typed, "worker", "/workers", "workerId", "workers")


def request_id_of(studio: OperatorClient, typed: str) -> str:
    """The waiting registration request that ``typed`` names. Raises as :func:`job_id_of`."""
    return _listed(studio, typed, "rr", "/workers/pending", "requestId", "requests")


def path_part(ident: str) -> str:
    """An id as part of a path."""
    from urllib.parse import quote

    return quote(ident, safe="")


def _listed(studio: OperatorClient, typed: str, kind: str, path: str, key: str, noun: str) -> str:
    if _WHOLE.fullmatch(typed):
        return typed
    beginning = _prefixed(typed, kind)
    idents = (str(item[key]) for item in studio.items(path, None))
    return _only(typed, noun, (ident for ident in idents if ident.startswith(beginning)))


def _prefixed(typed: str, kind: str) -> str:
    return typed if typed.startswith(f"{kind}-") else f"{kind}-{typed}"


def _only(typed: str, noun: str, found: Iterable[str]) -> str:
    """The one found; what was typed when there is none: the studio says that it is unknown."""
    idents = list(found)
    if not typed or not idents:
        return typed
    if len(idents) == 1:
        return idents[0]
    more = ", …" if len(idents) > _SHOWN else ""
    names = ", ".join(idents[:_SHOWN])
    raise StudioWorkerError(f"several {noun} begin with {typed!r}: {names}{more}; type more of it")
