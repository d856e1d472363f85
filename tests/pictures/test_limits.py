"""Limits on a job, and the size it gets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import pytest

from studio_worker_core.pictures.limits import PictureLimits, size_of
from studio_worker_core.plugin import CliDefaults, ImageTask, InvalidTask, VideoTask


class Pages(PictureLimits, frozen=True):
    VARIABLES: ClassVar[Mapping[str, str]] = {"pages": "MAX_PAGES"}
    pages: int = 10


def test_what_is_over_a_limit_is_refused_with_the_variable_that_raises_it() -> None:
    Pages().refuse_over("pages", "10 pages", 10)
    with pytest.raises(InvalidTask, match=r"11 pages is more than the 10 .* set MAX_PAGES"):
        Pages().refuse_over("pages", "11 pages", 11)


def test_the_environment_sets_limits_and_zero_is_none() -> None:
    assert Pages.from_environment({"MAX_PAGES": " 20 "}) == Pages(20)
    Pages.from_environment({"MAX_PAGES": "0"}).refuse_over("pages", "1e9 pages", 1e9)
    assert Pages.from_environment({"MAX_PAGES": ""}) == Pages()


@pytest.mark.parametrize("text", ["-1", "1.5", "ten", "²"])
def test_a_variable_that_is_no_whole_number_is_told(text: str) -> None:
    with pytest.raises(InvalidTask, match="MAX_PAGES="):
        Pages.from_environment({"MAX_PAGES": text})


@pytest.mark.parametrize("kind", [ImageTask, VideoTask])
def test_a_size_is_the_models_where_the_task_names_none(
    kind: type[ImageTask] | type[VideoTask],
) -> None:
    defaults = CliDefaults(width=1024, height=576)
    own = kind(prompt="x")
    assert size_of(own, defaults) == (1024, 576)
    assert size_of(own, CliDefaults()) == (own.width, own.height)
    assert size_of(kind(prompt="x", width=640), defaults) == (640, own.height)
