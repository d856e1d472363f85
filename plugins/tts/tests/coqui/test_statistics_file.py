from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from studio_worker_core.plugin import EngineFailed, InvalidTask
from studio_worker_tts.coqui.statistics_file import copy_statistics

STATS: dict[str, Any] = {
    "mel_mean": np.arange(80, dtype=np.float32),
    "mel_std": np.ones(80),
    "audio_config": {"sample_rate": 22050, "log_func": "np.log", "eps": np.float64(0.5)},
}


def save(path: Path, value: object) -> Path:
    np.save(path, np.array(value, dtype=object), allow_pickle=True)
    return path


def test_statistics_come_through_whole(tmp_path: Path) -> None:
    target = tmp_path / "copy.npy"
    copy_statistics(save(tmp_path / "stats.npy", STATS), target)
    # Exactly how the library reads it.
    copy = np.load(target, allow_pickle=True).item()
    assert copy.keys() == STATS.keys()
    assert (copy["mel_mean"] == STATS["mel_mean"]).all()
    assert copy["audio_config"] == STATS["audio_config"]


class Malicious:
    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Any, tuple[str, int]]:
        return os.mkdir, (str(self.mark), 0o700)


def test_code_in_statistics_never_runs(tmp_path: Path) -> None:
    mark = tmp_path / "was-here"
    path = save(tmp_path / "stats.npy", {**STATS, "mel_std": Malicious(mark)})
    with pytest.raises(InvalidTask, match=r"stats.npy cannot be used.*mkdir"):
        copy_statistics(path, tmp_path / "copy.npy")
    assert not mark.exists()
    assert not (tmp_path / "copy.npy").exists()


@pytest.mark.parametrize("data", [b"", b"\x93NUMPY", b"PK\x03\x04", bytes(500)])
def test_a_damaged_file_says_so(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "stats.npy"
    path.write_bytes(data)
    with pytest.raises(EngineFailed, match=r"stats.npy is no file of statistics"):
        copy_statistics(path, tmp_path / "copy.npy")


@pytest.mark.parametrize("value", [[1, 2, 3], "text", None])
def test_anything_but_a_table_is_refused(tmp_path: Path, value: object) -> None:
    with pytest.raises(EngineFailed, match="no table"):
        copy_statistics(save(tmp_path / "stats.npy", value), tmp_path / "copy.npy")


def test_plain_numbers_are_no_table(tmp_path: Path) -> None:
    np.save(tmp_path / "stats.npy", np.ones(3))
    with pytest.raises(EngineFailed, match="numbers"):
        copy_statistics(tmp_path / "stats.npy", tmp_path / "copy.npy")
