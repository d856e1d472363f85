"""The synthetic engine: real bytes, the same for the same question."""

from __future__ import annotations

import wave
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from studio_worker_core.plugin import (
    AudioSttTask,
    AudioTtsTask,
    ChatMessage,
    ImageTask,
    InvalidTask,
    LlmTask,
    Model,
    Output,
    Task,
    VideoTask,
)
from studio_worker_core.synthetic.engine import SyntheticEngine
from studio_worker_core.testing.jobs import make_job


class Desk:
    """Does jobs in this process and keeps what was reported."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.progress: list[float] = []
        """Of the last job."""

    def do(self, task: Task, **inputs: Path) -> Output:
        engine = SyntheticEngine()
        model = Model("synthetic")
        engine.load(model)
        job = make_job(task, self.root, model=model, inputs=inputs)
        self.progress = job.fractions
        return engine.generate(job)

    def file(self, task: Task, **inputs: Path) -> Path:
        path = self.do(task, **inputs)
        assert isinstance(path, Path)
        return path

    def answer(self, task: Task, **inputs: Path) -> dict[str, Any]:
        value = self.do(task, **inputs)
        assert isinstance(value, dict)
        return value


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


@pytest.mark.parametrize(
    ("wish", "ext", "kind"),
    [
        ("webp", "webp", "WEBP"),
        ("PNG", "png", "PNG"),
        ("jpg", "jpg", "JPEG"),
        ("jpeg", "jpeg", "JPEG"),
        ("avif", "webp", "WEBP"),
    ],
)
def test_a_picture_has_the_asked_size_and_the_nearest_format(
    desk: Desk, wish: str, ext: str, kind: str
) -> None:
    path = desk.file(ImageTask(prompt="a fox", width=123, height=45, ext=wish))
    assert path.suffix == f".{ext}"
    with Image.open(path) as image:
        assert image.format == kind
        assert image.size == (123, 45)
        image.load()


def test_a_picture_is_the_same_for_the_same_prompt_and_seed_only(desk: Desk) -> None:
    def picture(prompt: str, seed: int | None) -> bytes:
        task = ImageTask(prompt=prompt, seed=seed, width=32, height=32, ext="png")
        return desk.file(task).read_bytes()

    assert picture("a fox", 1) == picture("a fox", 1)
    assert len({picture("a fox", 1), picture("a fox", 2), picture("a hen", 1)}) == 3
    assert picture("a fox", None) != picture("a fox", None)


def test_every_seed_of_64_bits_is_another_picture(desk: Desk) -> None:
    seeds = (0, 1, 2**32 - 1, 2**32, 2**63, 2**64 - 1)
    pictures = {
        desk.file(ImageTask("a fox", seed=seed, width=32, height=32, ext="png")).read_bytes()
        for seed in seeds
    }
    assert len(pictures) == len(seeds)


def test_an_init_image_shines_through(desk: Desk, tmp_path: Path) -> None:
    start = tmp_path / "start.png"
    Image.new("RGB", (10, 10), (255, 0, 0)).save(start)
    task = ImageTask(prompt="x", width=8, height=8, ext="png", denoise=0.0)
    with Image.open(desk.file(task, init_image=start)) as image:
        assert image.convert("RGB").getpixel((4, 4)) == (255, 0, 0)


def test_an_init_image_that_cannot_be_read_is_an_invalid_task(desk: Desk, tmp_path: Path) -> None:
    start = tmp_path / "start.png"
    start.write_bytes(b"no picture")
    with pytest.raises(InvalidTask, match="picture of initImageUrl"):
        desk.file(ImageTask(prompt="x"), init_image=start)


@pytest.mark.parametrize(("seconds", "fps", "count"), [(2.0, None, 24), (0.5, 10, 5), (1.3, 7, 9)])
def test_a_clip_moves_and_lasts_as_long_as_asked(
    desk: Desk, seconds: float, fps: float | None, count: int
) -> None:
    path = desk.file(VideoTask(prompt="sea", seconds=seconds, fps=fps, width=64, height=48))
    assert path.suffix == ".webp"
    length = 0
    with Image.open(path) as clip:
        assert clip.size == (64, 48)
        assert getattr(clip, "n_frames", 1) == count
        for number in range(count):
            clip.seek(number)
            clip.load()
            length += clip.info["duration"]
    assert length == round(seconds * 1000)


def test_speech_is_a_wave_file_that_longer_text_and_slower_pace_make_longer(desk: Desk) -> None:
    def length(text: str, speed: float | None = None) -> int:
        with wave.open(str(desk.file(AudioTtsTask(text=text, speed=speed))), "rb") as file:
            assert (file.getnchannels(), file.getsampwidth()) == (1, 2)
            assert any(file.readframes(1000))
            return file.getnframes()

    assert length("Hello") < length("Hello there, general.")
    assert length("Hello", 0.5) > length("Hello") > length("Hello", 2.0)


def test_a_chat_answer_has_the_shape_of_openais(desk: Desk) -> None:
    task = LlmTask(messages=[ChatMessage("user", "Who are you?")], system="Be brief.")
    answer = desk.answer(task)
    assert answer["object"] == "chat.completion"
    assert answer["id"].startswith("chatcmpl-")
    (choice,) = answer["choices"]
    assert choice["message"]["role"] == "assistant"
    assert choice["message"]["content"]
    assert choice["finish_reason"] == "stop"
    usage = answer["usage"]
    assert usage["prompt_tokens"] + usage["completion_tokens"] == usage["total_tokens"]
    assert desk.answer(task) == answer


def test_a_chat_answer_honours_max_tokens_stop_and_schema(desk: Desk) -> None:
    turns = [ChatMessage("user", "Hi")]
    (choice,) = desk.answer(LlmTask(messages=turns, max_tokens=3))["choices"]
    assert choice["finish_reason"] == "length"
    assert len(choice["message"]["content"].split()) == 3
    (choice,) = desk.answer(LlmTask(messages=turns, stop=[" synthetic"]))["choices"]
    assert choice["message"]["content"] == "This is a"
    schema = {"type": "object", "properties": {"n": {"type": "integer", "minimum": 4}}}
    (choice,) = desk.answer(LlmTask(messages=turns, json_schema=schema))["choices"]
    assert choice["message"]["content"] == '{"n": 4}'


def test_a_transcript_has_the_shape_of_whispers(desk: Desk) -> None:
    audio = desk.file(AudioTtsTask(text="Hello there, this is a test."))
    task = AudioSttTask(input_url="https://x/a.wav", language="de", timestamps="word")
    answer = desk.answer(task, input=audio)
    assert answer["language"] == "de"
    assert answer["text"] == " ".join(segment["text"] for segment in answer["segments"])
    assert answer["segments"][-1]["end"] == pytest.approx(answer["duration"], abs=0.01)
    assert [word["word"] for word in answer["words"]] == answer["text"].split()
    plain = desk.answer(AudioSttTask(input_url="https://x/a.wav"), input=audio)
    assert "words" not in plain


def test_a_word_for_timestamps_that_it_does_not_know_is_refused_with_those_it_knows(
    desk: Desk,
) -> None:
    audio = desk.file(AudioTtsTask(text="Hello there."))
    task = AudioSttTask(input_url="https://x/a.wav", timestamps="letter")
    with pytest.raises(InvalidTask, match="timestamps: 'letter' is none of segment, word"):
        desk.answer(task, input=audio)


@pytest.mark.parametrize(
    ("task", "text"),
    [
        (ImageTask(prompt="x", width=5000), "5000×512 pixels are too many"),
        (VideoTask(prompt="x", width=2000), "2000×512 pixels are too many"),
        (VideoTask(prompt="x", seconds=1000), "1000 s is too long"),
        (VideoTask(prompt="x", seconds=60, fps=100), "frames are too many"),
        (AudioTtsTask(text=" "), "no text"),
        (AudioTtsTask(text="x" * 30_000), "characters are too many"),
        (AudioTtsTask(text="x", speed=50), "speed 50 is out of range"),
        (LlmTask(messages=[]), "no messages"),
        (AudioSttTask(input_url="https://x/a.wav"), "no audio"),
    ],
)
def test_what_it_cannot_do_is_an_invalid_task(desk: Desk, task: Task, text: str) -> None:
    with pytest.raises(InvalidTask, match=text):
        desk.do(task)


def test_it_never_stands_in_for_a_real_model() -> None:
    with pytest.raises(InvalidTask, match="does not serve the model 'dreamshaper'"):
        SyntheticEngine().load(Model("dreamshaper"))


@pytest.mark.parametrize(
    "task",
    [
        ImageTask(prompt="x"),
        VideoTask(prompt="x", width=32, height=32),
        AudioTtsTask(text="hello"),
        LlmTask(messages=[ChatMessage("user", "hi")]),
    ],
)
def test_progress_ends_at_one_and_never_goes_back(desk: Desk, task: Task) -> None:
    desk.do(task)
    assert desk.progress == sorted(desk.progress)
    assert desk.progress[-1] == 1.0
