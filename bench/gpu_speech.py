"""Speech with the coqui engine on the CPU and on the GPU: load, a sentence, a long text.

Each device gets a process of its own, which makes a tiny VITS voice (random weights), loads it
through the engine class and repeats the same jobs. Without coqui-tts it says so and ends.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
SENTENCE = "The quick brown fox jumps over the lazy dog."
TEXTS = {"one sentence": SENTENCE, "20 sentences": " ".join([SENTENCE] * 20)}


def speak(engine: Any, text: str, directory: Path) -> tuple[float, float]:
    """One job; seconds it took, seconds of speech."""
    import soundfile

    from studio_worker_core.plugin import AudioTtsTask
    from studio_worker_core.testing.jobs import make_job

    job = make_job(AudioTtsTask(text=text), directory, model="tiny")
    started = time.perf_counter()
    path = engine.generate(job)
    return time.perf_counter() - started, soundfile.info(str(path)).duration


def measure(voice: Path, rounds: int) -> dict[str, Any]:
    """Everything on the device that ``STUDIO_WORKER_DEVICE`` names."""
    from studio_worker_core.plugin import Model
    from studio_worker_tts.coqui.engine import CoquiEngine

    engine = CoquiEngine()
    started = time.perf_counter()
    engine.load(Model("tiny", {"model": [voice / "model.pth"], "config": [voice / "config.json"]}))
    measured: dict[str, Any] = {"import and load": [time.perf_counter() - started, 0.0]}
    with tempfile.TemporaryDirectory() as directory:
        for name, text in TEXTS.items():
            speak(engine, text, Path(directory))  # the first call on a GPU compiles and allocates
            times, length = [], 0.0
            for _ in range(rounds):
                seconds, length = speak(engine, text, Path(directory))
                times.append(seconds)
            measured[name] = [statistics.median(times), length]
    return measured


def on_device(device: str, voice: Path, rounds: int) -> dict[str, Any] | str:
    """Measurements of a process on ``device``, or why there are none."""
    done = subprocess.run(
        [sys.executable, __file__, "--measure", str(voice), "--rounds", str(rounds)],
        env={**os.environ, "STUDIO_WORKER_DEVICE": device},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        return done.stderr.strip().splitlines()[-1] if done.stderr.strip() else "it died"
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer


def main() -> None:
    """Make the voice, measure both devices, print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--measure", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.measure is not None:
        print(json.dumps(measure(given.measure, given.rounds)))
        return
    if importlib.util.find_spec("TTS") is None:
        print("coqui-tts is not installed here: run it with .venv-models/bin/python")
        return
    with tempfile.TemporaryDirectory() as directory:
        maker = [sys.executable, "-m", "plugins.tts.tests.models.tiny_vits", directory]
        subprocess.run(maker, cwd=ROOT, check=True, capture_output=True)
        print(f"{'device':8}{'case':18}{'median s':>10}{'speech s per s':>16}")
        for device in ("cpu", "cuda"):
            measured = on_device(device, Path(directory), given.rounds)
            if isinstance(measured, str):
                print(f"{device:8}{measured}")
                continue
            for case, (seconds, length) in measured.items():
                pace = f"{length / seconds:16.1f}" if length else ""
                print(f"{device:8}{case:18}{seconds:10.3f}{pace}")


if __name__ == "__main__":
    main()
