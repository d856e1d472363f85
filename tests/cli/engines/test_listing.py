"""``engines``: the roster for people and programs."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., subprocess.CompletedProcess[str]]

KEYS = ["engine", "distribution", "version", "kinds", "models", "extensions", "state", "reason"]
ONLY_BUILT_IN = {"STUDIO_WORKER_PLUGINS": ""}


def listed(here: Run, **environ: str) -> list[dict[str, Any]]:
    shown = here("engines", "list", "--json", **environ)
    assert shown.returncode == 0, shown.stderr
    found: list[dict[str, Any]] = json.loads(shown.stdout)
    return found


def test_json_is_a_list_of_objects_with_exactly_the_promised_keys(cli: Run) -> None:
    engines = listed(cli)
    assert engines
    for engine in engines:
        assert list(engine) == KEYS


def test_the_built_in_engine_is_ready_and_does_all_five_kinds(here: Run) -> None:
    synthetic = next(e for e in listed(here) if e["engine"] == "synthetic")
    assert synthetic["state"] == "ready"
    assert synthetic["reason"] is None
    assert synthetic["kinds"] == ["image", "llm", "audio_stt", "audio_tts", "video"]
    assert synthetic["extensions"]["png"] == "image/png"
    assert all(name.startswith("synthetic") for name in synthetic["models"]["image"])


def test_timing_adds_the_import_time_after_the_promised_keys(here: Run) -> None:
    shown = here("engines", "list", "--json", "--timing", **ONLY_BUILT_IN)
    entry = next(e for e in json.loads(shown.stdout) if e["engine"] == "synthetic")
    assert list(entry) == [*KEYS, "import_ms"]
    assert entry["import_ms"] >= 0
    assert "import" in here("engines", "list", "--timing").stdout.splitlines()[0]


def test_the_table_has_one_line_for_each_engine_and_no_colour_in_a_pipe(cli: Run) -> None:
    shown = cli("engines", "list", **ONLY_BUILT_IN)
    heading, *rows = shown.stdout.splitlines()
    assert heading.split()[:2] == ["engine", "state"]
    assert any(row.split()[:2] == ["synthetic", "ready"] for row in rows)
    assert "\x1b" not in shown.stdout


def test_show_tells_everything_about_one_engine(cli: Run) -> None:
    shown = cli("engines", "show", "synthetic")
    assert shown.returncode == 0
    for word in ("kinds:", "models:", "extensions:", "parameters:", "licence: MIT", "source:"):
        assert word in shown.stdout
    (details,) = json.loads(cli("engines", "show", "synthetic", "--json").stdout)
    assert list(details)[: len(KEYS)] == KEYS
    assert details["factory"].endswith(":SyntheticEngine")


@pytest.mark.parametrize("command", ["show", "disable", "enable"])
def test_an_engine_that_is_not_there_is_named_with_those_that_are(here: Run, command: str) -> None:
    shown = here("engines", command, "nonsense", **ONLY_BUILT_IN)
    assert shown.returncode == 1
    assert "'nonsense'" in shown.stderr
    assert "synthetic" in shown.stderr
    assert len(shown.stderr.splitlines()) == 1


def test_a_disabled_engine_stays_listed_with_its_reason_until_enabled(
    here: Run, config_file: Path
) -> None:
    assert here("engines", "disable", "synthetic").returncode == 0
    synthetic = next(e for e in listed(here) if e["engine"] == "synthetic")
    assert synthetic["state"] == "disabled"
    assert "config" in synthetic["reason"]
    assert "synthetic" in config_file.read_text("utf-8")
    status = json.loads(here("status", "--json", **ONLY_BUILT_IN).stdout)
    assert "synthetic" not in status["engines"]["ready"]
    assert here("engines", "enable", "synthetic").returncode == 0
    assert next(e for e in listed(here) if e["engine"] == "synthetic")["state"] == "ready"


def test_enabling_what_its_distribution_disables_says_so(here: Run) -> None:
    assert here("engines", "disable", "studio-worker").returncode == 0
    shown = here("engines", "enable", "synthetic")
    assert shown.returncode == 1
    assert "engines enable studio-worker" in shown.stderr
