"""What CONTRIBUTING.md says of the code is so."""

from __future__ import annotations

import re

import pytest

from tests.docs.blocks import ROOT
from tests.docs.places import places_in, table_rows

PAGE = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
_MOST_FILES = 3


def _sections(level: str) -> dict[str, str]:
    """Heading → what stands below it, up to the next heading of that level or above."""
    parts = re.split(rf"^(#{{1,{len(level)}}}) (.+)$", PAGE, flags=re.MULTILINE)
    found = zip(parts[1::3], parts[2::3], parts[3::3], strict=True)
    return {title: text for marks, title, text in found if marks == level}


def _recipes() -> dict[str, str]:
    first = PAGE.index("\n## Recipes")
    last = PAGE.index("\n## Where it is decided")
    return {
        title: text
        for title, text in _sections("###").items()
        if first < PAGE.index(f"### {title}\n") < last
    }


def _steps(recipe: str) -> str:
    return "\n".join(re.findall(r"^\d+\. .+$", recipe, re.MULTILINE))


def _questions() -> list[list[str]]:
    return table_rows(_sections("##")["Where it is decided"], "question")


def test_every_place_that_the_page_names_is_there() -> None:
    reasons = [reason for place in places_in(PAGE) if (reason := place.reason_against())]
    assert not reasons, "\n".join(reasons)


def test_there_is_a_recipe_for_what_people_add() -> None:
    names = " ".join(_recipes())
    for thing in ("frame", "task kind", "command", "config key", "engine", "database", "results"):
        assert thing in names


@pytest.mark.parametrize("name", list(_recipes()))
def test_a_recipe_names_the_files_to_touch_and_they_are_few(name: str) -> None:
    steps = places_in(_steps(_recipes()[name]))
    # What a class has to keep is read, not touched.
    touched = {place.file for place in steps if not place.file.endswith("/interface.py")}
    assert 1 <= len(touched) <= _MOST_FILES
    assert not any(place.is_test for place in steps)


def test_every_question_is_answered_with_its_hops() -> None:
    assert len(_questions()) == 8
    for question, hops, change in _questions():
        assert all(place.name for place in places_in(hops)), question
        assert places_in(hops), question
        assert len({place.file for place in places_in(change)}) <= _MOST_FILES, question


def test_the_words_of_the_house_are_used_and_the_retired_ones_are_not() -> None:
    retired = re.compile(r"\b(desk|crew|postman|carrying|shelf|tally|clerk|ledger)\b", re.I)
    assert retired.search(PAGE) is None
