"""How long the video engine's writers take: 2 s of 512x512, against the obvious routes.

Run ``python bench/video_engine.py [--rounds 5] [--prompt TEXT]``. Only encoding is measured, the
frames are drawn beforehand. Each route runs once in every round, so that a busy machine is busy
for all of them; the ratios are of medians.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import imageio.v3 as iio
import numpy as np
from PIL import Image

from studio_worker_video.canvas import Frame
from studio_worker_video.colours import Ramp
from studio_worker_video.reading import read_prompt
from studio_worker_video.scenes import SCENES, Setting
from studio_worker_video.settings import Settings
from studio_worker_video.timing import timing_of
from studio_worker_video.writers import CLIPS, sampled

SIDE = 512
SECONDS = 2.0
FPS = {"gif": 20.0, "mp4": 24.0, "webm": 24.0, "webp": 24.0}

Route = Callable[[Path, Sequence[Frame]], None]


def _ours(ext: str) -> Route:
    settings = Settings(SIDE, SIDE, ext, timing_of(SECONDS, FPS[ext], ext))

    def write(path: Path, frames: Sequence[Frame]) -> None:
        samples = (frames[number] for number in sampled(len(frames)))
        plugin = CLIPS[ext]
        with iio.imopen(path, "w", plugin=plugin, settings=settings, samples=samples) as clip:
            for frame in frames:
                clip.write(frame)

    return write


def _imageio_stream(codec: str) -> Route:
    def write(path: Path, frames: Sequence[Frame]) -> None:
        with iio.imopen(path, "w", plugin="pyav") as file:
            file.init_video_stream(codec, fps=24, pixel_format="yuv420p")
            for frame in frames:
                file.write_frame(frame)

    return write


def _imageio_gif(path: Path, frames: Sequence[Frame]) -> None:
    iio.imwrite(path, list(frames), plugin="pillow", duration=50, loop=0)


def _pillow(**options: int) -> Route:
    def write(path: Path, frames: Sequence[Frame]) -> None:
        first, *rest = (Image.fromarray(frame) for frame in frames)
        arguments: dict[str, Any] = dict(options)
        first.save(path, save_all=True, append_images=rest, loop=0, **arguments)

    return write


ROUTES: dict[str, dict[str, Route]] = {
    "gif": {"Pillow's own palettes": _pillow(duration=50), "imageio's pillow plugin": _imageio_gif},
    "mp4": {"imageio's pyav plugin": _imageio_stream("libx264")},
    "webm": {"imageio's pyav plugin": _imageio_stream("libvpx-vp9")},
    "webp": {"Pillow's defaults, method 4": _pillow(duration=42, method=4)},
}


def _drawn(prompt: str, fps: float) -> list[Frame]:
    recipe = read_prompt(prompt, None)
    rng = np.random.default_rng(recipe.seed)
    setting = Setting(SIDE, SIDE, Ramp(recipe.colours), rng, SECONDS, recipe.speed)
    scene = SCENES[recipe.scene](setting)
    frames = round(Fraction(SECONDS) * Fraction(fps))
    return [scene(number / frames) for number in range(frames)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--prompt", default="plasma")
    options = parser.parse_args()
    print(f"{'format':7} {'route':30} {'ms':>7} {'KiB':>6} {'ratio':>6}")
    for ext, others in ROUTES.items():
        started = time.perf_counter()
        frames = _drawn(options.prompt, FPS[ext])
        drawing = time.perf_counter() - started
        routes = {"the engine": _ours(ext), **others}
        took: dict[str, list[float]] = {name: [] for name in routes}
        size: dict[str, int] = {}
        with tempfile.TemporaryDirectory() as directory:
            path = Path(directory) / f"clip.{ext}"
            for _ in range(options.rounds):
                for name, write in routes.items():
                    started = time.perf_counter()
                    write(path, frames)
                    took[name].append(time.perf_counter() - started)
                    size[name] = path.stat().st_size
        base = statistics.median(took["the engine"])
        for name, rounds in took.items():
            median = statistics.median(rounds)
            line = f"{ext:7} {name:30} {1000 * median:7.0f} {size[name] // 1024:6}"
            print(f"{line} {median / base:5.2f}x")
        print(f"{ext:7} {'(drawing the frames)':30} {1000 * drawing:7.0f}")


if __name__ == "__main__":
    main()
