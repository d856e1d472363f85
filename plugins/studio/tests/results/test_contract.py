"""What the studio may rely on, wherever its results are kept."""

from __future__ import annotations

import contextlib
import hashlib

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from studio_worker_studio.results.interface import ResultStorage, result_name

NAME = result_name("job-0123456789abcdef0123", "png")


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def put(results: ResultStorage, name: str, data: bytes) -> None:
    incoming = results.receive()
    incoming.write(data)
    incoming.finish()
    incoming.keep(name, digest(data))
    incoming.discard()


def content(results: ResultStorage, name: str) -> bytes:
    with contextlib.closing(results.open(name)) as reader:
        return reader.read(0, reader.size)


def test_what_was_kept_is_read_back_with_its_digest(results: ResultStorage) -> None:
    put(results, NAME, b"picture")
    assert content(results, NAME) == b"picture"
    assert results.size(NAME) == 7
    assert results.sha256(NAME) == digest(b"picture")
    with contextlib.closing(results.open(NAME)) as reader:
        assert reader.modified > 1_000_000_000


def test_there_is_no_file_before_it_is_kept(results: ResultStorage) -> None:
    incoming = results.receive()
    incoming.write(b"pic")
    incoming.write(memoryview(b"ture"))
    incoming.finish()
    assert results.size(NAME) is None
    assert results.unknown(()) == []
    assert incoming.read() == b"picture"
    incoming.keep(NAME, digest(b"picture"))
    assert content(results, NAME) == b"picture"
    incoming.discard()
    assert content(results, NAME) == b"picture"


def test_a_discarded_file_leaves_nothing(results: ResultStorage) -> None:
    for finished in (False, True):
        incoming = results.receive()
        incoming.write(b"half")
        if finished:
            incoming.finish()
        incoming.discard()
        incoming.discard()
    assert results.unknown(()) == []
    assert results.clear_incoming() == []


def test_two_files_come_in_at_the_same_time(results: ResultStorage) -> None:
    one, other = results.receive(), results.receive()
    for letter in b"abc":
        one.write(bytes([letter]))
        other.write(bytes([letter - 32]))
    for incoming in (one, other):
        incoming.finish()
    other.keep("b.png", digest(b"ABC"))
    one.keep("a.png", digest(b"abc"))
    assert (content(results, "a.png"), content(results, "b.png")) == (b"abc", b"ABC")


def test_a_part_is_read(results: ResultStorage) -> None:
    put(results, NAME, b"0123456789")
    with contextlib.closing(results.open(NAME)) as reader:
        assert reader.read(3, 4) == b"3456"
        assert reader.read(8, 100) == b"89"
        assert reader.read(10, 1) == b""
        assert reader.read(0, 1) == b"0"


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(data=st.binary(min_size=1, max_size=300), cuts=st.lists(st.integers(1, 60), min_size=1))
def test_any_pieces_of_any_file_are_its_bytes(
    results: ResultStorage, data: bytes, cuts: list[int]
) -> None:
    put(results, NAME, data)
    with contextlib.closing(results.open(NAME)) as reader:
        at, read = 0, bytearray()
        for length in cuts * len(data):
            read += reader.read(at, length)
            at = len(read)
    assert bytes(read) == data


def test_a_file_that_is_read_may_be_deleted(results: ResultStorage) -> None:
    put(results, NAME, b"picture")
    with contextlib.closing(results.open(NAME)) as reader:
        assert reader.read(0, 1) == b"p"
        results.delete(NAME)
        assert reader.read(1, 6) == b"icture"
    assert results.size(NAME) is None
    with pytest.raises(FileNotFoundError):
        results.open(NAME)
    results.delete(NAME)


def test_the_same_file_again_is_one_file(results: ResultStorage) -> None:
    put(results, NAME, b"picture")
    put(results, NAME, b"picture")
    assert results.unknown(()) == [NAME]


def test_another_file_in_the_way_is_set_aside(results: ResultStorage) -> None:
    put(results, NAME, b"genuine")
    put(results, NAME, b"again")
    assert content(results, NAME) == b"again"
    put(results, NAME, b"once more")
    first = results.set_aside(NAME)
    assert NAME in first
    assert results.unknown(()) == []


def test_what_belongs_to_no_job_is_told(results: ResultStorage) -> None:
    for name in ("b.png", NAME, "a.png"):
        put(results, name, b"x")
    assert results.unknown({NAME}) == ["a.png", "b.png"]
    assert "a.png" in results.where("a.png")


def test_what_a_crash_left_on_its_way_in_is_cleared(results: ResultStorage) -> None:
    put(results, NAME, b"picture")
    left = results.receive()
    left.write(b"half")
    left.finish()
    assert results.clear_incoming() == []
    assert results.unknown({NAME}) == []
    assert content(results, NAME) == b"picture"
    results.prepare()
