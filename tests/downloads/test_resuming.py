"""A part is only continued under a strong validator that the answer confirms."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from pathlib import Path

import pytest

from studio_worker_core.downloads.downloading import Downloader
from studio_worker_core.downloads.fetching import Fetcher
from studio_worker_core.errors import DownloadFailed, ModelStoreError, SourceRefused
from studio_worker_core.models.store import ModelStore
from tests.downloads.file_server import Answer, FileServer, Kitchen, content, one_file

OLD = content(600_000, seed=11)
NEW = content(600_000, seed=12)
CUT = 200_000


def rest(*, body: bytes | None = None, total: int | None = None, **headers: str) -> Answer:
    """A 206 with the rest of the new file, whatever was asked under."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    size = len(NEW) if total is None else total
    span = {"Content-Range": f"bytes {CUT}-{size - 1}/{size}"}
    return Answer(status=206, body=body or NEW[CUT:], headers={**span, **named})


def left_with_a_part(server: FileServer, kitchen: Kitchen, *, etag: str | None = None) -> str:
    """The address of the old file after a download of it was cut off."""
    dated = {"Last-Modified": "Mon, 01 Jan 2024 00:00:00 GMT"}
    cuts = [Answer(cut_after=CUT, headers=dated), *[Answer(cut_after=0)] * 3]
    url = server.serve("/m.bin", OLD, *cuts, etag=etag)
    with pytest.raises(DownloadFailed):
        kitchen.store().ensure(one_file(url), "tiny")
    return url


SPLICES: Mapping[str, Answer] = {
    "another ETag": rest(ETag='"other"'),
    "no validator": rest(),
    "a weak ETag": rest(ETag='W/"old"'),
    "another date": rest(ETag='"old"', Last_Modified="Tue, 01 Jan 2030 00:00:00 GMT"),
    "another total": rest(ETag='"old"', body=NEW[CUT:-1000], total=len(NEW) - 1000),
    "an unknown total": rest(ETag='"old"', Content_Range=f"bytes {CUT}-{len(NEW) - 1}/*"),
    "a range that is none": rest(ETag='"old"', Content_Range=f"bytes={CUT}-{len(NEW) - 1}"),
    "a signed range": rest(ETag='"old"', Content_Range=f"bytes +{CUT}-{len(NEW) - 1}/{len(NEW)}"),
    "a 200 with a range": Answer(
        status=200,
        body=NEW[CUT:],
        headers={"Content-Range": f"bytes {CUT}-{len(NEW) - 1}/{len(NEW)}", "ETag": '"old"'},
    ),
}


@pytest.mark.parametrize("answer", SPLICES.values(), ids=SPLICES.keys())
def test_a_rest_the_validator_does_not_vouch_for_is_not_joined_on(
    server: FileServer, kitchen: Kitchen, answer: Answer
) -> None:
    url = left_with_a_part(server, kitchen, etag='"old"')
    server.serve("/m.bin", NEW, answer, etag='"new"')
    path = kitchen.store().ensure(one_file(url), "tiny")["model"][0]
    assert path.read_bytes() == NEW


@pytest.mark.parametrize("etag", ["", 'W/"weak"', "unquoted", '"in"side"'])
def test_nothing_is_asked_to_be_continued_without_a_strong_validator(
    server: FileServer, kitchen: Kitchen, etag: str
) -> None:
    url = left_with_a_part(server, kitchen, etag=etag)
    path = kitchen.store().ensure(one_file(url), "tiny")["model"][0]
    assert path.read_bytes() == OLD
    assert all("range" not in request.headers for request in server.requests)


def test_a_date_alone_continues_nothing(server: FileServer, kitchen: Kitchen) -> None:
    dated = {"Last-Modified": "Mon, 01 Jan 2024 00:00:00 GMT"}
    url = server.serve("/m.bin", OLD, Answer(cut_after=CUT, headers=dated), etag="")
    assert kitchen.store().ensure(one_file(url), "tiny")["model"][0].read_bytes() == OLD
    assert "range" not in server.requests[1].headers


