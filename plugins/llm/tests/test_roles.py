"""Which file of a model goes where."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from plugins.llm.tests.tiny_gguf import write_gguf
from studio_worker_core.errors import InvalidTask
from studio_worker_core.plugin import Model
from studio_worker_llm.gguf import Value
from studio_worker_llm.roles import ModelFiles, files_of

CHAT: Mapping[str, Value] = {
    "general.architecture": "qwen3",
    "qwen3.context_length": 32768,
    "tokenizer.chat_template": "{{ messages }}",
}
BARE = {name: value for name, value in CHAT.items() if "template" not in name}
PROJECTOR = {"general.architecture": "clip"}


def sorted_files(facts: Mapping[str, Mapping[str, Value]], **roles: list[str]) -> ModelFiles:
    """Sort files with the metadata of ``facts``; ``_`` in a role stands for a hyphen."""
    files = {role.replace("_", "-"): [Path(n) for n in names] for role, names in roles.items()}
    return files_of(Model("m", files), lambda path: facts[path.name])


def parts(count: int) -> dict[str, Mapping[str, Value]]:
    return {
        f"m-{number + 1:05}-of-{count:05}.gguf": {
            **(CHAT if number == 0 else {}),
            "split.no": number,
            "split.count": count,
        }
        for number in range(count)
    }


def test_a_model_is_one_file() -> None:
    assert sorted_files({"m.gguf": CHAT}, model=["m.gguf"]) == ModelFiles(
        Path("m.gguf"), trained_context=32768
    )


def test_a_projector_goes_with_it() -> None:
    facts = {"m.gguf": CHAT, "mmproj.gguf": PROJECTOR}
    for role in ("text_encoder_vision", "mmproj"):
        found = sorted_files(facts, model=["m.gguf"], **{role: ["mmproj.gguf"]})
        assert found.projector == Path("mmproj.gguf")


def test_a_template_of_the_source_counts(tmp_path: Path) -> None:
    template = tmp_path / "chat.jinja"
    template.write_text("{{ messages[0].content }}", "utf-8")
    weights = write_gguf(tmp_path / "m.gguf", BARE)
    files = {"model": [weights], "chat-template": [template]}
    assert files_of(Model("m", files)).template == "{{ messages[0].content }}"


@pytest.mark.parametrize("data", [b"", b" \n", b"\xff\xfe", b"x" * (1024 * 1024 + 1)])
def test_a_template_that_is_none_is_refused(tmp_path: Path, data: bytes) -> None:
    template = tmp_path / "chat.jinja"
    template.write_bytes(data)
    files = {"model": [write_gguf(tmp_path / "m.gguf", CHAT)], "chat-template": [template]}
    with pytest.raises(InvalidTask, match=r"chat\.jinja is no"):
        files_of(Model("m", files))


def test_all_parts_of_a_split_model_are_needed_in_any_order() -> None:
    facts = parts(3)
    names = list(facts)
    for order in (names, names[::-1]):
        assert sorted_files(facts, model=order).model == Path(names[0])
    for given in (names[:2], names[1:], [*names[:2], names[0]]):
        with pytest.raises(InvalidTask, match=r"one of 3 parts.*needs each part once"):
            sorted_files(facts, model=given)


def test_parts_have_the_names_that_llama_cpp_looks_for() -> None:
    facts = parts(2)
    second = facts.pop("m-00002-of-00002.gguf")
    facts["other.gguf"] = second
    with pytest.raises(InvalidTask, match=r"ends in -00002-of-00002\.gguf"):
        sorted_files(facts, model=list(facts))


def test_a_model_without_a_template_is_refused_with_the_remedy() -> None:
    for bare in (BARE, {**BARE, "tokenizer.chat_template": ""}):
        with pytest.raises(InvalidTask, match=r"no chat template.*role chat-template"):
            sorted_files({"m.gguf": bare}, model=["m.gguf"])


@pytest.mark.parametrize(
    ("roles", "words"),
    [
        ({}, "names no file of role 'model'"),
        ({"model": ["m.gguf", "n.gguf"]}, r"m\.gguf and n\.gguf are both a model"),
        ({"model": ["p.gguf"]}, "is a projector for pictures and no model"),
        ({"model": ["m.gguf"], "vae": ["v"]}, "no use for files of role 'vae'"),
        ({"model": ["m.gguf"], "text_encoder_vision": ["n.gguf"]}, "is no projector"),
        ({"model": ["m.gguf"], "text_encoder_vision": ["p.gguf", "p.gguf"]}, "takes one"),
        ({"model": ["m.gguf"], "chat_template": ["a", "b"]}, "2 chat templates"),
    ],
)
def test_files_that_make_no_model_are_refused(roles: dict[str, list[str]], words: str) -> None:
    with pytest.raises(InvalidTask, match=words):
        sorted_files({"m.gguf": CHAT, "n.gguf": CHAT, "p.gguf": PROJECTOR}, **roles)
