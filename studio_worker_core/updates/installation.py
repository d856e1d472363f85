"""How this installation was made, and so how it is updated."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from msgspec import Struct

_CONTAINER_FILES = (Path("/.dockerenv"), Path("/run/.containerenv"))


class Traces(Struct, frozen=True, kw_only=True):
    """What tells how a program was installed."""

    prefix: Path
    """Of its environment."""
    interpreter: str
    installer: str = ""
    """What the distribution's INSTALLER file says."""
    is_editable: bool = False
    in_container: bool = False


class Installation(Struct, frozen=True):
    """How it was installed and what brings a newer version."""

    kind: str
    """``container``, ``source``, ``pipx``, ``uv``, ``conda`` or ``pip``."""
    update: str
    """A command line, or what to do where there is none."""
    is_command: bool = True


def traces_here(environ: Mapping[str, str]) -> Traces:
    """The traces of the running program."""
    installer, editable = "", False
    try:
        found = distribution("studio-worker")
        installer = (found.read_text("INSTALLER") or "").strip().lower()
        direct = json.loads(found.read_text("direct_url.json") or "{}")
        editable = bool(direct.get("dir_info", {}).get("editable"))
    except (PackageNotFoundError, OSError, ValueError, AttributeError):
        pass  # damaged or not installed at all: the other traces have to do
    return Traces(
        prefix=Path(sys.prefix),
        interpreter=sys.executable,
        installer=installer,
        is_editable=editable,
        in_container=bool(environ.get("container") or environ.get("KUBERNETES_SERVICE_HOST"))
        or any(path.exists() for path in _CONTAINER_FILES),
    )


def how_installed(traces: Traces) -> Installation:
    """What the traces say; a tool that keeps the program up to date goes before a container."""
    if traces.is_editable:
        return Installation("source", "update the source tree and install it again", False)
    if (traces.prefix / "pipx_metadata.json").is_file():
        return Installation("pipx", "pipx upgrade studio-worker")
    if (traces.prefix / "uv-receipt.toml").is_file():
        return Installation("uv", "uv tool upgrade studio-worker")
    if traces.in_container:
        return Installation("container", "pull or build a newer image and start it", False)
    python = shlex.quote(traces.interpreter)
    if traces.installer == "uv":
        return Installation("uv", f"uv pip install --python {python} --upgrade studio-worker")
    if traces.installer == "conda":
        return Installation("conda", "conda update studio-worker")
    return Installation("pip", f"{python} -m pip install --upgrade studio-worker")
