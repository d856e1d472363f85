"""The store while others use it, while it is killed, and on a disk that fills up."""

from __future__ import annotations

import errno
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from studio_worker_core.downloads.partial_file import PartialFile
from studio_worker_core.errors import ModelStoreError
from tests.downloads.file_server import (
    Answer,
    FileServer,
    Kitchen,
    content,
    one_file,
)

DATA = content(400_000)


def test_two_threads_that_want_one_file_download_it_once(
    server: FileServer, kitchen: Kitchen
) -> None:
    url = server.serve("/m.bin", DATA)
    waiting = threading.Barrier(4)
    found: list[Path] = []

    def run() -> None:
        waiting.wait(60)
        found.extend(kitchen.store().ensure(one_file(url, DATA), "tiny")["model"])

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert found == [kitchen.root / "tiny" / "weights.bin"] * 4
    assert len(server.requests) == 1


def test_two_processes_that_want_one_file_download_it_once(
    server: FileServer, kitchen: Kitchen
) -> None:
    url = server.serve("/m.bin", DATA)
    code = (
        "import sys; from pathlib import Path\n"
        "from studio_worker_core.models.store import ModelStore\n"
        "from studio_worker_core.wire.models import ModelFile, ModelSource\n"
        "file = ModelFile(role='model', url=sys.argv[2], filename='m.bin')\n"
        "source = ModelSource(engine='onnx', files=[file])\n"
        "print(ModelStore(Path(sys.argv[1])).ensure(source, 'tiny')['model'][0])\n"
    )
    command = [sys.executable, "-c", code, str(kitchen.root), url]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    told = [process.communicate(timeout=60)[0].strip() for process in running]
    assert told == [str(kitchen.root / "tiny" / "m.bin")] * 3
    assert len(server.requests) == 1
    assert Path(told[0]).read_bytes() == DATA


def test_a_process_killed_in_the_middle_leaves_a_part_that_is_taken_up(
    server: FileServer, kitchen: Kitchen
) -> None:
    url = server.serve("/m.bin", DATA, Answer(stalls_after=150_000))
    code = (
        "import sys; from pathlib import Path\n"
        "from studio_worker_core.models.store import ModelStore\n"
        "from studio_worker_core.wire.models import ModelFile, ModelSource\n"
        "file = ModelFile(role='model', url=sys.argv[2], filename='weights.bin')\n"
        "store = ModelStore(Path(sys.argv[1]))\n"
        "seen = lambda file: file.done >= 100_000 and print('moving', flush=True)\n"
        "store.ensure(ModelSource(engine='onnx', files=[file]), 'tiny', on_file=seen)\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(kitchen.root), url], stdout=subprocess.PIPE
    )
    assert server.stalled.wait(60)
    process.kill()
    process.communicate(timeout=60)
    assert not (kitchen.root / "tiny" / "weights.bin").exists()
    path = kitchen.store().ensure(one_file(url), "tiny")["model"][0]
    assert path.read_bytes() == DATA


def test_a_root_that_is_a_file_is_one_clear_error(server: FileServer, kitchen: Kitchen) -> None:
    kitchen.root.write_text("not a directory")
    with pytest.raises(ModelStoreError, match="cannot be kept"):
        kitchen.store().ensure(one_file(server.serve("/m.bin", DATA)), "tiny")


def test_a_disk_that_fills_up_while_writing_keeps_the_start(
    server: FileServer, kitchen: Kitchen
) -> None:
    """A file size limit stands in for the full disk; the part stays and is taken up."""
    url = server.serve("/m.bin", DATA)
    code = (
        "import resource, signal, sys; from pathlib import Path\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))\n"
        "from studio_worker_core.errors import ModelStoreError\n"
        "from studio_worker_core.models.store import ModelStore\n"
        "from studio_worker_core.wire.models import ModelFile, ModelSource\n"
        "file = ModelFile(role='model', url=sys.argv[2], filename='weights.bin')\n"
        "try: ModelStore(Path(sys.argv[1])).ensure(ModelSource('onnx', [file]), 'tiny')\n"
        "except ModelStoreError as error: print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(kitchen.root), url],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert "weights.bin cannot be written" in done.stdout
    assert not (kitchen.root / "tiny" / "weights.bin").exists()
    assert kitchen.store().ensure(one_file(url), "tiny")["model"][0].read_bytes() == DATA


def test_a_full_disk_is_told_with_needed_and_free_and_recovered_from(
    server: FileServer, kitchen: Kitchen, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = server.serve("/m.bin", DATA)
    really_write = PartialFile.write

    def write(part: PartialFile, data: bytes) -> None:
        if part.size + len(data) > 100_000:
            raise OSError(errno.ENOSPC, "No space left on device")
        really_write(part, data)

    with monkeypatch.context() as full:
        full.setattr(PartialFile, "write", write)
        kitchen.free = 300_000_000
        words = r"disk is full.*about 400\.0 kB, 300\.0 MB"
        with pytest.raises(ModelStoreError, match=words) as hit:
            kitchen.store().ensure(one_file(url, approx=len(DATA)), "tiny")
    assert hit.value.retryable
    assert not (kitchen.root / "tiny" / "weights.bin").exists()
    path = kitchen.store().ensure(one_file(url, approx=len(DATA)), "tiny")["model"][0]
    assert path.read_bytes() == DATA
