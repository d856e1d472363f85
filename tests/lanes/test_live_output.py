"""What an engine hands over while it works: in order, within bounds, only to who wants it."""

from __future__ import annotations

import io
import json
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from studio_worker_core.lanes import emitting, passing_on, previewing
from studio_worker_core.lanes import protocol as messages
from studio_worker_core.lanes.emitting import Emitter
from studio_worker_core.lanes.engine_host import do_job
from studio_worker_core.lanes.live import NOTHING, LiveOutput, Preview, Wanted
from studio_worker_core.lanes.passing_on import PassingOn, taken
from studio_worker_core.plugin import ChatMessage, Engine, ImageTask, Job, LlmTask, Model, Output
from tests.support.emitting_engine import emitting_entry
from tests.support.fault_answers import said
from tests.support.lane_bench import LaneBench

TEXT = Wanted(text=True)
PREVIEWS = Wanted(previews=True)


def script(*steps: list[Any]) -> LlmTask:
    return LlmTask(messages=[ChatMessage("user", json.dumps(steps))])


def names_in(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


def test_a_piece_is_heard_before_the_engine_goes_on(bench: LaneBench, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    heard: list[str] = []

    def hear(text: str) -> None:
        heard.append(text)
        gate.touch()  # until then the engine does not go on

    task = script(["emit", "one "], ["wait", str(gate)], ["emit", "two"], ["answer", "one two"])
    request = bench.request(task, model="emitting-llm", entry=emitting_entry())
    bench.do(request, LiveOutput(text=hear))
    assert heard[0] == "one "
    assert "".join(heard) == "one two"


def test_a_preview_is_heard_before_the_engine_goes_on_and_leaves_no_file(
    bench: LaneBench, tmp_path: Path
) -> None:
    gate = tmp_path / "gate"
    seen: list[Preview] = []

    def see(picture: Preview) -> None:
        seen.append(picture)
        gate.touch()

    steps = [["preview", "red"], ["wait", str(gate)], ["preview", "blue"]]
    task = ImageTask(prompt=json.dumps(steps), width=8, height=8, seed=1)
    request = bench.request(task, model="emitting-image", entry=emitting_entry())
    bench.do(request, LiveOutput(preview=see))
    assert [each.ext for each in seen] == ["jpg", "jpg"]
    with Image.open(io.BytesIO(seen[0].data)) as picture:
        assert picture.size == (40, 30)
        assert picture.convert("RGB").getpixel((5, 5)) == pytest.approx((254, 0, 0), abs=4)
    assert list(request.scratch.iterdir()) == []


class _Scripted(Engine):
    def __init__(self, work: Callable[[Job[Any]], None]) -> None:
        self._work = work

    def generate(self, job: Job[Any]) -> Output:
        self._work(job)
        return said(job.task, "")


def _sent(root: Path, work: Callable[[Job[Any]], None], wanted: Wanted | None) -> list[Any]:
    sent: list[Any] = []
    order = messages.Generate("job-1", LlmTask(messages=[]), {}, root, root, wanted)
    answer = do_job(_Scripted(work), Model("any"), order, sent.append, lambda: False)
    assert isinstance(answer, messages.Done), answer
    return sent


def test_what_nobody_wants_is_not_sent_but_is_a_sign_of_life(tmp_path: Path) -> None:
    def work(job: Job[Any]) -> None:
        for _ in range(1000):
            job.emit(text="words")
        assert not job.wants_preview
        job.preview("no picture at all")

    signs = _sent(tmp_path, work, NOTHING)
    assert signs[0] == messages.Emitted("job-1", "")
    assert len(signs) < 1000
    assert all(each == signs[0] for each in signs)
    assert _sent(tmp_path, work, None) == [], "a worker that knows of no such thing"
    assert names_in(tmp_path) == ["result.json"]


def test_all_pieces_come_in_order_and_before_the_answer(tmp_path: Path) -> None:
    words = [f"{number} " for number in range(5000)]

    def work(job: Job[Any]) -> None:
        for word in words:
            job.emit(text=word)

    sent = _sent(tmp_path, work, TEXT)
    assert "".join(each.text for each in sent) == "".join(words)
    assert len(sent) < len(words), "put together"


def test_an_engine_does_not_wait_for_a_worker_that_does_not_read() -> None:
    reads, sent = threading.Event(), []

    def send(message: Any) -> None:
        reads.wait(60)
        sent.append(message.text)

    with Emitter("job-1", send, TEXT) as emitter:
        for number in range(1000):
            emitter.emit(f"{number} ")  # nobody reads yet: the test would end in a minute
        assert sent == []
        reads.set()
    assert "".join(sent) == "".join(f"{number} " for number in range(1000))


def test_emitted_text_is_bounded_as_a_piece_and_in_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(emitting, "MAX_EMITTED", 200_000)

    def work(job: Job[Any]) -> None:
        job.emit(text="🦊" * 150_000)
        job.emit(text="x" * 100_000)
        job.emit(text="never")

    sent = _sent(tmp_path, work, TEXT)
    assert all(len(messages.encode_message(each)) <= messages.MAX_FROM_CHILD for each in sent)
    assert "".join(each.text for each in sent) == "🦊" * 150_000 + "x" * 50_000


def test_odd_text_is_made_fit_and_what_is_none_is_a_warning(tmp_path: Path) -> None:
    def work(job: Job[Any]) -> None:
        job.emit(text="a\ud83e")
        job.emit(text="")
        job.emit(text=b"bytes")  # type: ignore[arg-type]

    sent = _sent(tmp_path, work, TEXT)
    assert [e.text for e in sent if isinstance(e, messages.Emitted)] == ["a\\ud83e"]
    (log,) = [each for each in sent if isinstance(each, messages.Log)]
    assert log.message == "emit: bytes is no text; left out"


def test_what_is_emitted_after_the_end_goes_nowhere(tmp_path: Path) -> None:
    jobs: list[Job[Any]] = []
    sent = _sent(tmp_path, jobs.append, TEXT)
    jobs[0].emit(text="late")
    assert sent == []


@pytest.mark.parametrize(
    ("mode", "size", "ext", "shown"),
    [
        ("RGB", (2000, 1000), "jpg", (768, 384)),
        ("L", (10, 3000), "jpg", (3, 768)),
        ("RGBA", (40, 30), "png", (40, 30)),
        ("P", (8, 8), "jpg", (8, 8)),
        ("I;16", (8, 8), "jpg", (8, 8)),
    ],
)
@pytest.mark.parametrize("as_file", [False, True])
def test_a_preview_is_small_and_of_a_type_that_all_show(
    tmp_path: Path,
    mode: str,
    size: tuple[int, int],
    ext: str,
    shown: tuple[int, int],
    as_file: bool,
) -> None:
    image = Image.new(mode, size)
    image.save(tmp_path / "image.png")
    names: list[str] = []

    def work(job: Job[Any]) -> None:
        job.preview(tmp_path / "image.png" if as_file else image)
        names.extend(names_in(tmp_path))
        assert not job.wants_preview, "the last one has not been taken"
        job.preview(image)

    (told,) = _sent(tmp_path, work, PREVIEWS)
    assert told.name in names
    preview = taken(tmp_path, told.name)
    assert preview is not None
    assert preview.ext == ext
    with Image.open(io.BytesIO(preview.data)) as picture:
        assert picture.size == shown
    assert not (tmp_path / told.name).exists()


@pytest.mark.parametrize("image", ["/no/such/file.png", object(), None])
def test_a_preview_that_is_none_is_one_warning(tmp_path: Path, image: Any) -> None:
    def work(job: Job[Any]) -> None:
        job.preview(image)
        assert not job.wants_preview
        job.preview(image)

    (log,) = _sent(tmp_path, work, PREVIEWS)
    assert log.level == "warning"
    assert log.message.startswith("preview: cannot be shown")


def test_the_largest_previews_are_passed_on(tmp_path: Path) -> None:
    side = previewing.MAX_PREVIEW_SIDE
    noise = Image.frombytes("RGB", (side, side), os.urandom(side * side * 3))
    noise.save(tmp_path / "noise.jpg", quality=80)
    assert taken(tmp_path, "noise.jpg") is not None


def test_nothing_but_a_small_picture_in_the_jobs_directory_is_read(tmp_path: Path) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    picture = Image.new("RGB", (4, 4))
    picture.save(tmp_path / "outside.png")
    picture.save(scratch / "large.png")
    with (scratch / "large.png").open("ab") as file:
        file.write(bytes(passing_on.MAX_PREVIEW_BYTES))
    (scratch / "text.png").write_text("no picture")
    (scratch / "link.png").symlink_to(tmp_path / "outside.png")
    (scratch / "directory.png").mkdir()
    os.mkfifo(scratch / "pipe.png")
    names = ["../outside.png", str(tmp_path / "outside.png"), "a\0.png", "", "..", "none.png"]
    for name in [*names, *names_in(scratch)]:
        assert taken(scratch, name) is None, name
    assert (tmp_path / "outside.png").exists()


def test_a_worker_passes_on_no_more_than_its_bound(
    bench: LaneBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(passing_on, "MAX_PASSED_ON", 5)
    heard: list[str] = []
    passing = PassingOn(LiveOutput(text=heard.append), bench.request(LlmTask(messages=[])))
    for text in ("abc", "", "defg", "de"):
        passing.hear(messages.Emitted("job-0", text))
    passing.hear(messages.Previewed("job-0", "none.png"))
    assert heard == ["abc", "de"]
