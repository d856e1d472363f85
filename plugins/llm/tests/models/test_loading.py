"""Loading: files that are none, templates, and what a loaded model leaves open."""

from __future__ import annotations

from pathlib import Path

import psutil
import pytest

from plugins.llm.tests.models.chat_bench import ChatBench
from plugins.llm.tests.tiny_gguf import SENTENCE, rendered_length, write_gguf, write_model
from studio_worker_core.errors import EngineFailed, InvalidTask
from studio_worker_core.plugin import CliDefaults, Model

pytestmark = [pytest.mark.models, pytest.mark.timeout(600)]


def model(*files: Path, role: str = "model") -> Model:
    return Model(files[0].stem, {role: list(files)})


def test_a_second_chat_does_not_load_the_model_again(bench: ChatBench, chain: Model) -> None:
    bench.chat(chain)
    pid = bench.pid_of(chain)
    bench.chat(chain)
    assert bench.pid_of(chain) == pid


def test_broken_files_are_told_apart_and_the_next_model_loads(
    bench: ChatBench, chain: Model, models: Path, tmp_path: Path
) -> None:
    data = (models / "chain.gguf").read_bytes()
    for name, broken, kind, words in (
        ("page", b"<html>no model</html>", InvalidTask, "is no GGUF file"),
        ("header", data[:3000], InvalidTask, "damaged or cut short"),
        ("tensors", data[:-100_000], EngineFailed, "not within the file bounds"),
        ("kind", data.replace(b"llama", b"lxama"), EngineFailed, "architecture: 'lxama'"),
    ):
        path = tmp_path / f"{name}.gguf"
        path.write_bytes(broken)
        with pytest.raises(kind, match=words):
            bench.chat(model(path))
    assert bench.chat(chain).text == SENTENCE


def test_a_model_without_a_template_needs_one(bench: ChatBench, tmp_path: Path) -> None:
    bare = write_model(tmp_path / "bare.gguf", template=None)
    with pytest.raises(InvalidTask, match=r"bare\.gguf has no chat template"):
        bench.chat(model(bare))
    template = tmp_path / "chat.jinja"
    template.write_text("{{ bos_token }}{{ messages[0]['content'] }}!", "utf-8")
    files = {"model": [bare], "chat-template": [template]}
    assert bench.chat(Model("templated", files), ("user", "why?")).given == 1 + len("why?!")


def test_a_template_refuses_in_its_own_words(bench: ChatBench, tmp_path: Path) -> None:
    template = "{% if messages|length > 1 %}{{ raise_exception('one turn only') }}{% endif %}x"
    path = write_model(tmp_path / "strict.gguf", template=template)
    assert bench.chat(model(path)).text == SENTENCE
    with pytest.raises(InvalidTask, match="one turn only"):
        bench.chat(model(path), ("user", "a"), ("assistant", "b"), ("user", "c"))


def test_arguments_reach_the_template(bench: ChatBench, tmp_path: Path) -> None:
    template = "{{ bos_token }}{{ style }}{{ messages[-1]['content'] }}"
    path = write_model(tmp_path / "styled.gguf", template=template)
    styled = Model("styled", {"model": [path]}, CliDefaults(chat_template_kwargs={"style": "1234"}))
    assert bench.chat(styled, ("user", "hi")).given == 1 + len("1234hi")
    other = {"style": "12345678"}
    assert bench.chat(styled, ("user", "hi"), chat_template_kwargs=other).given == 1 + 10


def test_a_template_without_a_place_for_system_still_hears_it(
    bench: ChatBench, tmp_path: Path
) -> None:
    template = (
        "{{ bos_token }}{% for m in messages %}"
        "{% if m['role'] == 'system' %}{{ raise_exception('no system here') }}{% endif %}"
        "{{ m['role'] }}: {{ m['content'] }}\n{% endfor %}assistant:"
    )
    path = write_model(tmp_path / "folding.gguf", template=template)
    chat = bench.chat(model(path), ("user", "why?"), system="be brief")
    assert chat.given > rendered_length(("user", "why?")) + len("be brief")


def test_the_context_of_the_source_is_the_one(bench: ChatBench, models: Path) -> None:
    files = {"model": [models / "random.gguf"]}
    narrow = Model("narrow", files, CliDefaults(context_size=256))
    with pytest.raises(InvalidTask, match=r"context .* 256"):
        bench.chat(narrow, ("user", "x" * 300))


def test_weights_can_be_read_instead_of_mapped(bench: ChatBench, models: Path) -> None:
    files = {"model": [models / "chain.gguf"]}
    for name, mmap in (("mapped", True), ("read", False)):
        assert bench.chat(Model(name, files, CliDefaults(mmap=mmap))).text == SENTENCE


def test_a_projector_is_no_model(bench: ChatBench, tmp_path: Path) -> None:
    path = write_gguf(tmp_path / "mmproj.gguf", {"general.architecture": "clip"})
    with pytest.raises(InvalidTask, match="projector for pictures and no model"):
        bench.chat(model(path))


def test_a_loaded_model_cannot_be_reached_by_others(bench: ChatBench, chain: Model) -> None:
    bench.chat(chain)
    for connection in psutil.Process(bench.pid_of(chain)).net_connections("all"):
        if connection.family.name == "AF_UNIX":
            assert not connection.laddr or not Path(str(connection.laddr)).exists()
        else:
            assert connection.status != psutil.CONN_LISTEN
