"""Chats about pictures: a tiny model with a tiny projector."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from plugins.llm.tests.models.chat_bench import Chat, ChatBench
from plugins.llm.tests.models.tiny_projector import write_projector
from studio_worker_core.errors import EngineFailed, InvalidTask
from studio_worker_core.plugin import Model

pytestmark = [pytest.mark.models, pytest.mark.timeout(600)]

TOKENS = 4
"""What the tiny projector makes of a picture."""


@pytest.fixture(scope="module")
def seeing(models: Path, tmp_path_factory: pytest.TempPathFactory) -> Model:
    eyes = write_projector(tmp_path_factory.mktemp("eyes") / "mmproj.gguf")
    return Model("seeing", {"model": [models / "random.gguf"], "text-encoder-vision": [eyes]})


@pytest.fixture
def pictures(tmp_path: Path) -> dict[str, Path]:
    made = {name: tmp_path / f"{name}.webp" for name in ("red", "blue")}
    for name, path in made.items():
        Image.new("RGB", (50, 40), name).save(path, lossless=True)
    return made


def about(bench: ChatBench, model: Model, *shown: Path) -> Chat:
    inputs = {f"image_{number}": path for number, path in enumerate(shown, 1)}
    images = ["data:image/webp;base64,AAAA"] * len(shown) or None
    return bench.chat(model, ("user", "what?"), images=images, inputs=inputs, max_tokens=20)


def test_what_is_in_a_picture_counts(
    bench: ChatBench, seeing: Model, pictures: dict[str, Path]
) -> None:
    none = about(bench, seeing)
    red, blue, again = (about(bench, seeing, pictures[name]) for name in ("red", "blue", "red"))
    assert len({none.text, red.text, blue.text}) == 3
    assert again.text == red.text
    assert red.given == none.given + TOKENS


def test_every_picture_is_read(bench: ChatBench, seeing: Model, pictures: dict[str, Path]) -> None:
    one, two = about(bench, seeing, pictures["red"]), about(bench, seeing, *pictures.values())
    assert two.given == one.given + TOKENS


def test_a_broken_picture_is_refused_and_the_next_is_read(
    bench: ChatBench, seeing: Model, pictures: dict[str, Path], tmp_path: Path
) -> None:
    broken = tmp_path / "broken.webp"
    broken.write_bytes(pictures["red"].read_bytes()[:20])
    with pytest.raises(InvalidTask, match="images"):
        about(bench, seeing, broken)
    assert about(bench, seeing, pictures["red"]).given


def test_a_projector_of_another_model_is_a_failure_in_words(
    bench: ChatBench, models: Path, tmp_path: Path
) -> None:
    other = write_projector(tmp_path / "other.gguf", width=96)
    files = {"model": [models / "random.gguf"], "mmproj": [other]}
    with pytest.raises(EngineFailed, match=r"cannot load 'mismatched'.*mismatch"):
        bench.chat(Model("mismatched", files))
