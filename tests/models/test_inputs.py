"""Inputs are fetched within bounds, from where that is allowed, and are what they should be."""

from __future__ import annotations

import base64
import contextlib
import struct
import threading
import time
import zlib
from pathlib import Path

import pytest

from studio_worker_core.config import InputLimits
from studio_worker_core.downloads.fetching import Fetcher
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
from tests.models.samples import picture, sound


def png_claiming(width: int, height: int) -> bytes:
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    crc = struct.pack(">I", zlib.crc32(b"IHDR" + head))
    first = struct.pack(">I", 13) + b"IHDR" + head + crc
    return b"\x89PNG\r\n\x1a\n" + first + struct.pack(">I", 100) + b"IDAT" + bytes(200)


def fetcher(server: FileServer, **limits: object) -> InputFetcher:
    return InputFetcher(
        InputLimits(**limits),  # type: ignore[arg-type]
        server.url(""),
        fetcher=Fetcher(stall_seconds=5.0),
        first_pause=0.001,
    )


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


def webp_claiming(width: int, height: int) -> bytes:
    canvas = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    body = b"WEBPVP8X" + struct.pack("<I", 10) + bytes(4) + canvas + bytes(40)
    return b"RIFF" + struct.pack("<I", len(body)) + body


@pytest.mark.parametrize(
    "data", [png_claiming(30_000, 30_000), png_claiming(9000, 9000), webp_claiming(16383, 16383)]
)
def test_a_decompression_bomb_is_refused_by_its_header(
    server: FileServer, tmp_path: Path, data: bytes
) -> None:
    url = server.serve("/a.png", data)
    with pytest.raises(InvalidTask, match=r"at most 64 million .*max_megapixels"):
        fetcher(server).fetch(ImageTask(prompt="", init_image_url=url), tmp_path)


def test_the_limit_of_pixels_can_be_raised(server: FileServer, tmp_path: Path) -> None:
    url = server.serve("/a.png", picture(size=(1200, 1000)))
    task = ImageTask(prompt="", init_image_url=url)
    with pytest.raises(InvalidTask, match="1200×1000"):
        fetcher(server, max_megapixels=1.0).fetch(task, tmp_path)
    assert fetcher(server, max_megapixels=1.2).fetch(task, tmp_path)
    assert fetcher(server, max_megapixels=0).fetch(task, tmp_path)


def test_an_input_that_is_too_large_is_refused_by_its_length(
    server: FileServer, tmp_path: Path
) -> None:
    url = server.serve("/a.png", picture(), Answer(announced=10 * 10**9))
    with pytest.raises(SourceRefused, match=r"larger than 1\.0 MB.*max_mb"):
        fetcher(server, max_mb=1.0).fetch(ImageTask(prompt="", init_image_url=url), tmp_path)


def test_an_endless_input_is_cut_at_the_limit(server: FileServer, tmp_path: Path) -> None:
    url = server.serve("/a.png", picture() * 100, Answer(endless=True))
    with pytest.raises(SourceRefused, match="larger than"):
        fetcher(server, max_mb=1.0).fetch(ImageTask(prompt="", init_image_url=url), tmp_path)
    assert list(tmp_path.iterdir()) == []


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


FORBIDDEN = [
    "file:///etc/passwd",
    "ftp://example.com/a.png",
    "http://example.com/a.png",
    "https://10.0.0.1/a.png",
    "https://[fd00::1]/a.png",
    "http://169.254.169.254/latest/meta-data/",
    "C:\\secret.png",
    "/etc/passwd",
]


@pytest.mark.parametrize("url", FORBIDDEN)
def test_a_forbidden_address_is_refused(server: FileServer, tmp_path: Path, url: str) -> None:
    with pytest.raises(SourceRefused):
        fetcher(server).fetch(ImageTask(prompt="", init_image_url=url), tmp_path)


def test_this_machine_is_not_fetched_from_for_a_studio_elsewhere(
    server: FileServer, tmp_path: Path
) -> None:
    url = server.serve("/a.png", picture())
    task = ImageTask(prompt="", init_image_url=url)
    for allow_private in (False, True):
        limits = InputLimits(allow_private=allow_private)
        with pytest.raises(SourceRefused, match="this machine"):
            InputFetcher(limits, "https://studio.example/").fetch(task, tmp_path)
    assert server.requests == []


