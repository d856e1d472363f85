"""Whatever names lie in the outbox, a start, a list and the log get along with them."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from studio_worker_core.outbox import Outbox
from tests.outbox.conftest import Jobs

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="names are bytes there")

ODD = [
    b"\xff\xfe-not-utf8",
    b"line\nbreak",
    b"\x1b[31mred",
    b"[bracket]*?",
    b" ",
    b"-rf",
    b"x" * 255,
    "ü".encode() * 127,
    "\u202egnp.tluser".encode(),
]


def _inside(room: Path, name: bytes) -> Path:
    return room / os.fsdecode(name)


@pytest.mark.parametrize("name", ODD)
def test_a_broken_entry_of_any_name_is_set_aside_and_the_others_stay(
    outbox: Outbox, jobs: Jobs, name: bytes
) -> None:
    good = jobs.finished_image(outbox)
    directory = _inside(outbox.root / "jobs", name)
    directory.mkdir()
    (directory / "manifest.json").write_bytes(b"{")
    (line,) = outbox.recover()
    assert line.startswith("set ")
    assert line.isprintable()
    line.encode("ascii" if name.isascii() else "utf-8")
    assert outbox.pending() == [good]
    assert len(outbox.corrupt()) == 1
    assert outbox.prune() == []
    assert outbox.recover() == []
    outbox.forget_corrupt(outbox.corrupt()[0])
    assert outbox.corrupt() == []


@pytest.mark.parametrize("name", ODD)
def test_a_strangers_file_of_any_name_is_passed_by(outbox: Outbox, jobs: Jobs, name: bytes) -> None:
    good = jobs.finished_image(outbox)
    for room in ("jobs", "refused", "corrupt"):
        _inside(outbox.root / room, name).write_bytes(b"mine")
    assert all(line.isprintable() for line in outbox.recover())
    assert outbox.pending() == [good]
    assert outbox.refused() == []
    assert outbox.prune() == []
    assert len(outbox.corrupt()) == 1
