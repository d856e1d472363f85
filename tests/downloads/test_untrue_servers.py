"""A server that says one thing and sends another never puts a wrong file into the store."""

from __future__ import annotations

import pytest

from studio_worker_core.errors import DownloadFailed, SourceRefused
from tests.downloads.file_server import Answer, FileServer, Kitchen, content, one_file, sha256

SIZE = 3_000_000
DATA = content(SIZE)


def test_a_length_that_is_too_long_is_a_broken_download(
    server: FileServer, kitchen: Kitchen
) -> None:
    url = server.serve("/m.bin", DATA)
    server.always["/m.bin"] = Answer(announced=SIZE + 500, ignores_ranges=True)
    with pytest.raises(DownloadFailed):
        kitchen.store().ensure(one_file(url), "tiny")
    assert not (kitchen.root / "tiny" / "weights.bin").exists()


def test_a_length_that_is_too_short_is_found_by_the_checksum(
    server: FileServer, kitchen: Kitchen
) -> None:
    url = server.serve("/m.bin", DATA)
    server.always["/m.bin"] = Answer(announced=SIZE - 500)
    with pytest.raises(SourceRefused, match="wrong checksum") as caught:
        kitchen.store().ensure(one_file(url, DATA), "tiny")
    assert not caught.value.retryable
    assert kitchen.leftovers() == []


def test_a_wrong_byte_is_fetched_once_more_and_then_right(
    server: FileServer, kitchen: Kitchen
) -> None:
    url = server.serve("/m.bin", DATA, Answer(flipped=1_234_567))
    path = kitchen.store().ensure(one_file(url, DATA), "tiny")["model"][0]
    assert path.read_bytes() == DATA
    assert len(server.requests) == 2


def test_a_wrong_byte_twice_is_refused_and_nothing_stays(
    server: FileServer, kitchen: Kitchen
) -> None:
    url = server.serve("/m.bin", DATA)
    server.always["/m.bin"] = Answer(flipped=1_234_567)
    with pytest.raises(SourceRefused, match=sha256(DATA)):
        kitchen.store().ensure(one_file(url, DATA), "tiny")
    assert len(server.requests) == 2
    assert kitchen.leftovers() == []
    assert not (kitchen.root / "tiny" / "weights.bin").exists()


def test_bytes_after_the_announced_end_are_not_read(server: FileServer, kitchen: Kitchen) -> None:
    url = server.serve("/m.bin", DATA, Answer(extra=b"more" * 10_000))
    path = kitchen.store().ensure(one_file(url, DATA), "tiny")["model"][0]
    assert path.read_bytes() == DATA


def test_an_endless_body_is_cut_at_what_was_expected(server: FileServer, kitchen: Kitchen) -> None:
    url = server.serve("/m.bin", DATA, Answer(endless=True))
    with pytest.raises(SourceRefused, match="too large"):
        kitchen.store().ensure(one_file(url, approx=SIZE), "tiny")
    assert kitchen.leftovers() == []


def test_an_endless_body_of_unknown_size_is_cut_at_the_most(
    server: FileServer, kitchen: Kitchen
) -> None:
    url = server.serve("/m.bin", DATA, Answer(endless=True))
    with pytest.raises(SourceRefused, match=r"more than 20\.0 MB"):
        kitchen.store(max_bytes=20_000_000).ensure(one_file(url), "tiny")
    assert kitchen.leftovers() == []


def test_a_length_beyond_what_was_expected_is_refused_before_a_byte(
    server: FileServer, kitchen: Kitchen
) -> None:
    url = server.serve("/m.bin", DATA, Answer(announced=10**12))
    with pytest.raises(SourceRefused, match="too large"):
        kitchen.store().ensure(one_file(url, approx=SIZE), "tiny")


def test_an_error_page_in_place_of_a_model_is_refused(server: FileServer, kitchen: Kitchen) -> None:
    url = server.serve("/m.bin", DATA)
    server.always["/m.bin"] = Answer(body=b"<html>please log in</html>")
    with pytest.raises(SourceRefused, match="error page"):
        kitchen.store().ensure(one_file(url, approx=SIZE), "tiny")
    assert kitchen.leftovers() == []


def test_bytes_compressed_unasked_are_refused(server: FileServer, kitchen: Kitchen) -> None:
    url = server.serve("/m.bin", DATA, Answer(headers={"Content-Encoding": "gzip"}))
    with pytest.raises(SourceRefused, match="compressed"):
        kitchen.store().ensure(one_file(url, DATA), "tiny")
    assert server.requests[0].headers["accept-encoding"] == "identity"
