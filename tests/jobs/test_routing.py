from __future__ import annotations

import pytest

from studio_worker_core.errors import EngineMissing, InvalidTask
from studio_worker_core.jobs.routing import route
from tests.jobs.conftest import Bench


@pytest.mark.parametrize(
    ("engine", "extra"),
    [
        ("procedural", "image"),
        ("sd-cpp", "sd-cpp"),
        ("diffusers", "diffusers"),
        ("espeak", "tts"),
        ("formant", "tts"),
        ("coqui", "coqui"),
        ("motion", "video"),
    ],
)
def test_a_missing_engine_names_the_plugin_that_brings_it(
    bench: Bench, engine: str, extra: str
) -> None:
    with pytest.raises(EngineMissing) as caught:
        bench.do(bench.job(engine=engine))
    assert f"studio-worker[{extra}]" in str(caught.value)
    assert not caught.value.retryable
    assert bench.requests == []


def test_an_unknown_engine_says_where_to_look(bench: Bench) -> None:
    with pytest.raises(EngineMissing, match="no installed plugin offers engine 'mystery'"):
        route(bench.roster, bench.job(engine="mystery"))


def test_a_broken_engine_says_why_and_what_to_do(bench: Bench) -> None:
    with pytest.raises(EngineMissing, match=r"broken: cannot import numpy; pip install numpy"):
        route(bench.roster, bench.job(engine="sad"))


def test_a_kind_the_engine_does_not_do_is_refused(bench: Bench) -> None:
    with pytest.raises(InvalidTask, match=r"does not do video jobs \(it does image, llm, mesh\)"):
        route(bench.roster, bench.job(bench.film))


def test_a_model_the_engine_does_not_serve_is_refused_with_its_models(bench: Bench) -> None:
    with pytest.raises(InvalidTask, match=r"'paint' for llm jobs \(it serves chat\)"):
        route(bench.roster, bench.job(bench.chat, model="paint"))


def test_an_engine_for_any_model_takes_any_model_of_that_kind(bench: Bench) -> None:
    assert route(bench.roster, bench.job(model="whatever")).engine == "toy"
