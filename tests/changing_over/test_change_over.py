"""The existing worker's directory comes over, is used, and could go back after every step."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from studio_worker_core.config import Config, ConfigStore
from studio_worker_core.secrets import Secret
from tests.support.field import Field
from tests.support.processes import ProcessUnderTest, WorkerProcess
from tests.support.waiting import eventually

from .recorded_directory import RESIDENT, config_text, lay_out
from .strict_reader import read_catalogue, read_config, read_residency

pytest.importorskip("studio_worker_studio", reason="the studio plugin is not installed")

SYNTHETIC = {"engine": "synthetic", "files": []}


@pytest.fixture
def field(tmp_path: Path) -> Iterator[Field]:
    with ExitStack() as stack:
        field = Field(tmp_path, stack)
        field.start_studio()
        yield field


def command(config: Path, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "studio_worker_core.cli.main", "--config", str(config), *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def still_theirs(config: Path) -> dict[str, Any]:
    """The config as the existing worker reads it, with all that is not ours to change."""
    table = read_config(config)
    assert table["panel"] == {"theme": "dark"}
    text = config.read_text("utf-8")
    assert "# the studio of the attic\n" in text
    assert "# the whole card\n" in text
    return table


def test_its_directory_connects_with_its_identity_and_is_not_rewritten(field: Field) -> None:
    config = lay_out(field.root / "existing", field.studio.url, field.enrol())
    names = ("config.toml", "models.json", "residency.json")
    before = {name: config.with_name(name).read_bytes() for name in names}
    known = tomllib.loads(config.read_text("utf-8"))
    with WorkerProcess(config.parent, field.studio.url) as worker:
        connected = field.operator.wait_worker("idle")
        assert connected["workerId"] == known["worker_id"]
        assert connected["capabilities"]["autoUpdate"] is False
        assert field.operator.listing("/workers/pending") == []
        assert {name: _without_our_key(config.with_name(name)) for name in names} == before
        task = {"kind": "image", "prompt": "a fox", "width": 64, "height": 64}
        job = field.operator.submit("synthetic-image", task, modelSource=SYNTHETIC)
        assert field.operator.wait_job(job)["state"] == "done"
        # Its engine does not have this one; it was offered all the same.
        field.operator.wait_job(field.operator.submit("synthetic-new", task, modelSource=SYNTHETIC))
        assert worker.stop() == 0
    assert _without_our_key(config) == before["config.toml"]
    assert read_catalogue(config.with_name("models.json"))["synthetic-new"]["origin"] == "studio"
    assert read_residency(config.with_name("residency.json")) == ["qwen3.5-0.8b"]
    assert not config.with_name("daemon.pid").exists()


def _without_our_key(file: Path) -> bytes:
    """The file without the one line that is added: for which studio the credentials are."""
    lines = file.read_bytes().splitlines(keepends=True)
    return b"".join(line for line in lines if not line.startswith(b"registered_at = "))


def test_its_flat_model_files_are_used_where_they_are(tmp_path: Path) -> None:
    config = lay_out(tmp_path / "existing", "http://127.0.0.1:9/", "")
    # Nobody answers at the address of its source: it can only have been found.
    flat = config.parent / "models" / "Qwen3.5-0.8B-Q8_0.gguf"
    assert command(config, "models", "pull", "qwen3.5-0.8b") == f"{flat}\n"
    assert "ready, kept loaded" in command(config, "models", "list")
    assert config.with_name("residency.json").read_text("utf-8") == RESIDENT


def test_it_could_go_back_after_every_command_that_writes(field: Field) -> None:
    config = lay_out(field.root / "existing", field.studio.url, "")
    for key, value in [
        ("vram_threshold_gb", "8"),
        ("auto_start", "yes"),
        ("memory_max_gb", "16"),
        ("limits.memory_gb", "2"),
        ("only_when_idle", "true"),
        ("vram_threshold_gb", ""),
        ("api_base_url", field.studio.url),
        ("only_when_idle", ""),
    ]:
        command(config, "config", "set", key, value)
        still_theirs(config)
    assert still_theirs(config)["vram_threshold_gb"] == Config().vram_threshold_gb
    command(config, "set-threshold", "11.5")
    assert still_theirs(config)["vram_threshold_gb"] == 11.5
    with WorkerProcess(config.parent, field.studio.url):
        waiting = eventually("a request", lambda: field.operator.listing("/workers/pending"))
        asked = eventually("noted", lambda: still_theirs(config).get("registration_request_id"))
        assert asked == waiting[0]["requestId"]
        field.operator.call("POST", f"/workers/pending/{waiting[0]['requestId']}/reject")
        eventually("rejected", lambda: "registration_rejected" in still_theirs(config))
    again = [sys.executable, "-m", "studio_worker_core.cli.main", "--config", str(config)]
    with ProcessUnderTest([*again, "register", "--reset"]) as registering:
        field.operator.approve_next()
        assert registering.wait() == 0
        still_theirs(config)
    with WorkerProcess(config.parent, field.studio.url):
        connected = field.operator.wait_worker("idle")
        assert still_theirs(config)["worker_id"] == connected["workerId"]
    still_theirs(config)


SETTINGS = st.fixed_dictionaries(
    {},
    optional={
        "api_base_url": st.none() | st.just("https://other.example/"),
        "worker_id": st.none() | st.text(min_size=1, max_size=40),
        "auth_token": st.none() | st.builds(Secret, st.text(min_size=1, max_size=40)),
        "vram_threshold_gb": st.none() | st.integers(0, 200) | st.floats(0, 1e6),
        "memory_max_gb": st.none() | st.integers(4, 1024),
        "auto_start": st.none() | st.booleans(),
        "auto_update_interval_secs": st.none() | st.integers(0, 2**40),
        "auto_update_feed": st.none() | st.text(min_size=1, max_size=40),
        "auto_update_prerelease": st.none() | st.booleans(),
        "models_root": st.none() | st.just(Path("/models")),
        "ws_reconnect_attempts": st.none() | st.integers(0, 100),
        "local_api_port": st.none() | st.integers(0, 65535),
        "stream_port": st.none() | st.integers(0, 65535),
        "paused": st.none() | st.booleans(),
    },
)
STARTS = st.sampled_from(
    ["", "# mine\n", config_text("https://studio.example/", Path("/m"), ""), "[limits]\nx = 1\n"]
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(STARTS, st.lists(SETTINGS, min_size=1, max_size=3))
def test_whatever_is_written_loads_there_and_reads_back_here(
    tmp_path: Path, start: str, edits: list[dict[str, Any]]
) -> None:
    path = tmp_path / "config.toml"
    path.write_text(start, "utf-8")
    before = {
        key: value for key, value in tomllib.loads(start).items() if not hasattr(Config(), key)
    }
    for changes in edits:
        written = ConfigStore(path).update(**changes)
        table = read_config(path)
        assert before.items() <= table.items()
        assert ConfigStore(path).load() == written
