"""When the host is offered the engine, and what a process behind the fence cannot do."""

from __future__ import annotations

import importlib.machinery
import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

from studio_worker_core.plugin import API_VERSION, HostInfo, TaskKind
from studio_worker_tts.plugin import studio_worker_engines

HOST = HostInfo(api_version=API_VERSION, agent_version="0", models_root=Path("models"))


@pytest.mark.parametrize("there", [True, False])
def test_the_engine_is_offered_where_its_library_is(
    monkeypatch: pytest.MonkeyPatch, there: bool
) -> None:
    def find(name: str, package: str | None = None) -> importlib.machinery.ModuleSpec | None:
        return importlib.machinery.ModuleSpec(name, None) if there else None

    monkeypatch.setattr(importlib.util, "find_spec", find)
    engines = {spec.name: spec for spec in studio_worker_engines(HOST)}
    assert ("coqui" in engines) is there
    if there:
        assert engines["coqui"].models == {TaskKind.AUDIO_TTS: ["coqui:*"]}


def test_offering_it_imports_nothing_heavy() -> None:
    program = (
        "import sys, studio_worker_tts.plugin as plugin\n"
        "plugin.studio_worker_engines(None)\n"
        "print([name for name in ('torch', 'TTS', 'numpy') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


FENCED = """
import os, pathlib, socket
os.environ["TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD"] = "1"
from studio_worker_tts.coqui.fence import close_the_fence
close_the_fence(pathlib.Path("home"))
close_the_fence(pathlib.Path("home"))
assert "TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD" not in os.environ
assert os.environ["TORCH_FORCE_WEIGHTS_ONLY_LOAD"] == "1"
assert os.environ["TTS_HOME"] == "home"
left, right = socket.socketpair()
left.send(b"x")
tries = [
    lambda: socket.create_connection(("127.0.0.1", PORT), 5),
    lambda: socket.create_connection(("localhost", PORT), 5),
    lambda: socket.socket().connect_ex(("127.0.0.1", PORT)),
    lambda: socket.socket(type=socket.SOCK_DGRAM).sendto(b"x", ("127.0.0.1", PORT)),
]
for attempt in tries:
    try:
        attempt()
    except PermissionError as error:
        assert "engines have no network" in str(error)
    else:
        raise SystemExit("the network was reached")
print("fenced")
"""


def test_behind_the_fence_there_is_no_network() -> None:
    import socket

    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        program = FENCED.replace("PORT", str(listening.getsockname()[1]))
        done = subprocess.run(
            [sys.executable, "-c", program], capture_output=True, text=True, check=False
        )
        assert done.stdout.strip() == "fenced", done.stderr
        listening.setblocking(False)
        with pytest.raises(BlockingIOError):
            listening.accept()
