"""The metadata of GGUF files, whole and broken."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from plugins.llm.tests.tiny_gguf import write_gguf, write_model
from studio_worker_core.errors import InvalidTask
from studio_worker_llm.gguf import metadata_of


def test_values_are_read_and_lists_are_passed_over(tmp_path: Path) -> None:
    facts = {
        "general.architecture": "llama",
        "a.list": ["one", "two"],
        "another": [1, 2, 3],
        "numbers": [0.5, 1.5],
        "llama.context_length": 4096,
        "a.float": 0.5,
        "a.flag": True,
        "tokenizer.chat_template": "{{ 'ü' }}",
    }
    for version in (2, 3):
        read = metadata_of(write_gguf(tmp_path / "m.gguf", facts, version=version))
        assert read == {k: v for k, v in facts.items() if not isinstance(v, list)}


def test_a_whole_model_is_read(tmp_path: Path) -> None:
    read = metadata_of(write_model(tmp_path / "m.gguf", context=77))
    assert read["llama.context_length"] == 77
    assert "assistant" in str(read["tokenizer.chat_template"])


def test_every_cut_of_a_header_is_told(tmp_path: Path) -> None:
    path = write_gguf(tmp_path / "m.gguf", {"a": "text", "b": [1, 2], "c": ["x"], "d": 1.0})
    data = path.read_bytes()
    end = data.index(b"d", data.index(b"x")) + 1 + 4 + 4
    for length in range(len(b"GGUF"), end):
        path.write_bytes(data[:length])
        with pytest.raises(InvalidTask, match=r"m\.gguf is damaged or cut short"):
            metadata_of(path)
    path.write_bytes(data[:end])
    assert metadata_of(path)["d"] == 1.0


@pytest.mark.parametrize("data", [b"", b"<html>", b"gguf" + bytes(40)])
def test_what_is_no_gguf_file_is_told(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "m.gguf"
    path.write_bytes(data)
    with pytest.raises(InvalidTask, match=r"m\.gguf is no GGUF file: it begins with b"):
        metadata_of(path)


@pytest.mark.parametrize("version", [1, 4, 2**24])
def test_another_version_is_told(tmp_path: Path, version: int) -> None:
    path = write_gguf(tmp_path / "m.gguf", {}, version=version)
    with pytest.raises(InvalidTask, match=f"GGUF of version {version}"):
        metadata_of(path)


@pytest.mark.parametrize(
    "rest",
    [
        struct.pack("<QQ", 0, 2**60),
        struct.pack("<QQQ", 0, 1, 2**62),
        struct.pack("<QQQ1sI", 0, 1, 1, b"a", 99),
        struct.pack("<QQQ1sIIQ", 0, 1, 1, b"a", 9, 9, 1),
        struct.pack("<QQQ1sIIQ", 0, 1, 1, b"a", 9, 4, 2**62),
        struct.pack("<QQQ1sIIQQ", 0, 1, 1, b"a", 9, 8, 2**62, 2**63),
    ],
    ids=["entries", "text", "type", "list of lists", "long list", "long text in a list"],
)
def test_absurd_lengths_are_told_without_memory(tmp_path: Path, rest: bytes) -> None:
    path = tmp_path / "m.gguf"
    path.write_bytes(b"GGUF" + struct.pack("<I", 3) + rest)
    with pytest.raises(InvalidTask, match="damaged or cut short"):
        metadata_of(path)
