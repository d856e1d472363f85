"""Tiny voices, and a real lane to speak them in."""

from __future__ import annotations

import functools
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import psutil
import pytest
from msgspec.structs import replace

from studio_worker_core.lanes.results import Result
from studio_worker_core.plugin import AudioTtsTask, Model
from studio_worker_core.roster.roster import RosterEntry
from studio_worker_tts.coqui import installed
from studio_worker_tts.coqui.spec import SPEC
from studio_worker_tts.plugin import studio_worker_extensions
from tests.support.lane_bench import LaneBench

Files = Mapping[str, Path]
ROOT = Path(__file__).resolve().parents[4]


def coqui_entry() -> RosterEntry:
    return RosterEntry(
        engine="coqui",
        distribution="studio-worker-tts",
        version="1",
        state="ready",
        kinds=SPEC.kinds,
        models={kind: tuple(models) for kind, models in SPEC.models.items()},
        extensions=studio_worker_extensions(),
        spec=SPEC,
    )


class VoiceBench(LaneBench):
    """Speaks with the model of ``files`` in a lane that stays warm."""

    def __init__(self, root: Path, files: Files) -> None:
        super().__init__(root)
        self.files = files
        self.entry = coqui_entry()

    def speak(self, text: str = "Hello world.", **task: Any) -> Path:
        model = Model("voice", {role: [path] for role, path in self.files.items()})
        request = self.request(AudioTtsTask(text=text, **task), model="voice")
        result = self.lanes.run(
            replace(request, model=model),
            cancel=self.cancel,
            on_progress=self._heard_progress,
            on_log=lambda level, line: self.logs.append(f"{level}: {line}"),
        )
        assert isinstance(result, Result)
        return result.path


def files_of(directory: Path) -> dict[str, Path]:
    named = {
        "model": "model.pth",
        "config": "config.json",
        "speakers": "speaker_ids.json",
        "languages": "language_ids.json",
    }
    return {role: directory / name for role, name in named.items() if (directory / name).is_file()}


@pytest.fixture(scope="session", autouse=True)
def _surroundings() -> Iterator[None]:
    if not installed():
        pytest.skip("coqui-tts is not installed; make test-models installs it")
    with pytest.MonkeyPatch.context() as patch:
        # One thread: PyTorch's own spin, and starve each other on a busy machine.
        patch.setenv("OMP_NUM_THREADS", "1")
        patch.setenv("STUDIO_WORKER_DEVICE", "cpu")
        yield


def made_by(maker: str, directory: Path, *options: str) -> None:
    """Run a maker in a process of its own: this one imports no PyTorch."""
    done = subprocess.run(
        [sys.executable, "-m", f"plugins.tts.tests.models.{maker}", str(directory), *options],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=170,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]


@pytest.fixture(scope="session")
def make_voice(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., dict[str, Path]]:
    """``make_voice(*options of tiny_vits)``; made once for equal options."""

    @functools.cache
    def make(*options: str) -> dict[str, Path]:
        directory = tmp_path_factory.mktemp("voice")
        made_by("tiny_vits", directory, *options)
        return files_of(directory)

    return make


@pytest.fixture
def glow(tmp_path: Path) -> dict[str, Path]:
    """Glow-TTS with a vocoder and statistics."""
    made_by("tiny_others", tmp_path, "glow")
    return files_of(tmp_path) | {
        "stats": tmp_path / "scale_stats.npy",
        "vocoder": tmp_path / "vocoder" / "model.pth",
        "vocoder-config": tmp_path / "vocoder" / "config.json",
    }


@pytest.fixture
def xtts(tmp_path: Path) -> dict[str, Path]:
    """XTTS with the speakers Ana Florence and Ben."""
    made_by("tiny_others", tmp_path, "xtts")
    return files_of(tmp_path) | {
        "speakers": tmp_path / "speakers_xtts.pth",
        "vocab": tmp_path / "vocab.json",
    }


@pytest.fixture(scope="session")
def two_speakers(make_voice: Callable[..., dict[str, Path]]) -> dict[str, Path]:
    """A voice with the speakers alice and bob, and the languages de and en."""
    return make_voice("--speakers", "alice", "bob", "--languages", "en", "de")


@pytest.fixture(scope="session")
def one_speaker(make_voice: Callable[..., dict[str, Path]]) -> dict[str, Path]:
    return make_voice()


def bench_of(root: Path, files: Files) -> Iterator[VoiceBench]:
    bench = VoiceBench(root, files)
    before = set(psutil.Process().children(recursive=True))
    yield bench
    bench.lanes.close()
    left = set(psutil.Process().children(recursive=True)) - before
    assert not left, f"processes left behind: {left}"


@pytest.fixture(scope="module")
def standing(
    tmp_path_factory: pytest.TempPathFactory, two_speakers: dict[str, Path]
) -> Iterator[VoiceBench]:
    """A lane with the two speakers, shared: its model is loaded once."""
    yield from bench_of(tmp_path_factory.mktemp("lane"), two_speakers)


@pytest.fixture
def fresh(tmp_path: Path, two_speakers: dict[str, Path]) -> Iterator[VoiceBench]:
    """A lane of its own; change ``files`` before the first job."""
    yield from bench_of(tmp_path, dict(two_speakers))
