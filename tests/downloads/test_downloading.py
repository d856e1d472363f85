"""A server may do what it likes; the store has the right file or none."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from studio_worker_core.errors import DownloadFailed, JobCancelled, ModelStoreError
from tests.downloads.file_server import Answer, FileServer, Kitchen, content, one_file
from tests.support.ports import refusing_port

SIZE = 3_000_000
DATA = content(SIZE)


def test_a_good_server_is_asked_once(server: FileServer, kitchen: Kitchen) -> None:
    url = server.serve("/m.bin", DATA)
    paths = kitchen.store().ensure(one_file(url, DATA), "tiny")
    assert paths == {"model": (kitchen.root / "tiny" / "weights.bin",)}
    assert paths["model"][0].read_bytes() == DATA
    assert len(server.requests) == 1
    assert kitchen.leftovers() == []


def test_a_cut_connection_is_resumed_where_it_ended(server: FileServer, kitchen: Kitchen) -> None:
    url = server.serve("/m.bin", DATA, Answer(cut_after=1_000_000), Answer(cut_after=700_000))
    path = kitchen.store().ensure(one_file(url, DATA), "tiny")["model"][0]
    assert path.read_bytes() == DATA
    ranges = [request.headers.get("range") for request in server.requests]
    assert ranges == [None, "bytes=1000000-", "bytes=1700000-"]
    assert server.requests[1].headers["if-range"] == server.etags["/m.bin"]
    assert kitchen.leftovers() == []


def test_a_server_that_cuts_every_connection_is_outlasted(
    server: FileServer, kitchen: Kitchen
) -> None:
    url = server.serve("/m.bin", DATA)
    server.always["/m.bin"] = Answer(cut_after=300_000)
    path = kitchen.store().ensure(one_file(url, DATA), "tiny")["model"][0]
    assert path.read_bytes() == DATA
    assert len(server.requests) == 10


def test_a_part_of_an_earlier_run_is_taken_up_and_hashed_again(
    server: FileServer, kitchen: Kitchen
) -> None:
    cuts = [Answer(cut_after=1_000_000)] + [Answer(cut_after=0)] * 3
    url = server.serve("/m.bin", DATA, *cuts)
    with pytest.raises(DownloadFailed):
        kitchen.store().ensure(one_file(url, DATA), "tiny")
    assert kitchen.leftovers() == ["weights.bin.part", "weights.bin.part.json"]
    assert not (kitchen.root / "tiny" / "weights.bin").exists()
    path = kitchen.store().ensure(one_file(url, DATA), "tiny")["model"][0]
    assert path.read_bytes() == DATA
    assert server.requests[-1].headers["range"] == "bytes=1000000-"
    assert kitchen.leftovers() == []


def test_a_damaged_part_is_found_by_the_checksum_and_fetched_anew(
    server: FileServer, kitchen: Kitchen
) -> None:
    url = server.serve("/m.bin", DATA, Answer(cut_after=1_000_000), *[Answer(cut_after=0)] * 3)
    with pytest.raises(DownloadFailed):
        kitchen.store().ensure(one_file(url, DATA), "tiny")
    part = kitchen.root / "tiny" / "weights.bin.part"
    part.write_bytes(b"x" * 1_000_000)
    path = kitchen.store().ensure(one_file(url, DATA), "tiny")["model"][0]
    assert path.read_bytes() == DATA


def test_a_file_that_changed_on_the_server_is_not_stitched_together(
    server: FileServer, kitchen: Kitchen
) -> None:
    url = server.serve("/m.bin", DATA, Answer(cut_after=1_000_000), *[Answer(cut_after=0)] * 3)
    with pytest.raises(DownloadFailed):
        kitchen.store().ensure(one_file(url), "tiny")
    other = content(SIZE, seed=2)
    server.serve("/m.bin", other)
    path = kitchen.store().ensure(one_file(url), "tiny")["model"][0]
    assert path.read_bytes() == other


def test_without_validator_and_checksum_nothing_is_resumed(
    server: FileServer, kitchen: Kitchen
) -> None:
    cuts = [Answer(cut_after=1_000_000), *[Answer(cut_after=0)] * 3]
    url = server.serve("/m.bin", DATA, *cuts, etag="")
    with pytest.raises(DownloadFailed):
        kitchen.store().ensure(one_file(url), "tiny")
    path = kitchen.store().ensure(one_file(url), "tiny")["model"][0]
    assert path.read_bytes() == DATA
    assert "range" not in server.requests[-1].headers


def test_a_server_that_ignores_ranges_sends_it_all_again(
    server: FileServer, kitchen: Kitchen
) -> None:
    url = server.serve("/m.bin", DATA, Answer(cut_after=1_000_000), Answer(ignores_ranges=True))
    path = kitchen.store().ensure(one_file(url, DATA), "tiny")["model"][0]
    assert path.read_bytes() == DATA


def test_a_server_that_ignores_ranges_and_never_gets_further_is_given_up(
    server: FileServer, kitchen: Kitchen
) -> None:
    url = server.serve("/m.bin", DATA)
    server.always["/m.bin"] = Answer(cut_after=1_000_000, ignores_ranges=True)
    with pytest.raises(DownloadFailed, match="gave up after 3 attempts") as caught:
        kitchen.store().ensure(one_file(url, DATA), "tiny")
    assert caught.value.retryable
    assert not (kitchen.root / "tiny" / "weights.bin").exists()


@pytest.mark.parametrize("start", [0, 999_999, 1_000_001])
def test_a_rest_that_starts_elsewhere_is_thrown_away(
    server: FileServer, kitchen: Kitchen, start: int
) -> None:
    url = server.serve("/m.bin", DATA, Answer(cut_after=1_000_000), Answer(starts_at=start))
    path = kitchen.store().ensure(one_file(url), "tiny")["model"][0]
    assert path.read_bytes() == DATA


def test_a_chunked_body_that_is_cut_is_resumed(server: FileServer, kitchen: Kitchen) -> None:
    url = server.serve("/m.bin", DATA, Answer(chunked=True, cut_after=900_000))
    path = kitchen.store().ensure(one_file(url, DATA), "tiny")["model"][0]
    assert path.read_bytes() == DATA
    assert server.requests[1].headers["range"] == "bytes=900000-"


@pytest.mark.parametrize("status", [429, 500, 502, 503])
def test_a_busy_server_is_asked_again(server: FileServer, kitchen: Kitchen, status: int) -> None:
    busy = Answer(status=status, headers={"Retry-After": "0"})
    url = server.serve("/m.bin", DATA, busy, busy)
    path = kitchen.store().ensure(one_file(url, DATA), "tiny")["model"][0]
    assert path.read_bytes() == DATA


@pytest.mark.parametrize(
    ("status", "words"), [(401, "STUDIO_WORKER_HUB_TOKEN"), (403, "restricted"), (404, "no such")]
)
def test_a_final_status_is_not_asked_again(
    server: FileServer, kitchen: Kitchen, status: int, words: str
) -> None:
    url = server.serve("/m.bin", DATA)
    server.always["/m.bin"] = Answer(status=status)
    with pytest.raises(DownloadFailed, match=words):
        kitchen.store().ensure(one_file(url, DATA), "tiny")
    assert len(server.requests) == 1


def test_a_server_that_is_not_there_is_a_failed_download(kitchen: Kitchen) -> None:
    with refusing_port() as port, pytest.raises(DownloadFailed, match="gave up"):
        kitchen.store().ensure(one_file(f"http://127.0.0.1:{port}/m.bin", DATA), "tiny")


def test_a_server_that_stops_sending_is_left_after_the_stall_time(
    server: FileServer, kitchen: Kitchen
) -> None:
    url = server.serve("/m.bin", DATA, Answer(stalls_after=500_000))
    store = kitchen.store(stall_seconds=3.0)
    assert store.ensure(one_file(url, DATA), "tiny")["model"][0].read_bytes() == DATA
    assert server.requests[1].headers["range"] == "bytes=500000-"


def test_cancelling_ends_a_stalled_download_at_once_and_keeps_the_part(
    server: FileServer, kitchen: Kitchen
) -> None:
    url = server.serve("/m.bin", DATA, Answer(stalls_after=500_000))
    cancel = threading.Event()
    failures: list[BaseException] = []

    def run() -> None:
        try:
            kitchen.store(stall_seconds=600.0).ensure(one_file(url, DATA), "tiny", cancel=cancel)
        except JobCancelled as error:
            failures.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    assert server.stalled.wait(60)
    cancel.set()
    thread.join(60)
    assert not thread.is_alive()
    assert [type(error) for error in failures] == [JobCancelled]
    assert kitchen.store().ensure(one_file(url, DATA), "tiny")["model"][0].read_bytes() == DATA


def test_a_full_disk_is_told_before_a_byte_with_needed_and_free(
    server: FileServer, kitchen: Kitchen
) -> None:
    url = server.serve("/m.bin", DATA)
    kitchen.free = 1_000_000
    with pytest.raises(ModelStoreError, match=r"needs 3\.0 MB .*only 1\.0 MB") as caught:
        kitchen.store().ensure(one_file(url, DATA), "tiny")
    assert caught.value.retryable
    kitchen.free = 10**12
    assert kitchen.store().ensure(one_file(url, DATA), "tiny")["model"][0].read_bytes() == DATA


def test_a_full_disk_is_told_from_the_estimate_without_asking_the_server(
    server: FileServer, kitchen: Kitchen
) -> None:
    url = server.serve("/m.bin", DATA)
    kitchen.free = 1_000_000
    with pytest.raises(ModelStoreError, match=str(SIZE)):
        kitchen.store().ensure(one_file(url, DATA, approx=SIZE), "tiny")
    assert server.requests == []


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_whatever_the_server_does_the_store_holds_the_right_file_or_none(
    server: FileServer, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    small = content(50_000, seed=5)
    offsets = st.one_of(st.none(), st.integers(0, len(small) - 1))
    answers = data.draw(
        st.lists(
            st.builds(
                Answer,
                cut_after=offsets,
                announced=st.one_of(st.none(), st.integers(0, 60_000)),
                ignores_ranges=st.booleans(),
                flipped=offsets,
                starts_at=offsets,
                chunked=st.booleans(),
                status=st.sampled_from([None, None, None, 200, 206, 416, 500]),
            ),
            max_size=6,
        )
    )
    kitchen = Kitchen(tmp_path_factory.mktemp("store"))
    url = server.serve("/m.bin", small, *answers)
    target: Path = kitchen.root / "tiny" / "weights.bin"
    try:
        path = kitchen.store(stall_seconds=0.5).ensure(one_file(url, small), "tiny")["model"][0]
    except ModelStoreError:
        assert not target.exists()
    else:
        assert path.read_bytes() == small
        assert kitchen.leftovers() == []
