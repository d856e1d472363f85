"""Seconds of speech made in a second, by the engines ``espeak`` and ``formant``.

The engines are called directly, as their lane does; WAV is the baseline of the ratios.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from pathlib import Path

import soundfile

from studio_worker_core.plugin import AudioTtsTask, Engine
from studio_worker_core.testing.jobs import make_job
from studio_worker_tts.espeak.engine import EspeakEngine
from studio_worker_tts.formant.engine import FormantEngine

TEXT = "The quick brown fox jumps over the lazy dog, and then it rests in the shade. " * 8


def measure(engine: Engine, ext: str, place: Path, rounds: int) -> float:
    """Median of seconds of speech a second."""
    rates: list[float] = []
    for _ in range(rounds):
        job = make_job(AudioTtsTask(text=TEXT, ext=ext), place)
        started = time.perf_counter()
        path = engine.generate(job)
        seconds = time.perf_counter() - started
        assert isinstance(path, Path)
        rates.append(float(soundfile.info(path).duration) / seconds)
    return statistics.median(rates)


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    print(f"{'engine':<9} {'format':<6} {'speech s/s':>10} {'ratio':>6}")
    with tempfile.TemporaryDirectory() as place:
        for name, engine in (("espeak", EspeakEngine()), ("formant", FormantEngine())):
            base = None
            for ext in ("wav", "flac", "mp3", "ogg", "opus"):
                rate: float = measure(engine, ext, Path(place), options.rounds)
                base = base or rate
                print(f"{name:<9} {ext:<6} {rate:>10.0f} {rate / base:>6.2f}")


if __name__ == "__main__":
    main()
