"""Uploads that tests make."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from studio_worker_core.secrets import Secret
from studio_worker_core.studio_client.http import StudioClient
from studio_worker_core.studio_client.upload import ResultUpload

TOKEN = Secret("t0ken")


def upload_of(path: Path, **changes: Any) -> ResultUpload:
    fields: dict[str, Any] = {
        "path": path,
        "ext": "png",
        "mime": "image/png",
        "prompt": "a cat",
        "file_name": "j-1.png",
    }
    return ResultUpload(**fields | changes)


def complete(url: str, upload: ResultUpload, **options: Any) -> None:
    StudioClient(url, **options).complete("w-1", TOKEN, "j-1", upload)
