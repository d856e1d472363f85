"""What a plugin does when it is imported or asked stays out of the host."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import psutil
import pytest

from tests.support.plugin_builder import HEAD, PluginSite, good_source
from tests.support.waiting import eventually

DEEDS = {
    "prints": "import sys\nprint('noise')\nprint('noise', file=sys.stderr)\n",
    "raw writes": "import os\nos.write(1, b'noise')\nos.write(2, b'noise')\n",
    "another directory": "import os\nos.chdir('/')\n",
    "another umask": "import os\nos.umask(0o777)\n",
    "closed descriptors": "import os\nos.closerange(0, 64)\n",
    "closed streams": "import sys\nsys.stdout.close(); sys.stderr.close()\n",
    "search path": "import sys\nsys.path.insert(0, '/nowhere')\nsys.path_hooks.clear()\n",
    "patched modules": (
        "import json, os, builtins, pathlib, msgspec\n"
        "json.dumps = json.loads = os.replace = os.open = builtins.open = None\n"
        "msgspec.json.encode = pathlib.Path.write_bytes = os._exit = None\n"
    ),
    "modules taken out": "import sys\nsys.modules['json'] = sys.modules['subprocess'] = None\n",
    "threads": (
        "import threading\nfor _ in range(3):\n"
        "    threading.Thread(target=threading.Event().wait).start()\n"
    ),
    "an exit handler that hangs": (
        "import atexit, threading\natexit.register(lambda: threading.Event().wait())\n"
    ),
    "a process of its own": (
        "import subprocess, sys\n"
        "script = 'import time; time.sleep(600)'\n"
        "subprocess.Popen([sys.executable, '-c', script, __file__])\n"
    ),
    "signals": "import signal\nfor n in (2, 15): signal.signal(n, signal.SIG_IGN)\n",
    "warnings as errors": "import warnings\nwarnings.simplefilter('error')\n",
    "a recursion limit": "import sys\nsys.setrecursionlimit(200)\n",
    "an environment": "import os\nos.environ.clear()\nos.environ['PATH'] = '/nowhere'\n",
    "a bare logger": "import logging\nlogging.disable()\nlogging.getLogger().handlers.clear()\n",
    "files": "open('litter', 'w').write('x')\n",
}


def state() -> tuple[object, ...]:
    umask = os.umask(0)
    os.umask(umask)
    return (
        os.getcwd(),  # noqa: PTH109
        umask,
        list(sys.path),
        dict(os.environ),
        signal.getsignal(signal.SIGINT),
        json.dumps,
        sys.getrecursionlimit(),
    )


def belongings() -> set[object]:
    """Threads and open files; those of an earlier test may still go."""
    return {*threading.enumerate(), *Path("/proc/self/fd").glob("*")}


def strays(root: Path) -> list[int]:
    """The processes that a plugin installed in ``root`` has left."""
    found = []
    for process in psutil.process_iter():
        # One that ends meanwhile, or has ended and is not reaped, is no stray.
        with contextlib.suppress(psutil.Error, OSError):
            if str(root / "guest.py") in process.cmdline():
                found.append(process.pid)
    return found


def marks_in(directory: Path) -> list[str]:
    """The files called ``started`` anywhere in a directory in which others come and go."""
    return [place for place, _, names in os.walk(directory) if "started" in names]


@pytest.mark.parametrize("deed", DEEDS)
def test_nothing_a_plugin_does_reaches_the_host(
    site: PluginSite, deed: str, capfd: pytest.CaptureFixture[str]
) -> None:
    site.add("guest", DEEDS[deed] + good_source("guest"))
    before, owned = state(), belongings()
    roster = site.discover()
    entry = roster.find("guest")
    assert entry is not None
    assert entry.ready, entry.reason
    assert state() == before
    assert belongings() <= owned
    assert "guest" not in sys.modules
    assert capfd.readouterr() == ("", "")
    assert not list(Path.cwd().glob("litter"))
    eventually("what it started is gone", lambda: not strays(site.root))


DEADLY = {
    "segfault": ("import ctypes\nctypes.string_at(0)\n", "SIGSEGV", ":2"),
    "exit": ("import os\nos._exit(5)\n", "exited with code 5", None),
    "exit with success": ("import os\nos._exit(0)\n", "exited with code 0", None),
    "kill": ("import os, signal\nos.kill(os.getpid(), signal.SIGTERM)\n", "SIGTERM", None),
    "a hook that dies": (
        HEAD + "@hookimpl\ndef studio_worker_engines(host):\n    import os; os._exit(4)\n",
        "studio_worker_engines ends the process",
        None,
    ),
    "a hook that hangs": (
        HEAD + "@hookimpl\ndef studio_worker_engines(host):\n    while True: pass\n",
        "studio_worker_engines did not return within",
        ":5",
    ),
    "a flood and a hang": (
        "while True: print('x' * 10_000)\n",
        "importing deadly did not finish within",
        ":1",
    ),
    "an answer without end": (
        good_source(extensions="{f'e{n}': 'image/' + 'x' * 90 for n in range(99_999)}"),
        "bytes long",
        None,
    ),
    "answers that do not end": (
        HEAD + "@hookimpl\ndef studio_worker_engines(host):\n    return iter(int, 1)\n",
        "not a list of EngineSpec",
        ":3",
    ),
    "an error without a text": (
        "class Mute(Exception):\n    def __str__(self): raise SystemExit(1)\nraise Mute\n",
        "Mute without a text",
        ":3",
    ),
    "half a surrogate": ("raise ValueError('\\ud800 odd')\n", r"\ud800 odd", ":1"),
}


@pytest.mark.parametrize("case", DEADLY)
def test_a_plugin_that_ends_its_process_or_never_answers_is_withdrawn_with_its_reason(
    site: PluginSite, case: str
) -> None:
    source, reason, place = DEADLY[case]
    site.add("deadly", source)
    site.add("good-plugin", good_source("neighbour"))
    roster = site.discover(seconds=10)
    entry = roster.find("deadly")
    assert entry is not None
    assert (entry.state, entry.version) == ("broken", "1.0")
    assert reason in (entry.reason or "")
    assert entry.remedy
    if place is not None:
        assert entry.where == str(site.root / "deadly.py") + place
    neighbour = roster.find("neighbour")
    assert neighbour is not None
    assert neighbour.ready


def test_a_plugin_sees_no_credentials_and_lives_in_a_directory_of_its_own(
    site: PluginSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOME_TOKEN", "hush")
    site.add(
        "spy",
        good_source("spy").replace(
            "@hookimpl\ndef studio_worker_ext",
            "@hookimpl\ndef studio_worker_capabilities(host):\n"
            "    import os\n"
            "    return CapabilityReport(traits={'spy.token': 'SOME_TOKEN' in os.environ,\n"
            "                                    'spy.here': os.getcwd(),\n"
            "                                    'spy.root': host.models_root.is_absolute()})\n\n"
            "@hookimpl\ndef studio_worker_ext",
        ),
    )
    traits = site.entry("spy").traits
    assert traits["spy.token"] is False
    assert traits["spy.root"] is True
    assert traits["spy.here"] != os.getcwd()  # noqa: PTH109
    assert not Path(traits["spy.here"]).exists(), "it is removed afterwards"


def test_the_commands_outlive_a_plugin_that_hangs_and_ctrl_c_does_not_wait_for_it(
    site: PluginSite, tmp_path: Path
) -> None:
    site.add("hangs", "open('started', 'w')\nimport threading\nthreading.Event().wait(600)\n")
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    command = subprocess.Popen(
        [sys.executable, "-m", "studio_worker_core.cli.main", "engines", "list"],
        env={
            **os.environ,
            "PYTHONPATH": str(site.root),
            "TMPDIR": str(scratch),
            "XDG_CACHE_HOME": str(tmp_path / "cache"),
            "XDG_CONFIG_HOME": str(tmp_path / "config"),
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    eventually("it hangs", lambda: marks_in(scratch))
    command.send_signal(signal.SIGINT)
    _, said = command.communicate(timeout=60)
    assert command.returncode == 130, said
    assert "did not finish" not in said, "it waited for the plugin's time limit"
    assert "Traceback" not in said
