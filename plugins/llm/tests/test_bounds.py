"""With what context, threads and layers a model is loaded."""

from __future__ import annotations

import pytest

from studio_worker_core.errors import InvalidTask
from studio_worker_core.plugin import CliDefaults, Place
from studio_worker_llm.bounds import (
    CONTEXT_VARIABLE,
    LAYERS_VARIABLE,
    THREADS_VARIABLE,
    LoadSettings,
    load_settings,
)

NONE = CliDefaults()


def test_the_context_is_the_sources_else_8192_or_what_the_model_has() -> None:
    assert load_settings(CliDefaults(context_size=32768), 4096, {}, 4).context == 32768
    assert load_settings(NONE, None, {}, 4).context == 8192
    assert load_settings(NONE, 131072, {}, 4).context == 8192
    assert load_settings(NONE, 2048, {}, 4).context == 2048
    assert load_settings(NONE, 2048, {CONTEXT_VARIABLE: "512"}, 4).context == 512
    asked = load_settings(CliDefaults(context_size=9), 2048, {CONTEXT_VARIABLE: "512"}, 4)
    assert asked.context == 9


def test_half_the_cpus_compute_unless_the_environment_says() -> None:
    for cores, threads in ((1, 1), (2, 1), (8, 4)):
        assert load_settings(NONE, None, {}, cores).threads == threads
    assert load_settings(NONE, None, {THREADS_VARIABLE: " 6 "}, 2).threads == 6
    assert load_settings(NONE, None, {}).threads >= 1


def test_layers_go_to_the_card_as_they_fit_unless_somebody_says() -> None:
    assert load_settings(NONE, None, {}, 4).gpu_layers == -1
    assert load_settings(CliDefaults(offload_to_cpu=True), None, {}, 4).gpu_layers == 0
    environment = {LAYERS_VARIABLE: "20"}
    told = load_settings(CliDefaults(offload_to_cpu=True, mmap=False), None, environment, 4)
    assert told == LoadSettings(8192, 2, 20, mmap=False)
    assert load_settings(NONE, None, {LAYERS_VARIABLE: "-1"}, 4).gpu_layers == -1


@pytest.mark.parametrize("name", [CONTEXT_VARIABLE, THREADS_VARIABLE, LAYERS_VARIABLE])
@pytest.mark.parametrize("text", ["many", "1.5", "-2", "9" * 30, "٣"])
def test_a_setting_that_is_no_number_is_named(name: str, text: str) -> None:
    with pytest.raises(InvalidTask, match=f"{name}=.* is no whole number from"):
        load_settings(NONE, None, {name: text}, 4)


def test_what_the_operator_set_comes_first() -> None:
    told = load_settings(NONE, None, {THREADS_VARIABLE: "6"}, 4, place=Place("cpu", threads=3))
    assert (told.threads, told.gpu_layers) == (3, 0)


def test_a_context_nobody_has_is_refused() -> None:
    with pytest.raises(InvalidTask, match="contextSize"):
        load_settings(CliDefaults(context_size=2**40), None, {}, 4)
