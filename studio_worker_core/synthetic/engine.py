"""The synthetic engine: real bytes of all five kinds, drawn from the prompt and the seed."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from typing import Any

from PIL import Image

from studio_worker_core.pictures import check_animation, check_picture
from studio_worker_core.plugin import (
    AudioSttTask,
    AudioTtsTask,
    Engine,
    ImageTask,
    InvalidTask,
    Job,
    LlmTask,
    Model,
    Output,
    VideoTask,
)
from studio_worker_core.seeds import draw_seed, seed_of
from studio_worker_core.synthetic import pictures, sounds, words

_IMAGE_EXTENSIONS = ("webp", "png", "jpg", "jpeg")
_IMAGE_SIDE = 4096
_TIMESTAMPS = ("segment", "word")
_CLIP_SIDE = 1024
_CLIP_SECONDS = 60.0
_CLIP_FPS = 12.0
_CLIP_FRAMES = 1800
_TEXT = 20_000


class SyntheticEngine(Engine):
    """Needs no model files. Serves models named ``synthetic…`` and no other, so that its
    placeholders can never pass for the work of a real model."""

    name = "synthetic"

    def load(self, model: Model) -> None:
        if not model.name.startswith("synthetic"):
            raise InvalidTask(f"the synthetic engine does not serve the model '{model.name}'")

    def generate(self, job: Job[Any]) -> Output:
        match job.task:
            case ImageTask():
                return self._image(job)
            case VideoTask():
                return self._video(job)
            case AudioTtsTask():
                return self._speech(job)
            case LlmTask():
                return self._chat(job)
            case AudioSttTask():
                return self._transcript(job)
        raise InvalidTask(f"the synthetic engine does not know {type(job.task).__name__}")

    def _image(self, job: Job[ImageTask]) -> Output:
        task = job.task
        _check_sides(task.width, task.height, _IMAGE_SIDE)
        seed = seed_of(task)
        if seed is None:
            seed = draw_seed()
        job.report(seed=seed)
        image = pictures.picture(task.prompt, seed, task.width, task.height)
        image = _painted_over(job, image)
        job.progress(0.5, "drawn")
        if job.wants_preview:
            job.preview(image)
        ext = task.ext.lower()
        path = job.output(ext if ext in _IMAGE_EXTENSIONS else "webp")
        pictures.save_picture(image, path)
        check_picture(path, image.size)
        job.progress(1.0)
        return path

    def _video(self, job: Job[VideoTask]) -> Output:
        task = job.task
        _check_sides(task.width, task.height, _CLIP_SIDE)
        if task.seconds > _CLIP_SECONDS:
            raise InvalidTask(
                f"{task.seconds:g} s is too long; the synthetic engine makes up to "
                f"{_CLIP_SECONDS:g} s"
            )
        count = max(round(task.seconds * (task.fps or _CLIP_FPS)), 1)
        if count > _CLIP_FRAMES:
            raise InvalidTask(f"{count} frames are too many; at most {_CLIP_FRAMES}")
        start = job.inputs.get("init_image")
        first = None if start is None else pictures.opened(start, task.width, task.height)
        drawn = pictures.frames(task.prompt, 0, task.width, task.height, count, first)
        path = job.output("webp")
        durations = _durations(task.seconds, count)
        pictures.save_clip(_counted(job, drawn, count), path, durations)
        check_animation(path, (task.width, task.height), count, sum(durations))
        job.progress(1.0)
        return path

    def _speech(self, job: Job[AudioTtsTask]) -> Output:
        task = job.task
        if not task.text.strip():
            raise InvalidTask("there is no text to speak")
        if len(task.text) > _TEXT:
            raise InvalidTask(f"{len(task.text)} characters are too many; at most {_TEXT}")
        speed = 1.0 if task.speed is None else task.speed
        if not 0.25 <= speed <= 4:
            raise InvalidTask(f"speed {speed:g} is out of range; 0.25 to 4")
        path = job.output("wav")

        def on_done(fraction: float) -> None:
            job.check_cancelled()
            job.progress(fraction)

        sounds.speak(task.text, task.voice, speed, path, on_done)
        job.progress(1.0)
        return path

    def _chat(self, job: Job[LlmTask]) -> Output:
        task = job.task
        if not task.messages:
            raise InvalidTask("there are no messages to answer")
        turns = [(message.role, message.content) for message in task.messages]
        if task.system is not None:
            turns.insert(0, ("system", task.system))
        stop = [task.stop] if isinstance(task.stop, str) else task.stop or []
        answer = words.chat_completion(
            job.model.name, turns, task.max_tokens, stop, task.json_schema
        )
        _emit(job, answer["choices"][0]["message"]["content"])
        job.progress(1.0)
        return answer

    def _transcript(self, job: Job[AudioSttTask]) -> Output:
        task = job.task
        audio = job.inputs.get("input")
        if audio is None:
            raise InvalidTask("there is no audio to transcribe")
        if task.timestamps not in (None, *_TIMESTAMPS):
            known = ", ".join(_TIMESTAMPS)
            raise InvalidTask(f"timestamps: {task.timestamps[:80]!r} is none of {known}")
        answer = words.transcript(
            audio.read_bytes(),
            sounds.sound_seconds(audio),
            language="en" if task.translate else task.language or "en",
            task="translate" if task.translate else "transcribe",
            words_too=task.timestamps == "word",
        )
        _emit(job, answer["text"])
        job.progress(1.0)
        return answer


def _emit(job: Job[Any], text: str) -> None:
    """The text word by word."""
    for piece in re.findall(r"\s*\S+|\s+$", text):
        job.check_cancelled()
        job.emit(text=piece)


def _painted_over(job: Job[ImageTask], image: Image.Image) -> Image.Image:
    """A drawing over the task's picture, if it has one, where its mask lets it."""
    task, start, mask = job.task, job.inputs.get("init_image"), job.inputs.get("mask")
    if start is None:
        if mask is not None:
            raise InvalidTask("maskUrl needs initImageUrl: there is nothing to keep without one")
        return image
    below = pictures.opened(start, task.width, task.height)
    over = Image.blend(below, image, 0.75 if task.denoise is None else task.denoise)
    if mask is None:
        return over
    return Image.composite(over, below, pictures.mask(mask, task.width, task.height))


def _check_sides(width: int, height: int, most: int) -> None:
    if width > most or height > most:
        raise InvalidTask(
            f"{width}×{height} pixels are too many; the synthetic engine goes up to "
            f"{most}×{most} for this kind"
        )


def _counted(
    job: Job[VideoTask], drawn: Iterator[Image.Image], count: int
) -> Iterator[Image.Image]:
    for number, frame in enumerate(drawn):
        job.check_cancelled()
        job.progress(number / count, f"frame {number + 1} of {count}")
        yield frame


def _durations(seconds: float, count: int) -> list[int]:
    """Whole milliseconds for each frame that add up to the length asked for."""
    ends = [round(seconds * 1000 * number / count) for number in range(count + 1)]
    return [max(end - start, 1) for start, end in itertools.pairwise(ends)]
