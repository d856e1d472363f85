"""What is wrong with a value, without a word of the library that noticed."""

from __future__ import annotations

from typing import Any, Literal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from studio_worker_core.models.entries import CatalogueEntry
from studio_worker_core.wire.complaints import in_words, place_of
from studio_worker_core.wire.tasks import AudioSttTask, ImageTask, LlmTask, VideoTask

KINDS = {ImageTask: "image", VideoTask: "video", AudioSttTask: "audio_stt", LlmTask: "llm"}


class Repeated(msgspec.Struct):
    times: Literal["once", "twice"]


def refusal(kind: type, value: dict[str, Any]) -> msgspec.ValidationError:
    with pytest.raises(msgspec.ValidationError) as caught:
        msgspec.convert({"kind": KINDS[kind], **value} if kind in KINDS else value, kind)
    return caught.value


@pytest.mark.parametrize(
    ("kind", "value", "place", "words"),
    [
        (ImageTask, {"prompt": "x", "width": 0}, "width", "expected a whole number of at least 1"),
        (ImageTask, {"prompt": 5}, "prompt", "expected text, got a whole number"),
        (ImageTask, {"prompt": "x", "ext": "P!"}, "ext", "expected letters and digits only"),
        (ImageTask, {}, "", "'prompt' is missing"),
        (ImageTask, {"prompt": "x", "seed": 2**64}, "", f"seed must be at most {2**64 - 1}"),
        (VideoTask, {"prompt": "x", "fps": 0}, "fps", "expected a number greater than 0"),
        (
            Repeated,
            {"times": "often"},
            "times",
            "'often' is none of the known ones",
        ),
        (
            LlmTask,
            {"messages": [{"role": "a", "content": 5}]},
            "messages[0].content",
            "expected text, got a whole number",
        ),
        (
            LlmTask,
            {"messages": [], "stop": ["x"] * 65},
            "stop",
            "expected a list of at most 64 entries",
        ),
        (CatalogueEntry, {"id": "", "source": {"engine": "e"}}, "id", "of at least 1 characters"),
        (CatalogueEntry, {"id": "x", "source": 5}, "source", "expected a table, got a whole"),
    ],
)
def test_a_complaint_is_in_words(kind: type, value: dict[str, Any], place: str, words: str) -> None:
    error = refusal(kind, value)
    assert place_of(error) == place
    assert words in in_words(error)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


@given(
    st.dictionaries(
        st.sampled_from(["prompt", "width", "steps", "seed", "denoise", "ext", "inputUrl", "stop"])
        | st.text(),
        JSON,
    )
)
def test_no_complaint_shows_types_or_paths_of_the_library(value: dict[str, Any]) -> None:
    said = []
    for kind, name in KINDS.items():
        try:
            msgspec.convert({**value, "kind": name}, kind)
        except msgspec.ValidationError as error:
            said.append((in_words(error), place_of(error)))
    for words, place in said:
        assert words
        assert not any(sign in words for sign in ("Expected", "$.", "`int", "regex"))
        assert not place.startswith(("$", "."))
