"""LoRA tags in prompts."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from studio_worker_core.plugin import InvalidTask
from studio_worker_image.sdcpp.prompts import lora_directory, prompt_with_loras

_LORAS = (Path("/m/brush.safetensors"), Path("/m/ink.gguf"))


def test_every_lora_of_the_model_counts_fully_unless_the_prompt_says_otherwise() -> None:
    assert (
        prompt_with_loras("a cat<lora:ink:0.5>", _LORAS)
        == "<lora:brush.safetensors:1><lora:ink.gguf:0.5>a cat"
    )


def test_weight_0_leaves_a_lora_out_and_no_weight_is_1() -> None:
    assert (
        prompt_with_loras("<lora:brush.safetensors:0><lora:ink>x", _LORAS) == "<lora:ink.gguf:1>x"
    )


def test_loras_in_another_directory_are_reached_from_the_first() -> None:
    loras = (Path("/m/a.safetensors"), Path("/flat/b.safetensors"))
    assert lora_directory(loras) == Path("/m")
    assert prompt_with_loras("", loras).endswith("<lora:../flat/b.safetensors:1>")


@pytest.mark.parametrize(
    "prompt",
    ["<lora:/etc/passwd:1>", "<lora:../brush:1>", "<lora:|high_noise|brush:1>", "<lora::1>"],
)
def test_files_the_model_does_not_have_are_refused(prompt: str) -> None:
    with pytest.raises(InvalidTask, match="it has: brush, ink"):
        prompt_with_loras(prompt, _LORAS)


@pytest.mark.parametrize("weight", ["lots", "nan", "inf", "11", "-1e9"])
def test_a_weight_that_is_none_is_refused(weight: str) -> None:
    with pytest.raises(InvalidTask, match="no number from -10 to 10"):
        prompt_with_loras(f"<lora:ink:{weight}>", _LORAS)


@settings(deadline=None)
@given(st.lists(st.sampled_from(["<lora:", "ink", "x", ":1", ">", "<", ":"]), max_size=20))
def test_no_tag_but_ours_reaches_the_library(parts: list[str]) -> None:
    # The library's own pattern for tags.
    theirs = re.compile(r"<lora:([^:>]+):([^>]+)>")
    try:
        text = prompt_with_loras("".join(parts), _LORAS)
    except InvalidTask:
        return
    rest = text
    while found := theirs.search(rest):
        assert found[1] in ("brush.safetensors", "ink.gguf")
        rest = theirs.sub("", rest, count=1)
