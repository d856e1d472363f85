"""Which answers allow another try, and how the pauses before it grow."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from studio_worker_core.errors import HttpStatusError
from studio_worker_core.retrying import (
    Asking,
    Backoff,
    is_transient_status,
    retry_after_seconds,
)


@pytest.mark.parametrize(
    ("asking", "final"),
    [
        (Asking.RESULT, set(range(400, 500))),
        (Asking.DECISION, {401, 404}),
        (Asking.SESSION, {401, 404}),
        (Asking.FILE, set(range(300, 500)) - {408, 425, 429}),
    ],
)
def test_what_was_asked_says_after_which_answers_another_try_is_in_vain(
    asking: Asking, final: set[int]
) -> None:
    statuses = range(300, 600)
    assert {s for s in statuses if not is_transient_status(s, asking)} == final


@given(st.integers(300, 599))
def test_an_error_of_the_studio_is_judged_by_the_same_rule(status: int) -> None:
    assert HttpStatusError("complete", status, "").is_transient == is_transient_status(status)


def test_pauses_double_up_to_the_cap() -> None:
    backoff = Backoff(2.0, 30.0)
    assert [backoff.pause(failures) for failures in range(1, 7)] == [2, 4, 8, 16, 30, 30]


def test_the_first_failure_waits_for_the_first_pause() -> None:
    assert Backoff(1.0, 30.0).pause(1) == 1.0


def test_the_same_roll_gives_the_same_pause() -> None:
    backoff = Backoff(1.0, 8.0, high=1.25)
    assert [backoff.pause(2, roll) for roll in (0.0, 0.4, 0.4)] == [2.0, 2.2, 2.2]


def test_no_pause_is_shorter_than_the_shortest() -> None:
    assert Backoff(1.0, 300.0, low=0.0, shortest=0.1).pause(9, 0.0) == 0.1


@given(
    st.floats(0.001, 100),
    st.floats(0.001, 1000),
    st.floats(0, 1),
    st.floats(0, 1),
    st.floats(0, 1, exclude_max=True),
    st.integers(1, 5000),
)
def test_a_pause_is_never_below_the_schedule_nor_far_above_the_cap(
    first: float, longest: float, low: float, jitter: float, roll: float, failures: int
) -> None:
    pause = Backoff(first, longest, low, low + jitter).pause(failures, roll)
    plain = min(first * 2.0 ** min(failures - 1, 60), longest)
    assert plain * low * (1 - 1e-9) <= pause <= plain * (low + jitter) * (1 + 1e-9)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, None),
        ("7", 7.0),
        ("0.5", 0.5),
        ("-3", 0.0),
        ("1e9", 3600.0),
        ("nan", None),
        ("soon", None),
        ("Sun, 06 Nov 1994 08:49:37 GMT", 37.0),
        ("Sun, 06 Nov 1994 08:00:00 GMT", 0.0),
        ("Sun, 06 Nov 99999 08:00:00 GMT", None),
    ],
)
def test_retry_after_is_read_as_number_or_date(value: str | None, seconds: float | None) -> None:
    now = datetime(1994, 11, 6, 8, 49, 0, tzinfo=UTC)
    assert retry_after_seconds(value, now) == seconds
