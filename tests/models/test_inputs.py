"""Inputs are fetched within bounds, from where that is allowed, and are what they should be."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from studio_worker_core.config import InputLimits
from studio_worker_core.errors import DownloadFailed, InvalidTask, JobCancelled, SourceRefused
from studio_worker_core.models.inputs import InputFetcher, input_urls
from studio_worker_core.wire.tasks import (
    AudioSttTask,
    AudioTtsTask,
    ChatMessage,
    ImageTask,
    LlmTask,
    MeshTask,
    VideoTask,
)
from tests.downloads.file_server import Answer, FileServer
from tests.models.input_fetching import fetcher, inline
from tests.models.samples import picture, sound


@pytest.mark.parametrize(
    ("kind", "ext"),
    [
        ("PNG", "png"),
        ("JPEG", "jpg"),
        ("WEBP", "webp"),
        ("GIF", "gif"),
        ("BMP", "bmp"),
        ("AVIF", "avif"),
        ("TIFF", "tiff"),
    ],
)
def test_an_image_is_named_by_its_bytes(
    server: FileServer, tmp_path: Path, kind: str, ext: str
) -> None:
    url = server.serve("/upload.php", picture(kind))
    found = fetcher(server).fetch(ImageTask(prompt="", init_image_url=url), tmp_path / "in")
    assert found == {"init_image": tmp_path / "in" / f"init_image.{ext}"}
    assert found["init_image"].read_bytes() == picture(kind)
    assert [path.name for path in (tmp_path / "in").iterdir()] == [f"init_image.{ext}"]


def test_every_input_of_a_task_is_fetched(server: FileServer, tmp_path: Path) -> None:
    task = ImageTask(
        prompt="",
        init_image_url=server.serve("/a", picture("PNG")),
        mask_url=server.serve("/b", picture("GIF")),
        ref_image_url=server.serve("/c", picture("JPEG")),
    )
    found = fetcher(server).fetch(task, tmp_path)
    assert {name: path.name for name, path in found.items()} == {
        "init_image": "init_image.png",
        "mask": "mask.gif",
        "ref_image": "ref_image.jpg",
    }


def test_audio_is_fetched_for_a_transcript(server: FileServer, tmp_path: Path) -> None:
    url = server.serve("/speech", sound())
    found = fetcher(server).fetch(AudioSttTask(input_url=url), tmp_path)
    assert found == {"input": tmp_path / "input.wav"}


def test_what_is_given_is_not_fetched_and_the_rest_is(server: FileServer, tmp_path: Path) -> None:
    task = ImageTask(
        prompt="", init_image_url="upload:init_image", mask_url=server.serve("/m", picture("PNG"))
    )
    found = fetcher(server).fetch(task, tmp_path, given=["init_image"])
    assert found == {"mask": tmp_path / "mask.png"}


def test_a_task_without_urls_needs_nothing(server: FileServer, tmp_path: Path) -> None:
    assert fetcher(server).fetch(AudioTtsTask(text="hello"), tmp_path / "in") == {}
    assert not (tmp_path / "in").exists()
    assert input_urls(VideoTask(prompt="", init_image_url="x")) == {"init_image": "x"}


@pytest.mark.parametrize("data", [b"", b"<html>no</html>", b"\x89PNG", b"%PDF-1.7", sound()])
def test_what_is_no_image_is_an_invalid_task(
    server: FileServer, tmp_path: Path, data: bytes
) -> None:
    url = server.serve("/a.png", data)
    with pytest.raises(InvalidTask, match="init_image is not an image"):
        fetcher(server).fetch(ImageTask(prompt="", init_image_url=url), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_an_image_where_audio_should_be_is_an_invalid_task(
    server: FileServer, tmp_path: Path
) -> None:
    url = server.serve("/a.wav", picture())
    with pytest.raises(InvalidTask, match="input is not audio"):
        fetcher(server).fetch(AudioSttTask(input_url=url), tmp_path)


@pytest.mark.parametrize("cut", [20, 30, 45])
def test_a_broken_image_is_an_invalid_task(server: FileServer, tmp_path: Path, cut: int) -> None:
    url = server.serve("/a.png", picture()[:cut])
    with pytest.raises(InvalidTask, match="broken png"):
        fetcher(server).fetch(ImageTask(prompt="", init_image_url=url), tmp_path)


def test_an_input_that_takes_too_long_is_a_failed_download(
    server: FileServer, tmp_path: Path
) -> None:
    url = server.serve("/a.png", picture(), Answer(stalls_after=10))
    with pytest.raises(DownloadFailed, match=r"longer than 0\.5 s"):
        fetcher(server, seconds=0.5).fetch(ImageTask(prompt="", init_image_url=url), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_stalled_input_can_be_cancelled_at_once(server: FileServer, tmp_path: Path) -> None:
    url = server.serve("/a.png", picture(), Answer(stalls_after=10))
    cancel = threading.Event()
    ended = threading.Event()

    def run() -> None:
        with pytest.raises(JobCancelled):
            fetcher(server).fetch(ImageTask(prompt="", init_image_url=url), tmp_path, cancel=cancel)
        ended.set()

    thread = threading.Thread(target=run)
    thread.start()
    assert server.stalled.wait(60)
    cancel.set()
    thread.join(60)
    assert ended.is_set()


def test_a_cut_input_is_fetched_again(server: FileServer, tmp_path: Path) -> None:
    url = server.serve("/a.png", picture(), Answer(cut_after=10), Answer(status=503))
    found = fetcher(server).fetch(ImageTask(prompt="", init_image_url=url), tmp_path)
    assert found["init_image"].read_bytes() == picture()


def test_an_input_that_is_not_there_is_a_failed_download(
    server: FileServer, tmp_path: Path
) -> None:
    task = ImageTask(prompt="", init_image_url=server.url("/missing.png"))
    with pytest.raises(DownloadFailed, match="404"):
        fetcher(server).fetch(task, tmp_path)


def test_limits_may_change_while_the_worker_runs(server: FileServer, tmp_path: Path) -> None:
    now = [InputLimits(max_mb=0.00001)]
    inputs = InputFetcher(lambda: now[0], server.url(""))
    task = ImageTask(prompt="", init_image_url=server.serve("/a.png", picture()))
    with pytest.raises(SourceRefused):
        inputs.fetch(task, tmp_path)
    now[0] = InputLimits()
    assert inputs.fetch(task, tmp_path)


def test_an_inline_image_is_taken(server: FileServer, tmp_path: Path) -> None:
    task = ImageTask(prompt="", mask_url=inline(picture()))
    assert fetcher(server).fetch(task, tmp_path)["mask"].read_bytes() == picture()


@pytest.mark.parametrize(
    "url",
    ["data:,hello", "data:text/html;base64,AAAA", "data:image/png,raw", "data:image/png;base64,@"],
)
def test_other_inline_data_is_refused_in_clear_words(
    server: FileServer, tmp_path: Path, url: str
) -> None:
    with pytest.raises(InvalidTask, match="data: URL"):
        fetcher(server).fetch(ImageTask(prompt="", mask_url=url), tmp_path)


def test_the_pictures_of_a_chat_are_fetched_in_order(server: FileServer, tmp_path: Path) -> None:
    images = [inline(picture("PNG")), server.serve("/b", picture("JPEG")), inline(picture("WEBP"))]
    task = LlmTask(messages=[ChatMessage(role="user", content="?")], images=images)
    found = fetcher(server).fetch(task, tmp_path)
    assert [path.name for path in found.values()] == ["image_1.png", "image_2.jpg", "image_3.webp"]


def test_a_mesh_is_made_of_a_picture(server: FileServer, tmp_path: Path) -> None:
    found = fetcher(server).fetch(MeshTask(image_url=inline(picture())), tmp_path)
    assert found["image"].read_bytes() == picture()
    with pytest.raises(InvalidTask, match="only png, jpg and webp"):
        fetcher(server).fetch(MeshTask(image_url=inline(picture("GIF"), "image/gif")), tmp_path)


@pytest.mark.parametrize("status", [401, 403])
def test_an_input_that_is_not_public_says_nothing_of_model_hubs(
    server: FileServer, tmp_path: Path, status: int
) -> None:
    url = server.serve("/a.png", picture(), Answer(status=status, body=b"<html>login</html>"))
    with pytest.raises(DownloadFailed, match="not public") as caught:
        fetcher(server).fetch(ImageTask(prompt="", init_image_url=url), tmp_path)
    assert "HUB" not in str(caught.value)
    assert "<html" not in str(caught.value)
