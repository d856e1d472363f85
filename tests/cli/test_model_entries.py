"""Entries of the model registry that are given by hand or by a studio."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.model_commands import Run


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("pull", "nope"), "no model 'nope'"),
        (("remove", "nope"), "no model 'nope'"),
        (("verify", "nope"), "no model 'nope'"),
        (("verify", "motion"), "motion needs no files"),
        (("add", "x"), "--engine"),
        (("add", "x", "--engine", "onnx", "--kind", "poem"), "poem"),
        (("add", "x", "--engine", "onnx", "--file", "nonsense"), "ROLE=URL"),
        (("add", "x", "--engine", "onnx", "--file", "model=http://h.example/a"), "use https"),
        (("add", "x", "--engine", "onnx", "--file", "model=file:///etc/passwd"), "only https"),
        (("add", "x", "--engine", "onnx", "--file", "model=https://h.example/"), "#name=NAME"),
        (("add", "x", "--engine", "onnx", "--file", "https://h.example/a"), "write model=https"),
        (("add", "x", "--engine", "onnx", "--file", "m=https://h.example/a#md5=1"), "sha256, size"),
        (("add", "x", "--engine", "onnx", "--file", "m=https://h.example/a#sha256=1"), "64 hexa"),
        (("add", "x", "--engine", "onnx", "--file", "m=https://h.example/a#size=big"), "4.2GB"),
        (("add", "x", "--engine", "two words"), "--engine"),
        (("add", "x", "--engine", "onnx", "--vram", "nan"), "--vram"),
        (("add", "x", "--engine", "onnx", "--vram", "inf"), "--vram"),
        (("add", "\x1b[31mred", "--engine", "onnx"), "'\\x1b[31mred'"),
        (("add", "--from", "/dev/null"), "/dev/null is empty"),
        (("add", "--from", "missing.json"), "missing.json"),
    ],
)
def test_bad_input_is_one_clear_error_without_a_traceback(
    cli: Run, arguments: tuple[str, ...], words: str
) -> None:
    done = cli("models", *arguments)
    assert done.returncode != 0
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_a_file_is_added_with_its_size_and_checksum(cli: Run) -> None:
    digest = "ab" * 32
    url = f"https://hub.example/dl?id=7#sha256={digest}&size=4.2GB&name=m.gguf"
    assert cli("models", "add", "x", "--engine", "onnx", "--file", f"model={url}").returncode == 0
    file = Path(cli("config", "path").stdout.strip()).with_name("plugin-models.json")
    written = json.loads(file.read_bytes())["models"]
    (entry,) = [entry for entry in written if entry["id"] == "x"]
    assert entry["source"]["files"] == [
        {
            "role": "model",
            "url": "https://hub.example/dl?id=7",
            "filename": "m.gguf",
            "approxBytes": 4_200_000_000,
            "sha256": digest,
        }
    ]


def test_what_a_studio_calls_a_model_cannot_steer_a_terminal(cli: Run, config_file: Path) -> None:
    config_file.parent.mkdir(parents=True, exist_ok=True)
    entry = {"id": "\x1b[2Jgone\nrow", "origin": "studio", "source": {"engine": "onnx"}}
    config_file.with_name("models.json").write_text(
        json.dumps({"models": [entry], "dismissedSeeds": []})
    )
    shown = cli("models", "list").stdout
    assert "\x1b" not in shown
    assert "\\x1b[2Jgone\\nrow" in shown


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--vram", "much"], "for '--vram': 'much' is no number"),
        (["--vram", "-1"], "for --vram: -1 is no number of GB"),
        (["--name", "n" * 600], "for --name: expected text of at most 512 characters"),
        (["--file", "m=https://hub.example/" + "f" * 300], "for --file: its filename: expected"),
        (["--file", "r" * 101 + "=https://hub.example/f"], "for --file: its role: expected text"),
        (["--file", "m=ftp://hub.example/f"], "for --file: ftp://hub.example/f is refused"),
    ],
)
def test_an_option_of_a_model_is_refused_in_its_own_words(
    here: Run, arguments: list[str], said: str
) -> None:
    done = here("models", "add", "tiny", "--engine", "onnx", *arguments)
    assert done.returncode == 2
    assert said in " ".join(done.stderr.split())
    assert "$" not in done.stderr
    assert "`" not in done.stderr


def test_an_entry_of_a_registry_is_refused_in_words(here: Run, tmp_path: Path) -> None:
    entry = {"id": "x", "source": {"engine": "e", "files": [{"role": 1}]}}
    (tmp_path / "entry.json").write_text(json.dumps(entry), "utf-8")
    done = here("models", "add", "--from", "entry.json")
    assert done.returncode == 1
    assert done.stderr == (
        "studio-worker: entry.json cannot be used: its source.files[0].role: expected text, "
        "got a whole number\n"
    )
