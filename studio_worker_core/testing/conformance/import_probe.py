"""Importing a plugin as the host does, in a fresh process: what it costs and what it loads.

Run as ``python -P -m studio_worker_core.testing.conformance.import_probe NAME MODULE``;
prints one JSON object.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from importlib.metadata import EntryPoint
from pathlib import Path

from msgspec import Struct

from studio_worker_core import __version__
from studio_worker_core.plugin import API_VERSION, HostInfo
from studio_worker_core.roster.asking import ask_plugin
from studio_worker_core.roster.installed import Candidate

__all__ = ["HEAVY", "Imported", "probe_import"]

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
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    argv = [sys.executable, "-P", "-m", __name__, entry_point.name, entry_point.value]
    try:
        done = subprocess.run(
            argv, env=environ, capture_output=True, text=True, timeout=_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        raise RuntimeError(f"importing it took longer than {_SECONDS} s") from None
    try:
        return Imported(**json.loads(done.stdout))
    except (ValueError, TypeError):
        last = "\n".join(done.stderr.splitlines()[-5:])
        raise RuntimeError(
            f"the process that imported it ended with code {done.returncode}: {last}"
        ) from None


def main() -> None:
    """Import the plugin that the command line names."""
    name, value = sys.argv[1:3]
    candidate = Candidate(name, value, name, "?")
    before = set(sys.modules)
    with contextlib.redirect_stdout(sys.stderr):
        plugin = ask_plugin(candidate, HostInfo(API_VERSION, __version__, Path("models")))
    loaded = {module.partition(".")[0] for module in set(sys.modules) - before}
    print(  # noqa: T201 - this is the answer
        json.dumps(
            {
                "cpu_ms": plugin.import_ms,
                "heavy": sorted(loaded & HEAVY),
                "fault": plugin.fault.reason if plugin.fault else None,
            }
        )
    )


if __name__ == "__main__":
    main()
