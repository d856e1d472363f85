"""A file of a model as a person writes it: ``ROLE=URL[#sha256=HEX][&size=BYTES][&name=NAME]``."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from studio_worker_core.errors import SourceRefused

_SIZE = re.compile(r"([0-9]{1,15}(?:\.[0-9]{1,9})?)\s*((?:[kmgt]i?)?)b?", re.IGNORECASE)
_CHECKSUM = re.compile(r"[0-9a-fA-F]{64}")
_NAMES = ("sha256", "size", "name")


def file_of(text: str) -> dict[str, Any]:
    """The line as an entry of ``source.files``. Raises :class:`.SourceRefused`."""
    role, found, rest = text.partition("=")
    if "://" in role:
        raise _bad(f"{text!r} has no role before its address; write model={text}")
    if not found or not role or not rest:
        raise _bad(f"{text!r} is not ROLE=URL, as in model=https://hub.example/m.gguf")
    url, _, fragment = rest.partition("#")
    more = dict(parse_qsl(fragment, keep_blank_values=True))
    for unknown in more.keys() - set(_NAMES):
        raise _bad(f"{unknown!r} after '#' is not one of {', '.join(_NAMES)}")
    if fragment and not more:
        raise _bad(f"{fragment!r} after '#' is not NAME=VALUE, as in #sha256=HEX")
    try:
        name = more.get("name") or unquote(urlsplit(url).path).rpartition("/")[2]
    except ValueError as error:
        raise _bad(f"{url!r} is no address: {error}") from None
    if not name:
        raise _bad(f"{url!r} does not end in the name of a file; add #name=NAME")
    file: dict[str, Any] = {"role": role, "url": url, "filename": name}
    if "sha256" in more:
        if _CHECKSUM.fullmatch(more["sha256"]) is None:
            raise _bad(f"sha256={more['sha256'][:80]!r} is not 64 hexadecimal digits")
        file["sha256"] = more["sha256"].lower()
    if "size" in more:
        file["approxBytes"] = _bytes_of(more["size"])
    return file


def _bytes_of(text: str) -> int:
    found = _SIZE.fullmatch(text.strip())
    if found is None:
        raise _bad(f"size={text[:40]!r} is no size, as in 4200000000 or 4.2GB")
    unit = found.group(2).lower()
    base = 1024.0 if unit.endswith("i") else 1000.0
    return round(float(found.group(1)) * base ** " kmgt".index(unit.removesuffix("i") or " "))


def _bad(why: str) -> SourceRefused:
    return SourceRefused(why)
