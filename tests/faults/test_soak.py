"""A minute of random jobs and random faults, after which the books must balance."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.soak.report import report
from tests.soak.run import soak


@pytest.mark.timeout(420)
def test_after_a_minute_of_random_faults_the_books_balance(tmp_path: Path) -> None:
    outcome = soak(tmp_path, seconds=60, seed=20240, say=print)
    print(report(outcome))
    assert outcome.faults == []
    assert outcome.books.states["done"] > 20
