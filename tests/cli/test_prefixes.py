"""The beginning of an id stands for it where no other begins so."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from studio_worker_core.cli.prefixes import AmbiguousId, whole_id


def test_a_whole_id_wins_over_those_that_begin_with_it() -> None:
    assert whole_id("job", ["job", "job-1", "job-2"], "jobs") == "job"


def test_the_beginning_of_one_is_that_one() -> None:
    assert whole_id("job-1", ["job-10", "job-20"], "jobs") == "job-10"


def test_the_candidates_are_named() -> None:
    with pytest.raises(AmbiguousId, match=r"7 jobs begin with 'job': job-0, job-1, .* and 2 more"):
        whole_id("job", [f"job-{n}" for n in range(7)], "jobs")


@given(st.text(max_size=5), st.lists(st.text(max_size=5), max_size=6))
def test_it_is_the_only_fit_or_none(given: str, known: list[str]) -> None:
    fitting = {each for each in known if given and each.startswith(given)}
    try:
        found = whole_id(given, known, "ids")
    except AmbiguousId:
        assert len(fitting) > 1
        assert given not in known
        return
    if given in known:
        assert found == given
    else:
        assert fitting == ({found} if found is not None else set())
