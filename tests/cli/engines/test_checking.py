"""``engines check``: the kit's report for people and CI."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from studio_worker_core.testing.conformance import CHECKS
from tests.cli.engines.conftest import ENGINE, PLUGIN
from tests.support.plugin_builder import build_plugin

Run = Callable[..., subprocess.CompletedProcess[str]]


def test_a_sound_engine_passes_with_a_table_and_status_0(here: Run) -> None:
    done = here("engines", "check", "synthetic", "--only", "loads", "--only", "decodes")
    assert done.returncode == 0, done.stdout
    heading, *rows = done.stdout.splitlines()
    assert heading.split() == ["check", "kind", "result", "seconds", "found"]
    assert len([row for row in rows if row.startswith("decodes")]) == 5
    assert rows[-1].endswith("keeps the contract")


def test_a_flawed_engine_fails_with_status_1_and_the_reason(cli: Run, slow_engine: str) -> None:
    done = cli("engines", "check", "slow", "--only", "as-asked", PYTHONPATH=slow_engine)
    assert done.returncode == 1
    assert "is 8×8 pixels, asked for 128×64" in done.stdout
    assert "does not keep the contract: 1 check failed" in done.stdout
    assert "as-asked means: Width, height and length" in done.stderr


def test_json_has_every_finding_and_nothing_else_on_standard_output(here: Run) -> None:
    done = here("engines", "check", "synthetic", "--json", "--only", "loads", "--only", "seed")
    report = json.loads(done.stdout)
    assert list(report)[:7] == [
        *("engine", "distribution", "version", "ok", "passed", "failed", "skipped")
    ]
    assert report["ok"] is True
    assert [(f["check"], f["outcome"]) for f in report["findings"]] == [
        ("loads", "passed"),
        ("seed", "passed"),
    ]


def test_the_checks_are_listed_with_their_meaning(here: Run) -> None:
    done = here("engines", "check", "--list-checks")
    assert [line.split()[0] for line in done.stdout.splitlines()[1:]] == [c.name for c in CHECKS]


def test_a_check_that_is_left_out_is_reported_as_skipped(here: Run) -> None:
    done = here("engines", "check", "synthetic", "--only", "seed", "--skip", "seed", "--json")
    (finding,) = json.loads(done.stdout)["findings"]
    assert (finding["outcome"], finding["detail"]) == ("skipped", "left out with --skip")
    assert done.returncode == 1, "nothing was checked"


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (["synthetic", "--param", "width=wide"], 2, "for --param width: expected a whole number"),
        (["synthetic", "--param", "nonsense=1"], 2, "has no 'nonsense'"),
        (["synthetic", "--only", "nonsense"], 2, "there is no check 'nonsense'"),
        (["nonsense"], 1, "no engine or plugin is named 'nonsense'"),
        ([], 2, "name the engine"),
        (["synthetic", "--model", "nonsense"], 1, "does not offer the model 'nonsense'"),
        (["synthetic", "--model-source", "bad.json"], 2, "no model source"),
        (["synthetic", "--model-source", "other.json"], 2, "for 'other', not for 'synthetic'"),
    ],
)
def test_a_mistake_is_explained(
    here: Run, tmp_path: Path, arguments: list[str], status: int, said: str
) -> None:
    (tmp_path / "bad.json").write_text("[1]", "utf-8")
    (tmp_path / "other.json").write_text('{"engine": "other"}', "utf-8")
    done = here("engines", "check", *arguments)
    assert done.returncode == status
    assert said in " ".join(done.stderr.split())


def test_an_engine_that_could_not_be_run_has_status_1_and_the_kind_is_named(
    cli: Run, tmp_path: Path
) -> None:
    site = tmp_path / "any-model"
    site.mkdir()
    build_plugin(site, "slow-plugin", PLUGIN.replace('["slow", "slow:*"]', '["slow:*"]'))
    (site / "slow_engine.py").write_text(ENGINE, "utf-8")
    done = cli("engines", "check", "slow", PYTHONPATH=str(site))
    assert done.returncode == 1
    last = done.stdout.splitlines()[-1]
    assert last.endswith("no check could be made for image, audio_tts; the table says why")
