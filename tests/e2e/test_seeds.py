"""The seed of a picture, from the queue to the record of how it was made and back."""

from __future__ import annotations

from typing import Any

import pytest

from studio_worker_core import __version__
from tests.support.field import Field

ENGINES = ["synthetic", "procedural"]
SEEDS = [0, 1, 2**32 - 1, 2**32, 2**63, 2**64 - 1]


def made(standing: Field, engine: str, **task: Any) -> tuple[dict[str, Any], bytes]:
    whole = {"kind": "image", "prompt": "a fox", "width": 64, "height": 48, "ext": "png", **task}
    source = {"engine": engine, "files": []}
    job_id = standing.operator.submit(engine, whole, modelSource=source)
    job = standing.operator.wait_job(job_id)
    assert job["state"] == "done", job
    return job["meta"], standing.operator.result(job_id)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("asked", [{}, {"seed": -1}], ids=["without a seed", "below 0"])
def test_the_seed_that_was_drawn_is_on_record_and_makes_the_picture_again(
    standing: Field, engine: str, asked: dict[str, Any]
) -> None:
    meta, picture = made(standing, engine, steps=3, **asked)
    assert (meta["engine"], meta["model"], meta["agentVersion"]) == (engine, engine, __version__)
    assert (meta["steps"], meta["width"], meta["height"]) == (3, 64, 48)
    assert meta["seconds"] > 0
    assert meta["engineVersion"]
    again, same = made(standing, engine, steps=3, seed=meta["seed"])
    assert again["seed"] == meta["seed"]
    assert same == picture


@pytest.mark.parametrize("engine", ENGINES)
def test_every_seed_of_64_bits_is_another_picture(standing: Field, engine: str) -> None:
    pictures = set()
    for seed in SEEDS:
        meta, picture = made(standing, engine, seed=seed)
        assert meta["seed"] == seed
        pictures.add(picture)
    assert len(pictures) == len(SEEDS)


def test_an_answer_says_how_it_was_made_too(standing: Field) -> None:
    operator = standing.operator
    task = {"kind": "llm", "messages": [{"role": "user", "content": "hello"}]}
    source = {"engine": "synthetic", "files": []}
    job = operator.wait_job(operator.submit("synthetic", task, modelSource=source))
    assert job["meta"]["engine"] == "synthetic"
    assert "seed" not in job["meta"]
