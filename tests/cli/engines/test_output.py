"""Where ``engines run`` puts a result: standard output, devices, pipes, files."""

from __future__ import annotations

import io
import os
import stat
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from studio_worker_core.cli.engines.output_file import put_text
from studio_worker_core.errors import JobCancelled

Run = Callable[..., subprocess.CompletedProcess[str]]
RUN = [sys.executable, "-m", "studio_worker_core.cli.main", "engines", "run"]
PICTURE = ("synthetic", "--prompt", "x", "--width", "16", "--height", "16")


def on_standard_output(environ: dict[str, str], tmp_path: Path, *arguments: str) -> bytes:
    done = subprocess.run(
        [*RUN, *arguments], env=environ, cwd=tmp_path, capture_output=True, check=True, timeout=60
    )
    return done.stdout


def test_a_dash_is_standard_output_and_nothing_else_is_on_it(
    environ: dict[str, str], tmp_path: Path
) -> None:
    data = on_standard_output(environ, tmp_path, *PICTURE, "--kind", "image", "-o", "-")
    with Image.open(io.BytesIO(data)) as picture:
        picture.load()
        assert (picture.format, picture.size) == ("PNG", (16, 16))
    data = on_standard_output(environ, tmp_path, *PICTURE, "-o", "-", "--param", "ext=webp")
    with Image.open(io.BytesIO(data)) as picture:
        assert picture.format == "WEBP"
    assert not list(tmp_path.glob("-*"))


def test_standard_output_by_another_name_is_not_replaced(
    environ: dict[str, str], tmp_path: Path
) -> None:
    with (tmp_path / "out.bin").open("wb") as file:
        subprocess.run(
            [*RUN, *PICTURE, "--kind", "image", "-o", "/dev/stdout"],
            env=environ, cwd=tmp_path, stdout=file, check=True, timeout=60,
        )  # fmt: skip
    with Image.open(tmp_path / "out.bin") as picture:
        assert picture.size == (16, 16)


def test_pictures_are_not_written_on_a_terminal(
    on_terminal: Callable[..., tuple[int, str]],
) -> None:
    code, written = on_terminal([*RUN, *PICTURE, "--kind", "image", "-o", "-"])
    assert code == 2
    assert "a terminal cannot show image data" in " ".join(written.split())


def test_a_device_is_written_to_and_stays_one(cli: Run) -> None:
    done = cli("engines", "run", *PICTURE, "--kind", "image", "-o", "/dev/null")
    assert (done.returncode, done.stdout) == (0, "")
    assert stat.S_ISCHR(Path("/dev/null").stat().st_mode)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_a_full_device_is_named(cli: Run) -> None:
    done = cli("engines", "run", *PICTURE, "--kind", "image", "-o", "/dev/full")
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == "studio-worker: /dev/full: No space left on device"


def test_a_pipe_is_written_to_once_somebody_reads(cli: Run, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    read: list[bytes] = []
    reader = threading.Thread(target=lambda: read.append(pipe.read_bytes()))
    reader.start()
    done = cli("engines", "run", *PICTURE, "--kind", "image", "-o", "pipe")
    reader.join(60)
    assert done.returncode == 0, done.stderr
    assert pipe.is_fifo()
    with Image.open(io.BytesIO(read[0])) as picture:
        assert picture.size == (16, 16)


def test_an_interrupt_ends_the_wait_for_the_reader_of_a_pipe(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    interrupted = threading.Event()
    interrupted.set()
    with pytest.raises(JobCancelled, match="nobody read"):
        put_text("x", pipe, interrupted)
    assert pipe.is_fifo()


def test_a_link_stays_a_link_and_a_file_keeps_its_mode(cli: Run, tmp_path: Path) -> None:
    real = tmp_path / "real.png"
    real.write_bytes(b"old")
    real.chmod(0o600)
    (tmp_path / "link.png").symlink_to(real)
    done = cli("engines", "run", *PICTURE, "-o", "link.png")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "link.png").is_symlink()
    assert real.read_bytes().startswith(b"\x89PNG")
    assert stat.S_IMODE(real.stat().st_mode) == 0o600


def test_the_longest_name_can_be_written(cli: Run, tmp_path: Path) -> None:
    name = "x" * 251 + ".png"
    assert cli("engines", "run", *PICTURE, "-o", name).returncode == 0
    assert (tmp_path / name).exists()


def test_a_true_type_never_costs_another_file(cli: Run, tmp_path: Path, slow_engine: str) -> None:
    (tmp_path / "x.png").write_bytes(b"somebody's")
    done = cli("engines", "run", "slow", "--prompt", "x", "-o", "x.webp", PYTHONPATH=slow_engine)
    assert done.returncode == 1
    assert "it is in x-2.png" in done.stderr
    assert (tmp_path / "x.png").read_bytes() == b"somebody's"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_place_that_cannot_be_written_is_refused_before_the_work(
    cli: Run, tmp_path: Path
) -> None:
    (tmp_path / "shut").mkdir(mode=0o500)
    done = cli("engines", "run", *PICTURE, "-o", "shut/x.png")
    assert done.returncode == 2
    assert "no file can be written in" in " ".join(done.stderr.split())
