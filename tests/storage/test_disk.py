"""Room on a disk, in numbers and in words."""

from __future__ import annotations

from pathlib import Path

import pytest

from studio_worker_core.storage.disk import free_bytes, shown_bytes


def test_a_directory_that_is_not_there_yet_has_the_room_of_its_parent(tmp_path: Path) -> None:
    assert free_bytes(tmp_path / "not" / "yet" / "there") > 0


@pytest.mark.parametrize(
    ("count", "shown"),
    [
        (0, "0 bytes"),
        (999, "999 bytes"),
        (1000, "1.0 kB"),
        (3_200_000, "3.2 MB"),
        (7.5e9, "7.5 GB"),
        (2e12, "2.0 TB"),
    ],
)
def test_bytes_are_shown_in_units_people_use(count: float, shown: str) -> None:
    assert shown_bytes(count) == shown
