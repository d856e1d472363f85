"""Importing a plugin as the host does, in a fresh process: what it costs and what it loads.

That process runs ``python -P -m studio_worker_core.testing.conformance.import_probe SCRATCH``.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from importlib.metadata import EntryPoint
from pathlib import Path

from msgspec import Struct, to_builtins

from studio_worker_core import __version__
from studio_worker_core.plugin import API_VERSION, HostInfo
from studio_worker_core.processes.answering import ANSWER, leave_file, take_request
from studio_worker_core.processes.asked import ask_process
from studio_worker_core.processes.deaths import cause_of_death
from studio_worker_core.roster.asking import ask_plugin
from studio_worker_core.roster.installed import Candidate

HEAVY = frozenset(
    {
        *("PIL", "TTS", "av", "cv2", "diffusers", "imageio", "jax", "keras", "librosa"),
        *("llama_cpp", "matplotlib", "numba", "numpy", "onnxruntime", "openvino", "pandas"),
        *("scipy", "skimage", "sklearn", "soundfile", "stable_diffusion_cpp", "sympy"),
        *("tensorflow", "tokenizers", "torch", "torchaudio", "torchvision", "transformers"),
    }
)
"""Libraries that belong in the engine's process."""

_SECONDS = 60


class Imported(Struct, frozen=True):
    """One import."""

    cpu_ms: float
    heavy: list[str]
    """Heavy libraries it loaded, sorted."""
    fault: str | None = None


def probe_import(entry_point: EntryPoint) -> Imported:
    """Load the plugin of ``entry_point`` in a fresh process and call its hooks.

    Raises:
        RuntimeError: the process died or hung.
    """
    with tempfile.TemporaryDirectory(
        prefix="studio-worker-", ignore_cleanup_errors=True
    ) as directory:
        scratch = Path(directory)
        ended = ask_process(
            __name__,
            {"name": entry_point.name, "value": entry_point.value},
            scratch,
            who=entry_point.name,
            seconds=_SECONDS,
        )
        try:
            return Imported(**json.loads((scratch / ANSWER).read_bytes()))
        except FileNotFoundError:
            pass
    if ended.seconds >= _SECONDS:
        raise RuntimeError(f"importing it took longer than {_SECONDS} s")
    raise RuntimeError(cause_of_death(ended.returncode, out_of_memory=False, output=ended.said))


def main() -> None:
    """Import the plugin that the request names."""
    scratch, request = take_request()
    candidate = Candidate(request["name"], request["value"], request["name"], "?")
    before = set(sys.modules)
    plugin = ask_plugin(candidate, HostInfo(API_VERSION, __version__, Path("models")))
    loaded = {module.partition(".")[0] for module in set(sys.modules) - before}
    found = Imported(
        cpu_ms=plugin.import_ms,
        heavy=sorted(loaded & HEAVY),
        fault=plugin.fault.reason if plugin.fault else None,
    )
    leave_file(scratch, ANSWER, json.dumps(to_builtins(found)).encode("ascii"))
    os._exit(0)  # no thread of the plugin's has a say


if __name__ == "__main__":
    main()
