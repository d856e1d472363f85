"""How an installation is told apart, and what updates it."""

from __future__ import annotations

from pathlib import Path

import pytest

from studio_worker_core.updates.installation import Traces, how_installed, traces_here


def traces(prefix: Path, **more: object) -> Traces:
    return Traces(prefix=prefix, interpreter="/opt/my env/bin/python", **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("file", "more", "kind", "update"),
    [
        ("pipx_metadata.json", {}, "pipx", "pipx upgrade studio-worker"),
        ("pipx_metadata.json", {"in_container": True}, "pipx", "pipx upgrade studio-worker"),
        ("uv-receipt.toml", {"installer": "uv"}, "uv", "uv tool upgrade studio-worker"),
        (
            "pyvenv.cfg",
            {"installer": "uv"},
            "uv",
            "uv pip install --python '/opt/my env/bin/python' --upgrade studio-worker",
        ),
        (
            "pyvenv.cfg",
            {"installer": "pip"},
            "pip",
            "'/opt/my env/bin/python' -m pip install --upgrade studio-worker",
        ),
        ("pyvenv.cfg", {"installer": "conda"}, "conda", "conda update studio-worker"),
        ("pyvenv.cfg", {"in_container": True, "installer": "pip"}, "container", "newer image"),
        ("pyvenv.cfg", {"is_editable": True, "in_container": True}, "source", "source tree"),
    ],
)
def test_the_traces_tell(
    tmp_path: Path, file: str, more: dict[str, object], kind: str, update: str
) -> None:
    (tmp_path / file).touch()
    found = how_installed(traces(tmp_path, **more))
    assert found.kind == kind
    assert update in found.update
    assert found.is_command is (kind not in ("container", "source"))


def test_this_very_program_can_be_told() -> None:
    found = traces_here({"container": "podman"})
    assert found.in_container
    assert how_installed(found).update
