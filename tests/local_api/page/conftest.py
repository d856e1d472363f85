from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.local_api.conftest import NAMES, SMALL
from tests.local_api.page.browsing import Visitor
from tests.local_api.served_here import ServedHere


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedHere]:
    with ServedHere(tmp_path_factory.mktemp("page"), NAMES, [SMALL]) as served:
        yield served


@pytest.fixture
def visitor(here: ServedHere) -> Iterator[Visitor]:
    with Visitor(here.url) as visitor:
        yield visitor.sign_in()
