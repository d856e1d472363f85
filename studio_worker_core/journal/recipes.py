"""A job's task and model source, made fit to be kept: no credentials, no whole files."""

from __future__ import annotations

import hashlib
import re
from typing import Any
from urllib.parse import parse_qsl, quote, urlsplit, urlunsplit

import msgspec

from studio_worker_core.jobs.job import Job
from studio_worker_core.journal.records import LONGEST_RECIPE
from studio_worker_core.redaction import without_secrets

_LONGEST_DATA = 256
_HIDDEN = "***"
_TELLING = re.compile(r"(?i)token|secret|passw|signature|credential|auth|api.?key|^(key|sig|pw)$")
"""Names of query parameters that let somebody in."""


def recipe_bytes(job: Job) -> bytes | None:
    """The job's recipe as JSON; None for one that is too long to be kept. Costs its length."""
    parts = {
        "task": _plain(msgspec.to_builtins(job.task)),
        "modelSource": _plain(msgspec.to_builtins(job.model_source)),
    }
    data = without_secrets(msgspec.json.encode(parts).decode()).encode()
    return data if len(data) <= LONGEST_RECIPE else None


def _plain(value: Any) -> Any:
    match value:
        case str():
            return plain_url(value)
        case dict():
            return {key: _plain(each) for key, each in value.items()}
        case list() | tuple():
            return [_plain(each) for each in value]
    return value


def plain_url(text: str) -> str:
    """``text``; of a ``data:`` URL only type and digest, of an address no credentials."""
    if text[:5].lower() == "data:" and len(text) > _LONGEST_DATA and "," in text[:_LONGEST_DATA]:
        digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
        return f"{text.partition(',')[0]},sha256:{digest}"
    if text[:8].lower().startswith(("http://", "https://")) and not any(map(str.isspace, text)):
        return _without_credentials(text)
    return text


def is_left_out(url: str) -> bool:
    """Whether only the digest of an input in ``url`` was kept, or its address without what lets
    in."""
    return ",sha256:" in url[:_LONGEST_DATA] or _HIDDEN in url


def _without_credentials(url: str) -> str:
    try:
        parts = urlsplit(url)
        pairs = parse_qsl(parts.query, keep_blank_values=True, max_num_fields=1000)
    except ValueError:
        return _HIDDEN
    authority = parts.netloc.rpartition("@")
    is_open = any(_TELLING.search(name) for name, _ in pairs)
    if not authority[1] and not is_open:
        return url
    query = "&".join(
        f"{quote(name)}={_HIDDEN if _TELLING.search(name) else quote(value, safe='')}"
        for name, value in pairs
    )
    host = f"{_HIDDEN}@{authority[2]}" if authority[1] else parts.netloc
    return urlunsplit(parts._replace(netloc=host, query=query))
