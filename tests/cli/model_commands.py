"""Models that a file server has, for the tests of the commands."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable

from tests.downloads.file_server import FileServer, content, sha256

Run = Callable[..., subprocess.CompletedProcess[str]]


DATA = content(500_000)


def add(cli: Run, server: FileServer, model: str = "tiny", *, checksum: str | None = None) -> None:
    url = server.serve("/weights.bin", DATA)
    digest = checksum or sha256(DATA)
    done = cli(
        *("models", "add", model, "--engine", "onnx", "--kind", "llm", "--vram", "2.5"),
        *("--name", "Tiny", "--file", f"model={url}#sha256={digest}"),
    )
    assert done.returncode == 0, done.stderr


def listed(cli: Run) -> dict[str, dict[str, object]]:
    done = cli("models", "list", "--json")
    assert done.returncode == 0, done.stderr
    return {row["id"]: row for row in json.loads(done.stdout)}
