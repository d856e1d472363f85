"""Versions in their order."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from studio_worker_core.updates.versions import is_prerelease, newest, order_of

IN_ORDER = [
    "0.9",
    "1.0.dev1",
    "1.0a1.dev2",
    "1.0a1",
    "1.0a2",
    "1.0b1",
    "1.0rc1",
    "v1.0.0",
    "1.0.post1",
    "1.0.1",
    "1.2",
    "1.10",
    "2!",
]


def test_versions_are_in_order() -> None:
    orders = [order_of(text) for text in IN_ORDER[:-1]]
    assert None not in orders
    assert orders == sorted(orders)  # type: ignore[type-var]
    assert len(set(orders)) == len(orders)


@pytest.mark.parametrize("text", ["", "latest", "2!", "1.0-beta-of-mine", "1" * 30])
def test_what_is_no_version_is_none(text: str) -> None:
    assert order_of(text) is None


def test_the_newest_passes_over_what_is_to_be_tried_out_unless_asked() -> None:
    versions = ["0.1.0", "0.3.0rc1", "0.2.0", "nonsense", "0.2.0.dev4"]
    assert newest(versions, prereleases=False) == "0.2.0"
    assert newest(versions, prereleases=True) == "0.3.0rc1"
    assert newest(["nonsense"], prereleases=True) is None
    assert [is_prerelease(text) for text in versions] == [False, True, False, False, True]


@given(st.text(max_size=40))
def test_any_text_is_a_version_or_none(text: str) -> None:
    order_of(text)


@given(st.lists(st.integers(0, 99), min_size=1, max_size=4))
def test_zeros_at_the_end_mean_nothing(parts: list[int]) -> None:
    text = ".".join(map(str, parts))
    assert order_of(text) == order_of(f"{text}.0")
