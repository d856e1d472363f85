"""What a studio names as input costs the host neither memory nor seconds nor its network."""

from __future__ import annotations

import contextlib
import struct
import time
import zlib
from pathlib import Path

import pytest

from studio_worker_core.config import InputLimits
from studio_worker_core.errors import InvalidTask, SourceRefused
from studio_worker_core.models.inputs import InputFetcher
from studio_worker_core.wire.tasks import ImageTask, MeshTask
from tests.downloads.file_server import Answer, FileServer
from tests.models.input_fetching import fetcher, inline
from tests.models.samples import picture


def png_claiming(width: int, height: int) -> bytes:
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    crc = struct.pack(">I", zlib.crc32(b"IHDR" + head))
    first = struct.pack(">I", 13) + b"IHDR" + head + crc
    return b"\x89PNG\r\n\x1a\n" + first + struct.pack(">I", 100) + b"IDAT" + bytes(200)


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
