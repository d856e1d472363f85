"""Foreign bytes are decoded where they can harm nobody."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import psutil
import pytest
from PIL import Image

from studio_worker_core.testing.apart import GaveUp, Raised, apart
from studio_worker_core.testing.conformance.decoding import Undecodable, decode
from studio_worker_core.wire.tasks import TaskKind
from studio_worker_studio.demo.plan import DemoJob
from studio_worker_studio.demo.verify import WrongResult, verify
from tests.support.waiting import eventually, has_ended

HERE = __name__


def answer(value: object) -> object:
    return {"pid": os.getpid(), "value": value, "token": os.environ.get("MY_TOKEN")}


def spin() -> None:
    while True:
        pass


def eat() -> None:
    b"x" * 10**12


def nibble() -> None:
    held = []
    while True:
        held.append(bytearray(1 << 24))


def crash() -> None:
    os.abort()


def leave() -> None:
    os._exit(7)


def chatter() -> str:
    os.write(1, b'{"value": "forged"}')
    return "true"


def start_another(where: str) -> None:
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    Path(where).write_text(str(child.pid), "ascii")
    spin()


def test_the_call_is_made_in_another_process_without_credentials(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("MY_TOKEN", "secret")
    found = apart(f"{HERE}:answer", ["ä\udcff", 1])
    assert found["pid"] != os.getpid()
    assert found["value"] == ["ä\udcff", 1]
    assert found["token"] is None


def test_what_it_prints_is_no_answer() -> None:
    assert apart(f"{HERE}:chatter") == "true"


@pytest.mark.parametrize(
    ("function", "words"),
    [
        ("spin", "not done within 2 s"),
        ("crash", "killed by SIGABRT"),
        ("leave", "exited with code 7"),
    ],
)
def test_an_end_without_an_answer_is_said_in_words(function: str, words: str) -> None:
    with pytest.raises(GaveUp, match=words):
        apart(f"{HERE}:{function}", seconds=2 if function == "spin" else 60)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux limits the address space")
@pytest.mark.parametrize("function", ["eat", "nibble"])
def test_memory_is_bounded(function: str) -> None:
    with pytest.raises(GaveUp, match=r"more than 0\.5 GiB of memory"):
        apart(f"{HERE}:{function}", memory_bytes=1 << 29)


def test_an_exception_is_its_words() -> None:
    with pytest.raises(Raised, match="invalid literal"):
        apart("builtins:int", "x")


def test_what_it_started_goes_with_it(tmp_path: Path) -> None:
    with pytest.raises(GaveUp):
        apart(f"{HERE}:start_another", str(tmp_path / "pid"), seconds=20)
    pid = int((tmp_path / "pid").read_text("ascii"))
    eventually("it is gone", lambda: has_ended(pid))


def slow_gif(path: Path) -> Path:
    """Few bytes that take a decoder minutes: large frames of one colour, again and again."""
    Image.new("P", (4000, 4000)).save(path)
    data = path.read_bytes()
    start = data.index(b"\x2c\0\0\0\0")
    frame = b"\x21\xf9\x04\x00\x01\x00\x00\x00" + data[start:-1]
    path.write_bytes(data[:start] + frame * 3000 + b";")
    return path


def test_a_slow_file_costs_the_kit_and_the_demo_a_bounded_time(tmp_path: Path) -> None:
    path = slow_gif(tmp_path / "slow.gif")
    with pytest.raises(Undecodable, match=r"slow.gif cannot be decoded: it was not done within"):
        decode(path, "gif", seconds=3)
    job = DemoJob(name="slow", engine="e", model="m", kind=TaskKind.VIDEO, task={})
    with pytest.raises(WrongResult, match=r"slow.gif cannot be decoded: it was not done within"):
        verify(job, path, seconds=3)


def test_nothing_is_decoded_in_the_process_of_the_command(tmp_path: Path) -> None:
    script = (
        "import sys, json\n"
        "from pathlib import Path\n"
        "from studio_worker_core.testing.conformance.decoding import decode\n"
        "from studio_worker_studio.demo.verify import verify\n"
        "from studio_worker_studio.demo.plan import DemoJob\n"
        "from studio_worker_core.wire.tasks import TaskKind\n"
        "path = Path(sys.argv[1])\n"
        "job = DemoJob(name='p', engine='e', model='m', kind=TaskKind.IMAGE, task={})\n"
        "print(decode(path, 'png').size, verify(job, path))\n"
        "print(json.dumps([name for name in ('PIL', 'av', 'soundfile') if name in sys.modules]))\n"
    )
    path = tmp_path / "p.png"
    Image.linear_gradient("L").save(path)
    done = subprocess.run(
        [sys.executable, "-c", script, str(path)], capture_output=True, text=True, check=True
    )
    facts, loaded = done.stdout.splitlines()
    assert facts == "(256, 256) 256×256"
    assert json.loads(loaded) == []


def test_no_process_is_left() -> None:
    before = {child.pid for child in psutil.Process().children()}
    failure: list[BaseException] = []

    def call() -> None:
        try:
            apart(f"{HERE}:spin", seconds=1)
        except GaveUp as error:
            failure.append(error)

    thread = threading.Thread(target=call)
    thread.start()
    thread.join(60)
    assert failure
    assert {child.pid for child in psutil.Process().children()} <= before
