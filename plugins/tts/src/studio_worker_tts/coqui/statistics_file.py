"""Spectrogram statistics (``scale_stats.npy``) without the danger.

The library reads them with ``numpy.load(allow_pickle=True)``, which runs whatever code the
file holds. Here the file is read with an unpickler that knows arrays and nothing else, and
written again; the library gets the copy.
"""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from studio_worker_core.plugin import EngineFailed, InvalidTask

_ALLOWED = {
    ("numpy", "dtype"),
    ("numpy", "ndarray"),
    *((f"numpy.{core}.multiarray", "_reconstruct") for core in ("core", "_core")),
    *((f"numpy.{core}.multiarray", "scalar") for core in ("core", "_core")),
    *((f"numpy.{core}.numeric", "_frombuffer") for core in ("core", "_core")),
    ("_codecs", "encode"),
    ("collections", "OrderedDict"),
}


class _ArraysOnly(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in _ALLOWED:
            raise InvalidTask(f"it refers to {module}.{name}; a file that brings code is refused")
        return super().find_class(module, name)


def copy_statistics(source: Path, target: Path) -> None:
    """Write what ``source`` holds, arrays and plain values, to ``target``.

    Raises:
        InvalidTask: it refers to anything else.
        EngineFailed: it is no such file.
    """
    try:
        with source.open("rb") as file:
            _skip_header(file)
            value = _ArraysOnly(file, encoding="latin1").load()
    except InvalidTask as error:
        raise InvalidTask(f"{source.name} cannot be used: {error}") from error
    except Exception as error:  # a damaged pickle raises anything at all
        raise EngineFailed(f"{source.name} is no file of statistics: {error}") from error
    with target.open("wb") as file:
        np.save(file, np.array(_unwrapped(value), dtype=object), allow_pickle=True)


def _skip_header(file: BinaryIO) -> None:
    version = np.lib.format.read_magic(file)
    read = (
        np.lib.format.read_array_header_1_0
        if version == (1, 0)
        else np.lib.format.read_array_header_2_0
    )
    _, _, dtype = read(file)
    if dtype != np.dtype(object):
        raise ValueError("it holds numbers, not a table of them by name")


def _unwrapped(value: Any) -> dict[str, Any]:
    if isinstance(value, np.ndarray) and value.dtype == object and value.size == 1:
        value = value.item()
    if not isinstance(value, dict):
        raise EngineFailed("the statistics file holds no table of numbers by name")
    return value
