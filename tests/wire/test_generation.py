"""How a result was made, as peers say it: broken is the same as not said."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from studio_worker_core.wire.generation import LONGEST_META, GenerationMeta, meta_from

WHOLE = GenerationMeta(
    engine="sd-cpp",
    engine_version="1.2",
    model="flux",
    seed=2**64 - 1,
    steps=20,
    width=512,
    height=768,
    seconds=1.5,
    agent_version="0.1.0",
)


def test_its_names_and_numbers_on_the_wire() -> None:
    assert msgspec.json.decode(msgspec.json.encode(WHOLE)) == {
        "engine": "sd-cpp",
        "engineVersion": "1.2",
        "model": "flux",
        "seed": 18446744073709551615,
        "steps": 20,
        "width": 512,
        "height": 768,
        "seconds": 1.5,
        "agentVersion": "0.1.0",
    }


def test_what_is_written_is_read_as_bytes_and_as_a_part_of_a_frame() -> None:
    data = msgspec.json.encode(WHOLE)
    assert meta_from(data) == WHOLE
    assert meta_from(msgspec.json.decode(data)) == WHOLE


def test_keys_that_nobody_knows_are_ignored() -> None:
    assert meta_from({"seed": 7, "mood": {"a": [1]}}) == GenerationMeta(seed=7)


@pytest.mark.parametrize(
    "broken",
    [
        None,
        7,
        "seed",
        [],
        {"seed": -1},
        {"seed": 2**64},
        {"seed": "7"},
        {"seed": 1.5},
        {"seed": True},
        {"steps": 0},
        {"width": 10**9},
        {"seconds": -1},
        {"model": "m" * 513},
        {"engine": {"name": "x"}},
        {"engine": "\ud800"},
        b"",
        b"\xff\xfe",
        b'{"seed": 7',
        b'{"seed": 7, "model": "\\ud800"}',
        b'{"x":' * 3000,
        b'{"seed": 7, "x": "' + b"y" * LONGEST_META + b'"}',
    ],
)
def test_a_broken_one_is_none(broken: Any) -> None:
    assert meta_from(broken) is None


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


@given(st.binary() | _JSON | st.fixed_dictionaries({"seed": _JSON, "steps": _JSON}))
def test_whatever_comes_is_read_or_none(value: Any) -> None:
    found = meta_from(value)
    assert found is None or meta_from(msgspec.json.encode(found)) == found
