"""Asking a package index, or a feed of releases, for the versions there are."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from typing import Any

import msgspec
import requests
import urllib3

from studio_worker_core import __version__
from studio_worker_core.downloads.addresses import shown_url
from studio_worker_core.errors import StudioWorkerError, TransportError
from studio_worker_core.network.pages import is_page, page_words
from studio_worker_core.network.words import Peer, proxy_words, why_failed
from studio_worker_core.retrying import Asking, is_transient_status
from studio_worker_core.studio_client.strangers import proxy_of
from studio_worker_core.studio_client.transport import EndableAdapter
from studio_worker_core.updates.versions import newest

DEFAULT_INDEX = "https://pypi.org/pypi/studio-worker/json"
"""The JSON description of the package at the Python Package Index."""

_OP = "check-update"
_NAME = "studio-worker"
_ACCEPT = "application/vnd.pypi.simple.v1+json, application/json;q=0.9"
_SECONDS = 20.0
_MOST_BYTES = 16 * 1024 * 1024
_INDEX = Peer("the package index", "is its address")


def address_to_ask(feed: str | None, environ: Mapping[str, str]) -> str:
    """The feed of the settings, else the index that pip or uv is told of, else PyPI."""
    if feed:
        return feed
    for variable in ("PIP_INDEX_URL", "UV_DEFAULT_INDEX", "UV_INDEX_URL"):
        if environ.get(variable):
            return f"{environ[variable].rstrip('/')}/{_NAME}/"
    return DEFAULT_INDEX


def newest_release(url: str, *, prereleases: bool) -> str:
    """The newest version that is offered at ``url``.

    Understood are PyPI's JSON, the simple index in JSON (PEP 691, PEP 700), and a list of
    releases with ``tag_name`` and ``prerelease``.

    Raises:
        TransportError: nobody can be asked.
        StudioWorkerError: the answer names no release.
    """
    shown = shown_url(url)
    data = _fetched(url, shown)
    try:
        found = _versions(msgspec.json.decode(data))
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        raise StudioWorkerError(
            f"{shown} answers no JSON that names releases of {_NAME}; set auto_update_feed to "
            "an address that does"
        ) from None
    best = newest(found, prereleases=prereleases)
    if best is None:
        raise StudioWorkerError(f"{shown} names no release of {_NAME}")
    return best


def _fetched(url: str, shown: str) -> bytes:
    if not url.startswith(("https://", "http://")):
        raise StudioWorkerError(f"{shown} is no http or https address; mend auto_update_feed")
    with requests.Session() as session:
        adapter = EndableAdapter(_SECONDS, tls=True)
        session.mount("http://", adapter)
        session.mount("https://", adapter)
        session.trust_env = False
        proxy = proxy_of(_OP, url)
        try:
            with session.get(
                url,
                headers={"User-Agent": f"{_NAME}/{__version__}", "Accept": _ACCEPT},
                timeout=_SECONDS,
                proxies={"http": proxy, "https": proxy} if proxy else {},
                stream=True,
            ) as answer:
                data = _body(answer, shown)
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
            is_proxys = isinstance(error, requests.exceptions.ProxyError)
            words = proxy_words(error) if is_proxys else why_failed(error, _INDEX)
            raise TransportError(_OP, f"{shown}: {words}") from None
    media_type = answer.headers.get("Content-Type", "")
    if answer.status_code == 404:
        raise StudioWorkerError(f"{shown} knows no {_NAME} (404)")
    if answer.status_code != 200:
        later = "; try again later" if is_transient_status(answer.status_code, Asking.FILE) else ""
        raise TransportError(_OP, f"{shown} answered {answer.status_code}{later}")
    if is_page(media_type, data):
        raise StudioWorkerError(f"{shown} answers with {page_words(data)} and names no releases")
    return data


def _body(answer: requests.Response, shown: str) -> bytes:
    deadline = time.monotonic() + _SECONDS
    data = bytearray()
    for chunk in answer.iter_content(65536):
        data += chunk
        if len(data) > _MOST_BYTES or time.monotonic() > deadline:
            raise TransportError(_OP, f"{shown} sends too much, or too slowly")
    return bytes(data)


def _versions(answer: Any) -> list[str]:
    """Versions in any of the three shapes; those withdrawn by their authors are left out."""
    match answer:
        case {"info": dict(info), "releases": dict(releases)} if _is_ours(info.get("name")):
            return [
                version
                for version, files in releases.items()
                if isinstance(files, list)
                and any(isinstance(file, dict) and not file.get("yanked") for file in files)
            ]
        case {"info": {"name": name, "version": str(version)}} if _is_ours(name):
            return [version]
        case {"name": name, "versions": list(versions)} if _is_ours(name):
            return [version for version in versions if isinstance(version, str)]
        case list(releases):
            return [
                release["tag_name"]
                for release in releases
                if isinstance(release, dict)
                and isinstance(release.get("tag_name"), str)
                and not release.get("draft")
            ]
        case _:
            return []


def _is_ours(name: Any) -> bool:
    return isinstance(name, str) and re.sub(r"[-_.]+", "-", name).lower() == _NAME
