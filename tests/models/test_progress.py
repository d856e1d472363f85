"""Progress is told now and then, adds up, and never steps back."""

from __future__ import annotations

import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st

from studio_worker_core.models.progress import DownloadProgress, FileProgress
from studio_worker_core.wire.models import ModelFile


def file(name: str, approx: int | None = None) -> ModelFile:
    return ModelFile(role="model", url="https://hub.example/x", filename=name, approx_bytes=approx)


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_two_files_add_up_to_one_share() -> None:
    told: list[tuple[float, str]] = []
    clock = Clock()
    one, two = file("one", 300), file("two", 100)
    progress = DownloadProgress([one, two], lambda *args: told.append(args), None, clock=clock)
    clock.now = 1
    progress.reporter(one)(150, 300)
    clock.now = 2
    progress.reporter(two)(50, 100)
    assert told == [
        (0.375, "downloading one: 150 bytes of 400 bytes"),
        (0.5, "downloading two: 200 bytes of 400 bytes"),
    ]


def test_it_is_told_at_most_four_times_a_second() -> None:
    told: list[float] = []
    clock = Clock()
    one = file("one", 1000)
    progress = DownloadProgress([one], lambda share, _: told.append(share), None, clock=clock)
    for step in range(1000):
        clock.now = step / 100
        progress.reporter(one)(step, 1000)
    assert 35 <= len(told) <= 40


@given(st.lists(st.tuples(st.integers(0, 500), st.one_of(st.none(), st.integers(0, 500)))))
def test_the_share_only_grows_and_stays_a_share(steps: list[tuple[int, int | None]]) -> None:
    told: list[float] = []
    clock = Clock()
    one = file("one")
    progress = DownloadProgress([one], lambda share, _: told.append(share), None, clock=clock)
    for done, total in steps:
        clock.now += 1
        progress.reporter(one)(done, total)
    assert told == sorted(told)
    assert all(0 <= share <= 1 for share in told)


def test_a_long_download_is_logged_now_and_then(caplog: pytest.LogCaptureFixture) -> None:
    clock = Clock()
    one = file("one")
    progress = DownloadProgress([one], None, None, clock=clock)
    with caplog.at_level(logging.INFO):
        for second in range(100):
            clock.now = float(second)
            progress.reporter(one)(second * 10**8, 10**10)
    assert len(caplog.records) == 3
    assert "3.0 GB of 10.0 GB" in caplog.text


def test_a_complete_file_says_so() -> None:
    each: list[FileProgress] = []
    one = file("one", 10)
    DownloadProgress([one], None, each.append).present(one)
    assert each == [FileProgress("one", 10, 10, is_complete=True)]
