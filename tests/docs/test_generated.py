"""The generated pages say what the code says now."""

from __future__ import annotations

import pytest

pytest.importorskip("studio_worker_studio", reason="the studio plugin is not installed")

from tools.generate_docs import PAGES, REFERENCE


@pytest.mark.parametrize("name", PAGES)
def test_a_generated_page_is_current(name: str) -> None:
    written = (REFERENCE / name).read_text("utf-8")
    assert written == PAGES[name](), f"docs/reference/{name}: run 'make reference'"


def test_every_page_of_the_reference_is_generated() -> None:
    assert {path.name for path in REFERENCE.glob("*.md")} == set(PAGES)