def test_a_confirmed_rest_is_joined_on(server: FileServer, kitchen: Kitchen) -> None:
    url = left_with_a_part(server, kitchen, etag='"old"')
    assert kitchen.store().ensure(one_file(url), "tiny")["model"][0].read_bytes() == OLD
    assert server.requests[-1].headers["range"] == f"bytes={CUT}-"
    assert server.requests[-1].answered == len(OLD) - CUT


def test_a_part_that_was_changed_on_disk_is_no_start_of_the_file(
    server: FileServer, kitchen: Kitchen
) -> None:
    url = left_with_a_part(server, kitchen)
    part = kitchen.root / "tiny" / "weights.bin.part"
    part.write_bytes(b"\0" * CUT)
    assert kitchen.store().ensure(one_file(url), "tiny")["model"][0].read_bytes() == OLD


@pytest.mark.parametrize("fill", [OLD, NEW, b"\0" * len(OLD)], ids=["same", "other", "zeros"])
def test_a_part_of_full_size_is_never_published_unverified(
    server: FileServer, kitchen: Kitchen, fill: bytes
) -> None:
    url = left_with_a_part(server, kitchen)
    (kitchen.root / "tiny" / "weights.bin.part").write_bytes(fill)
    server.requests.clear()
    assert kitchen.store().ensure(one_file(url), "tiny")["model"][0].read_bytes() == OLD
    assert server.requests


def test_a_416_makes_no_file_of_a_part(server: FileServer, kitchen: Kitchen) -> None:
    url = left_with_a_part(server, kitchen)
    over = Answer(status=416, headers={"Content-Range": f"bytes */{CUT}"})
    server.serve("/m.bin", OLD, over)
    assert kitchen.store().ensure(one_file(url), "tiny")["model"][0].read_bytes() == OLD


def test_a_piece_where_all_was_asked_for_is_no_file(server: FileServer, kitchen: Kitchen) -> None:
    url = server.serve("/m.bin", OLD)
    server.always["/m.bin"] = Answer(
        status=206, body=OLD, headers={"Content-Range": f"bytes 0-{len(OLD) - 1}/{len(OLD)}"}
    )
    with pytest.raises(DownloadFailed, match="does not fit what was asked for"):
        kitchen.store().ensure(one_file(url), "tiny")


def test_a_body_without_an_end_needs_a_checksum(server: FileServer, kitchen: Kitchen) -> None:
    url = server.serve("/m.bin", OLD, Answer(endless_until_close=True, cut_after=CUT))
    with pytest.raises(SourceRefused, match="without a length"):
        kitchen.store().ensure(one_file(url), "tiny")
    server.serve("/m.bin", OLD, Answer(endless_until_close=True))
    path = kitchen.store().ensure(one_file(url, OLD), "tiny")["model"][0]
    assert path.read_bytes() == OLD


def test_a_coding_of_the_transfer_is_refused_too(server: FileServer, kitchen: Kitchen) -> None:
    coded = Answer(chunked=True, headers={"Transfer-Encoding": "gzip"})
    url = server.serve("/m.bin", OLD, coded)
    with pytest.raises(SourceRefused, match="compressed"):
        kitchen.store().ensure(one_file(url), "tiny")


def test_a_part_somebody_else_left_is_kept_aside(server: FileServer, kitchen: Kitchen) -> None:
    url = server.serve("/m.bin", OLD)
    home = kitchen.root / "tiny"
    home.mkdir(parents=True)
    (home / "weights.bin.part").write_bytes(b"another program's")
    assert kitchen.store().ensure(one_file(url), "tiny")["model"][0].read_bytes() == OLD
    kept = [path.read_bytes() for path in home.glob("weights.bin.part.aside-*")]
    assert kept == [b"another program's"]