def test_a_redirect_of_the_studio_into_the_network_is_refused(
    server: FileServer, tmp_path: Path
) -> None:
    away = Answer(status=302, headers={"Location": "http://192.168.0.1/admin.png"})
    url = server.serve("/a.png", picture(), away)
    with pytest.raises(SourceRefused, match="private network"):
        fetcher(server).fetch(ImageTask(prompt="", init_image_url=url), tmp_path)


def test_limits_may_change_while_the_worker_runs(server: FileServer, tmp_path: Path) -> None:
    now = [InputLimits(max_mb=0.00001)]
    inputs = InputFetcher(lambda: now[0], server.url(""))
    task = ImageTask(prompt="", init_image_url=server.serve("/a.png", picture()))
    with pytest.raises(SourceRefused):
        inputs.fetch(task, tmp_path)
    now[0] = InputLimits()
    assert inputs.fetch(task, tmp_path)


def inline(data: bytes, mime: str = "image/png") -> str:
    return f"data:{mime};base64,{base64.b64encode(data).decode()}"


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


def gif_of_many_frames(frames: int) -> bytes:
    frame = b"\x2c" + struct.pack("<HHHHB", 0, 0, 1, 1, 0) + b"\x02\x02\x44\x01\x00"
    head = b"GIF89a" + struct.pack("<HHBBB", 1, 1, 0x80, 0, 0) + bytes(6)
    return head + frame * frames + b"\x3b"


def png_of_many_chunks(chunks: int) -> bytes:
    whole = picture()
    chunk = struct.pack(">I4s", 0, b"tEXt") + struct.pack(">I", zlib.crc32(b"tEXt"))
    return whole[:33] + chunk * chunks + whole[33:]


def jpg_of_many_marks(marks: int) -> bytes:
    return b"\xff\xd8" + b"\xff\xe0\0\2" * marks


@pytest.mark.parametrize(
    "data",
    [gif_of_many_frames(1_500_000), png_of_many_chunks(1_500_000), jpg_of_many_marks(5_000_000)],
)
def test_no_picture_costs_the_host_seconds(server: FileServer, tmp_path: Path, data: bytes) -> None:
    url = server.serve("/a", data)
    spent = time.process_time()
    with contextlib.suppress(InvalidTask):
        fetcher(server).fetch(ImageTask(prompt="", init_image_url=url), tmp_path)
    # The server's share of the work is in it: it sends 25 MB.
    assert time.process_time() - spent < 10


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


def test_a_picture_of_more_than_25_mebibytes_is_refused(server: FileServer, tmp_path: Path) -> None:
    large = picture() + bytes(25 << 20)
    with pytest.raises(InvalidTask, match=r"more than 26\.2 MB"):
        fetcher(server).fetch(MeshTask(image_url=inline(large)), tmp_path)
    url = server.serve("/a", large)
    with pytest.raises(SourceRefused, match="a picture may not be larger"):
        fetcher(server).fetch(ImageTask(prompt="", init_image_url=url), tmp_path)


def test_escapes_in_inline_data_cost_no_seconds(server: FileServer, tmp_path: Path) -> None:
    plain = inline(picture())
    escaped = plain.replace("+", "%2B").replace("/", "%2f").replace("image%2fpng", "image/png")
    task = ImageTask(prompt="", mask_url=escaped)
    assert fetcher(server).fetch(task, tmp_path)["mask"].read_bytes() == picture()
    before = time.thread_time()
    with pytest.raises(InvalidTask, match="base64"):
        fetcher(server).fetch(
            ImageTask(prompt="", mask_url="data:image/png;base64," + "%41" * 8_000_000), tmp_path
        )
    assert time.thread_time() - before < 10


@pytest.mark.parametrize("status", [401, 403])
def test_an_input_that_is_not_public_says_nothing_of_model_hubs(
    server: FileServer, tmp_path: Path, status: int
) -> None:
    url = server.serve("/a.png", picture(), Answer(status=status, body=b"<html>login</html>"))
    with pytest.raises(DownloadFailed, match="not public") as caught:
        fetcher(server).fetch(ImageTask(prompt="", init_image_url=url), tmp_path)
    assert "HUB" not in str(caught.value)
    assert "<html" not in str(caught.value)
