"""``studio-worker models`` as it is typed, against a real file server."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from studio_worker_core.cli.exit_codes import ExitCode
from tests.models.file_server import Answer, FileServer, content, sha256

Run = Callable[..., subprocess.CompletedProcess[str]]

DATA = content(500_000)


@pytest.fixture
def server() -> Iterator[FileServer]:
    server = FileServer()
    yield server
    server.close()


@pytest.fixture
def root(config_file: Path) -> Path:
    return config_file.parent / "models"


def add(cli: Run, server: FileServer, model: str = "tiny", *, checksum: str | None = None) -> None:
    url = server.serve("/weights.bin", DATA)
    digest = checksum or sha256(DATA)
    done = cli(
        *("models", "add", model, "--engine", "onnx", "--kind", "llm", "--vram", "2.5"),
        *("--name", "Tiny", "--file", f"model={url}#sha256={digest}"),
    )
    assert done.returncode == 0, done.stderr


def listed(cli: Run) -> dict[str, dict[str, object]]:
    done = cli("models", "list", "--json")
    assert done.returncode == 0, done.stderr
    return {row["id"]: row for row in json.loads(done.stdout)}


def test_a_fresh_catalogue_lists_the_models_without_files(cli: Run) -> None:
    rows = listed(cli)
    assert rows["motion"]["state"] == "ready"
    assert rows["synthetic"]["kind"] is None
    table = cli("models", "list").stdout.splitlines()
    assert table[0].split()[0] == "model"
    assert any(line.startswith("formant-synth") for line in table)


def test_a_model_is_added_pulled_verified_and_removed(
    cli: Run, server: FileServer, root: Path
) -> None:
    add(cli, server)
    assert listed(cli)["tiny"] == {
        "id": "tiny",
        "displayName": "Tiny",
        "kind": "llm",
        "engine": "onnx",
        "vramGbEstimate": 2.5,
        "enabled": True,
        "origin": "local",
        "files": 1,
        "filesPresent": 0,
        "bytes": 0,
        "state": "not downloaded",
    }
    pulled = cli("models", "pull", "tiny")
    file = root / "tiny" / "weights.bin"
    assert pulled.stdout == f"{file}\n"
    assert "weights.bin: complete" in pulled.stderr
    assert file.read_bytes() == DATA
    assert listed(cli)["tiny"]["state"] == "ready"
    assert cli("models", "path", "tiny").stdout.strip() == str(file.parent)
    assert cli("models", "path").stdout.strip() == str(root)
    assert cli("models", "verify").returncode == 0
    removed = cli("models", "remove", "tiny")
    assert removed.returncode == 0
    assert "freed" in removed.stdout
    assert not file.exists()
    assert "tiny" not in listed(cli)


def test_verify_says_which_file_changed_and_exits_1(
    cli: Run, server: FileServer, root: Path
) -> None:
    add(cli, server)
    assert cli("models", "pull", "tiny").returncode == 0
    (root / "tiny" / "weights.bin").write_bytes(b"rotten")
    done = cli("models", "verify", "tiny")
    assert done.returncode == 1
    assert "changed" in done.stdout
    assert "Traceback" not in done.stderr
    assert cli("models", "pull", "tiny").returncode == 0


def test_a_wrong_checksum_is_one_clear_line(cli: Run, server: FileServer, root: Path) -> None:
    add(cli, server, checksum="0" * 64)
    done = cli("models", "pull", "tiny")
    assert done.returncode == ExitCode.FAILED
    assert "wrong checksum" in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr
    assert not (root / "tiny" / "weights.bin").exists()


def test_an_entry_of_a_registry_can_be_added_from_its_json(
    cli: Run, server: FileServer, tmp_path: Path
) -> None:
    url = server.serve("/m.gguf", DATA)
    file = {"role": "model", "url": url, "filename": "m.gguf"}
    entry = {"id": "chat", "kind": "llm", "source": {"engine": "llama-cpp", "files": [file]}}
    (tmp_path / "entry.json").write_text(json.dumps(entry))
    assert cli("models", "add", "--from", "entry.json").returncode == 0
    assert listed(cli)["chat"]["engine"] == "llama-cpp"
    assert cli("models", "add", "chat-2", "--from", "entry.json").returncode == 0
    assert "chat-2" in listed(cli)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("pull", "nope"), "no model 'nope'"),
        (("remove", "nope"), "no model 'nope'"),
        (("verify", "nope"), "no files of 'nope'"),
        (("add", "x"), "--engine"),
        (("add", "x", "--engine", "onnx", "--kind", "poem"), "poem"),
        (("add", "x", "--engine", "onnx", "--file", "nonsense"), "ROLE=URL"),
        (("add", "x", "--engine", "onnx", "--file", "model=http://h.example/a"), "use https"),
        (("add", "x", "--engine", "onnx", "--file", "model=file:///etc/passwd"), "only https"),
        (("add", "x", "--engine", "onnx", "--file", "model=https://h.example/"), "source.files"),
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


def test_a_model_without_files_needs_no_download(cli: Run) -> None:
    done = cli("models", "pull", "synthetic")
    assert done.returncode == 0
    assert "needs no files" in done.stdout


def test_the_hub_token_is_used_and_never_shown(cli: Run, server: FileServer) -> None:
    add(cli, server)
    server.answers["/weights.bin"] = [Answer(status=401)]
    environ = {
        "STUDIO_WORKER_HUB_TOKEN": "hub-s3cret",
        "STUDIO_WORKER_HUB_HOST": f"127.0.0.1:{server.port}",
    }
    refused = cli("-vv", "models", "pull", "tiny", **environ)
    assert refused.returncode != 0
    assert "STUDIO_WORKER_HUB_TOKEN" in refused.stderr
    assert cli("-vv", "models", "pull", "tiny", **environ).returncode == 0
    assert {request.headers["authorization"] for request in server.requests} == {
        "Bearer hub-s3cret"
    }
    assert "hub-s3cret" not in refused.stderr + refused.stdout


def test_quiet_prints_only_the_paths(cli: Run, server: FileServer) -> None:
    add(cli, server)
    done = cli("--quiet", "models", "pull", "tiny")
    assert done.stderr == ""
    assert len(done.stdout.splitlines()) == 1


@pytest.mark.skipif(sys.platform == "win32", reason="pseudo terminals are POSIX")
def test_a_terminal_shows_bars(
    cli: Run, server: FileServer, environ: dict[str, str], tmp_path: Path
) -> None:
    import pty

    add(cli, server)
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "studio_worker_core.cli.main", "models", "pull", "tiny"],
        env={**environ, "COLUMNS": "100"},
        cwd=tmp_path,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=theirs,
    )
    os.close(theirs)
    shown = b""
    with contextlib.suppress(OSError):  # how Linux ends a terminal nobody holds any more
        while chunk := os.read(ours, 4096):
            shown += chunk
    os.close(ours)
    assert process.communicate(timeout=60)[0].strip().endswith(b"weights.bin")
    assert process.returncode == 0
    assert b"500.0/500.0 kB" in shown
    assert "━".encode() in shown
