"""``studio-worker models`` as it is typed, against a real file server."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from studio_worker_core.cli.exit_codes import ExitCode
from tests.cli.model_commands import DATA, Run, add, listed
from tests.downloads.file_server import Answer, FileServer


@pytest.fixture
def server() -> Iterator[FileServer]:
    server = FileServer()
    yield server
    server.close()


@pytest.fixture
def root(config_file: Path) -> Path:
    return config_file.parent.parent.parent / "home" / "models"


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
        "resident": False,
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


def test_verify_says_what_was_only_checked_by_its_form(cli: Run, server: FileServer) -> None:
    url = server.serve("/weights.bin", DATA)
    assert cli("models", "add", "x", "--engine", "onnx", "--file", f"model={url}").returncode == 0
    assert cli("models", "pull", "x").returncode == 0
    done = cli("models", "verify", "x")
    assert done.returncode == 0
    assert "ok, form only" in done.stdout
    add(cli, server)
    assert cli("models", "pull", "tiny").returncode == 0
    assert "form only" not in cli("models", "verify", "tiny").stdout


def test_a_model_that_is_removed_is_no_longer_kept_loaded(
    cli: Run, server: FileServer, config_file: Path
) -> None:
    add(cli, server)
    resident = config_file.with_name("residency.json")
    resident.write_text('{"version": 1, "resident": ["tiny", "other"]}', "utf-8")
    assert listed(cli)["tiny"]["resident"]
    assert "not downloaded, kept loaded" in cli("models", "list").stdout
    assert cli("models", "remove", "tiny").returncode == 0
    assert json.loads(resident.read_bytes()) == {"version": 1, "resident": ["other"]}


def test_remove_says_what_it_left(cli: Run, server: FileServer, root: Path) -> None:
    add(cli, server)
    assert cli("models", "pull", "tiny").returncode == 0
    (root / "tiny" / "notes.txt").write_text("mine")
    done = cli("models", "remove", "tiny")
    assert done.returncode == 0
    assert "notes.txt" in done.stderr
    assert (root / "tiny" / "notes.txt").read_text() == "mine"


@pytest.mark.skipif(sys.platform == "win32", reason="signals are POSIX")
def test_ctrl_c_ends_a_stalled_download_and_the_next_goes_on(
    cli: Run, server: FileServer, environ: dict[str, str], tmp_path: Path
) -> None:
    add(cli, server)
    server.answers["/weights.bin"] = [Answer(stalls_after=200_000)]
    process = subprocess.Popen(
        [sys.executable, "-m", "studio_worker_core.cli.main", "models", "pull", "tiny"],
        env=environ,
        cwd=tmp_path,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert server.stalled.wait(60)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == ExitCode.INTERRUPTED
    assert "Traceback" not in said
    assert "what has arrived stays; 'studio-worker models pull tiny' goes on from there" in said
    assert cli("models", "pull", "tiny").returncode == 0


def test_the_beginning_of_a_model_id_is_enough_and_candidates_are_named(here: Run) -> None:
    for model in ("tiny-one", "tiny-two", "large"):
        assert here("models", "add", model, "--engine", "onnx").returncode == 0
    assert here("models", "pull", "lar").stdout == "large needs no files\n"
    several = here("models", "remove", "tiny")
    assert several.returncode == 1
    assert "2 models begin with 'tiny': tiny-one, tiny-two" in several.stderr
    assert here("models", "remove", "tiny-t").stdout == "tiny-two: 0 bytes freed\n"
    assert here("models", "path", "tiny").stdout.rstrip().endswith("tiny-one")


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
