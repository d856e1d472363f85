"""Bytes that are not those that were kept never reach a studio whole."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from studio_worker_core.errors import ResultDamaged
from studio_worker_core.secrets import Secret
from studio_worker_core.studio_client.http import StudioClient
from studio_worker_core.studio_client.upload import ResultUpload
from tests.studio_client.servers import HttpServer

DATA = b"\x89PNG\r\n\x1a\n" + b"pixels" * 50_000


def upload_of(path: Path, kept: bytes) -> ResultUpload:
    digest = hashlib.sha256(kept).hexdigest()
    return ResultUpload(path, "png", "image/png", "a castle", "job-1.png", sha256=digest)


@pytest.mark.parametrize("where", [0, len(DATA) // 2, len(DATA) - 1])
def test_a_flipped_byte_ends_the_upload_before_its_last_bytes(
    http_server: HttpServer, tmp_path: Path, where: int
) -> None:
    path = tmp_path / "result.png"
    path.write_bytes(DATA[:where] + bytes([DATA[where] ^ 1]) + DATA[where + 1 :])
    client = StudioClient(http_server.url)
    with pytest.raises(ResultDamaged):
        client.complete("w-1", Secret("token"), "job-1", upload_of(path, DATA))
    client.close()
    assert all(len(each.body) < int(each.headers["content-length"]) for each in http_server.seen)


@pytest.mark.parametrize("found", [b"", DATA[:-1], DATA + b"x"])
def test_a_file_of_another_length_is_damaged(tmp_path: Path, found: bytes) -> None:
    path = tmp_path / "result.png"
    path.write_bytes(found)
    with pytest.raises(ResultDamaged):
        read_all(path)


def read_all(path: Path) -> None:
    with upload_of(path, DATA).open() as body:
        while body.read(65536):
            pass


@given(data=st.binary(min_size=1, max_size=300), size=st.integers(1, 400))
def test_whole_files_pass_in_chunks_of_any_size(
    tmp_path_factory: pytest.TempPathFactory, data: bytes, size: int
) -> None:
    path = tmp_path_factory.mktemp("upload") / "result.png"
    path.write_bytes(data)
    with upload_of(path, data).open() as body:
        sent = b"".join(iter(lambda: body.read(size), b""))
    assert len(sent) == len(body)
    assert data in sent
