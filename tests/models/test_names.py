"""A name from a studio is one plain path component, or refused."""

from __future__ import annotations

from pathlib import Path, PurePosixPath, PureWindowsPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from studio_worker_core.errors import SourceRefused
from studio_worker_core.models.names import model_directory, plain_file_name

BAD = [
    "",
    ".",
    "..",
    "../escape",
    "a/b",
    "a\\b",
    "/etc/passwd",
    "C:evil",
    "C:\\evil",
    "..\\..\\evil",
    ".hidden",
    " leading",
    "trailing ",
    "trailing.",
    "nul",
    "CON",
    "com1.bin",
    "LPT¹.txt",
    "aux .bin",
    "line\nbreak",
    "null\0byte",
    "escape\x1b[31m",
    "stream:ads",
    "que?ry",
    "st*r",
    "right\u202eleft",
    "x" * 201,
    "é" * 101,
    "\ud800",
    "model.part",
    "model.PART.json",
]


@pytest.mark.parametrize("name", BAD, ids=ascii)
def test_a_name_that_is_not_plain_is_refused(name: str) -> None:
    with pytest.raises(SourceRefused, match="refused"):
        plain_file_name(name)


@pytest.mark.parametrize(
    "name", ["model.gguf", "ae.safetensors", "my model (v2).bin", "模型.bin", "a..b", "console.txt"]
)
def test_a_plain_name_stays_as_it_is(name: str) -> None:
    assert plain_file_name(name) == name


@given(st.text(max_size=40))
def test_an_accepted_name_is_one_component_everywhere(name: str) -> None:
    try:
        plain_file_name(name)
    except SourceRefused:
        return
    assert PurePosixPath("/root", name).parent == PurePosixPath("/root")
    assert PureWindowsPath("C:/root", name).parent == PureWindowsPath("C:/root")
    assert PureWindowsPath(name).drive == ""


@given(st.text(max_size=120))
def test_a_model_directory_is_always_plain_and_never_hidden(model: str) -> None:
    name = model_directory(model)
    assert Path(name).name == name
    assert plain_file_name(name) == name
    assert name == name.lower()


@given(st.text(max_size=30), st.text(max_size=30))
def test_two_models_never_share_a_directory(one: str, other: str) -> None:
    if one != other:
        assert model_directory(one) != model_directory(other)


def test_a_simple_id_is_its_own_directory() -> None:
    assert model_directory("flux.1-dev") == "flux.1-dev"
    assert model_directory("black-forest/FLUX").startswith("black-forest-flux--")