@pytest.mark.parametrize("with_checksum", [True, False])
def test_a_users_file_of_the_same_name_is_kept_aside(
    server: FileServer, kitchen: Kitchen, with_checksum: bool
) -> None:
    url = server.serve("/m.safetensors", OLD if with_checksum else tensors())
    home = kitchen.root / "tiny"
    home.mkdir(parents=True)
    (home / "m.safetensors").write_bytes(b"<html>mine</html>")
    source = one_file(url, OLD if with_checksum else None, name="m.safetensors")
    path = kitchen.store().ensure(source, "tiny")["model"][0]
    assert path.read_bytes() == (OLD if with_checksum else tensors())
    (aside,) = home.glob("m.safetensors.aside-*")
    assert aside.read_bytes() == b"<html>mine</html>"


def test_a_name_that_is_a_directory_is_moved_out_of_the_way(
    server: FileServer, kitchen: Kitchen
) -> None:
    url = server.serve("/m.bin", OLD)
    own = kitchen.root / "tiny" / "weights.bin"
    (own / "inside").mkdir(parents=True)
    assert kitchen.store().ensure(one_file(url), "tiny")["model"][0].read_bytes() == OLD
    (aside,) = own.parent.glob("weights.bin.aside-*")
    assert (aside / "inside").is_dir()


def tensors() -> bytes:
    head = b'{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}'
    return len(head).to_bytes(8, "little") + head + bytes(8)


def test_a_server_that_drips_is_left(server: FileServer, tmp_path: Path) -> None:
    url = server.serve("/m.bin", OLD)
    server.always["/m.bin"] = Answer(drips=True)
    downloader = Downloader(
        Fetcher(), attempts=2, first_pause=0.001, floor_seconds=0.5, floor_bytes=200_000
    )
    with pytest.raises(DownloadFailed, match=r"less than 200\.0 kB in 0\.5 s"):
        ModelStore(tmp_path, downloader=downloader).ensure(one_file(url), "tiny")


@pytest.mark.parametrize("where", ["status", "header"])
def test_headers_that_drip_end_the_attempt(server: FileServer, tmp_path: Path, where: str) -> None:
    url = server.serve("/m.bin", OLD)
    server.always["/m.bin"] = Answer(drips_head=where)
    downloader = Downloader(Fetcher(answer_seconds=0.5), attempts=2, first_pause=0.001)
    with pytest.raises(DownloadFailed, match=r"gave no answer within 0\.5 s"):
        ModelStore(tmp_path, downloader=downloader).ensure(one_file(url), "tiny")


def test_a_download_has_a_last_moment(server: FileServer, kitchen: Kitchen) -> None:
    url = server.serve("/m.bin", OLD, Answer(stalls_after=100))
    store = ModelStore(kitchen.root, downloader=kitchen.downloader(), seconds=0.5)
    with pytest.raises(ModelStoreError, match=r"took longer than 0\.5 s"):
        store.ensure(one_file(url), "tiny")


def test_a_byte_a_connection_is_no_progress(server: FileServer, kitchen: Kitchen) -> None:
    url = server.serve("/m.bin", OLD)
    server.always["/m.bin"] = Answer(cut_after=1)
    with pytest.raises(DownloadFailed, match="gave up"):
        kitchen.store().ensure(one_file(url), "tiny")
    assert len(server.requests) == 3


def test_a_name_server_that_never_answers_holds_nobody(kitchen: Kitchen) -> None:
    over = threading.Event()

    def never(host: str, port: int) -> list[str]:
        del host, port
        over.wait(60)
        return []

    store = kitchen.store(resolver=never, answer_seconds=0.5)
    try:
        with pytest.raises(DownloadFailed, match=r"gave no answer within 0\.5 s"):
            store.ensure(one_file("https://hub.example/m.bin"), "tiny")
    finally:
        over.set()
