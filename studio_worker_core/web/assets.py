"""Static files under names with their hashes: a browser keeps one for ever, and asks for another
name after an update."""

from __future__ import annotations

import gzip
import hashlib
import mimetypes
from collections.abc import Mapping
from pathlib import Path

from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response

SHARED = Path(__file__).parent / "static"
_TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
_FOR_EVER = "public, max-age=31536000, immutable"


class Asset(Struct, frozen=True):
    """One file, as it goes out."""

    data: bytes
    packed: bytes
    """The same, gzipped."""
    media_type: str
    etag: str


class Assets:
    """The files of ``directories``, read once; a name in a later one wins.

    :param prefix: the path they are served under, with a slash at its end.
    """

    def __init__(self, prefix: str, *directories: Path) -> None:
        self._prefix = prefix
        self._files: dict[str, Asset] = {}
        self._names: dict[str, str] = {}
        for directory in directories:
            for path in sorted(directory.iterdir()):
                if path.suffix in _TYPES:
                    self._add(path)

    def _add(self, path: Path) -> None:
        data = path.read_bytes()
        digest = hashlib.sha256(data).hexdigest()[:16]
        hashed = f"{path.stem}.{digest}{path.suffix}"
        kind = _TYPES.get(path.suffix) or mimetypes.guess_type(path.name)[0] or "text/plain"
        packed = gzip.compress(data, 9, mtime=0)
        self._files[hashed] = Asset(data, packed, f"{kind}; charset=utf-8", f'"{digest}"')
        self._names[path.name] = hashed

    @property
    def names(self) -> Mapping[str, str]:
        """What each file is called here."""
        return self._names

    def url(self, name: str) -> str:
        """The address of the file ``name``. Raises :class:`KeyError`."""
        return self._prefix + self._names[name]

    def answer(self, request: Request, hashed: str) -> Response:
        """The file under its hashed name, or 404."""
        asset = self._files.get(hashed)
        if asset is None:
            return Response("there is no such file", 404, media_type="text/plain")
        headers = {"etag": asset.etag, "cache-control": _FOR_EVER, "vary": "Accept-Encoding"}
        if asset.etag in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=headers)
        if "gzip" in request.headers.get("accept-encoding", ""):
            headers["content-encoding"] = "gzip"
            return Response(asset.packed, headers=headers, media_type=asset.media_type)
        return Response(asset.data, headers=headers, media_type=asset.media_type)
