"""The engine ``motion``: a camera over a picture, or an animated scene."""

from __future__ import annotations

from pathlib import Path

import imageio.v3 as iio
import numpy as np

from studio_worker_core.pictures import read_picture
from studio_worker_core.plugin import Engine, Job, Output, VideoTask
from studio_worker_video.bounds import Bounds
from studio_worker_video.camera import Camera, path_of
from studio_worker_video.canvas import Frame
from studio_worker_video.colours import Ramp
from studio_worker_video.reading import Recipe, read_prompt
from studio_worker_video.scenes import SCENES, Scene, Setting
from studio_worker_video.settings import Settings, settings_of
from studio_worker_video.writers import CLIPS, check_clip, sampled

_REPEATING = frozenset({"gif", "webp"})
"""Formats that players repeat for ever."""


class MotionEngine(Engine):
    """Video tasks without a model: the same task gives the same bytes."""

    name = "motion"

    def generate(self, job: Job[VideoTask]) -> Output:
        """Draw and encode one clip, a frame at a time.

        Raises:
            InvalidTask: a value over a limit, or an init image that cannot be read.
            EngineFailed: the file read back is not the clip.
            JobCancelled: between two frames.
        """
        settings = settings_of(job.task, job.model.defaults, Bounds.from_environment())
        _say_what_differs(job, settings)
        job.report(width=settings.width, height=settings.height)
        recipe = read_prompt(job.task.prompt, job.task.negative_prompt)
        picture = job.inputs.get("init_image")
        if picture is None:
            scene, step = _scene(recipe, settings), 1 / settings.timing.frames
        else:
            scene = _camera(picture, recipe, settings, loop=_loops(recipe, settings))
            # A way that returns ends a frame short of its start; any other ends at its end.
            whole = settings.timing.frames - (0 if _loops(recipe, settings) else 1)
            step = 1 / max(whole, 1)
        path = job.output(settings.ext)

        def draw(number: int) -> Frame:
            job.check_cancelled()
            return scene(number * step)

        frames = settings.timing.frames
        drawn: dict[int, Frame] = {}

        def sample(number: int) -> Frame:
            # Kept until it is its turn: drawing costs more than what it is drawn for.
            drawn[number] = draw(number)
            return drawn[number]

        samples = (sample(number) for number in sampled(frames))
        plugin = CLIPS[settings.ext]
        with iio.imopen(path, "w", plugin=plugin, settings=settings, samples=samples) as clip:
            for number in range(frames):
                frame = drawn.pop(number, None)
                clip.write(draw(number) if frame is None else frame)
                job.progress((number + 1) / frames, f"frame {number + 1} of {frames}")
        check_clip(path, settings)
        return path


def _scene(recipe: Recipe, settings: Settings) -> Scene:
    setting = Setting(
        width=settings.width,
        height=settings.height,
        ramp=Ramp(recipe.colours),
        rng=np.random.default_rng(recipe.seed),
        seconds=float(settings.timing.seconds),
        speed=recipe.speed,
    )
    return SCENES[recipe.scene](setting)


def _loops(recipe: Recipe, settings: Settings) -> bool:
    """Whether a camera comes back: in a format that repeats, unless told which way to go."""
    return settings.ext in _REPEATING and not recipe.moves


def _camera(path: Path, recipe: Recipe, settings: Settings, *, loop: bool) -> Scene:
    picture = read_picture(path, "initImageUrl")
    way = path_of(
        recipe, picture, (settings.width, settings.height), float(settings.timing.seconds)
    )
    return Camera(picture, settings.width, settings.height, way, there_and_back=loop)


def _say_what_differs(job: Job[VideoTask], settings: Settings) -> None:
    """Log where the result is not to the letter what was asked for."""
    task, timing = job.task, settings.timing
    if settings.ext != task.ext.lower():
        job.log(f"{task.ext} is not a format of this engine: the result is {settings.ext}")
    if task.fps is not None and abs(float(timing.rate) - task.fps) > 1e-6:
        job.log(
            f"{timing.frames} frames in {float(timing.seconds):g} s are "
            f"{float(timing.rate):.6g} fps, not {task.fps:g}: the length is kept exactly"
        )
    if settings.ext == "mp4" and (settings.width % 2 or settings.height % 2):
        job.log(
            f"{settings.width}x{settings.height} has an odd side: the MP4 is yuv444p, which some "
            "hardware players refuse; an even size gives yuv420p"
        )
