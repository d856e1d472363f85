"""``config``, ``engines show`` and ``engines run`` with an engine that is set by the operator."""

from __future__ import annotations

import json
import subprocess
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.settings_plugin import build_dial

Run = Callable[..., subprocess.CompletedProcess[str]]

TOKEN = "tok-9f21-of-the-far-service"


@pytest.fixture
def dial(tmp_path: Path, cli: Run) -> Run:
    """The command with the engine ``dial`` installed."""
    site = tmp_path / "site"
    site.mkdir()
    build_dial(site)

    def run(*arguments: str, **extra: str) -> subprocess.CompletedProcess[str]:
        return cli(*arguments, PYTHONPATH=str(site), **extra)

    return run


def test_a_setting_is_set_shown_got_and_removed(dial: Run, config_file: Path) -> None:
    assert dial("config", "get", "engines.dial.rate").stdout == "1.0\n"
    done = dial("config", "set", "engines.dial.rate", "2")
    assert done.stdout == "engines.dial.rate = 2.0\n", done.stderr
    assert dial("config", "set", "engines.dial.loud", "yes").returncode == 0
    assert dial("config", "set", "engines.*.threads", "2").returncode == 0
    tables = tomllib.loads(config_file.read_text("utf-8"))["engines"]
    assert tables == {"dial": {"rate": 2.0, "loud": True}, "*": {"threads": 2}}
    assert dial("config", "get", "engines.dial.rate").stdout == "2.0\n"
    assert dial("config", "get", "engines.dial.threads").stdout == "2\n"
    shown = dial("config", "show").stdout
    assert "engines.dial.rate = 2.0\n" in shown
    assert json.loads(dial("config", "show", "--json").stdout)["engines"] == tables
    assert dial("config", "check").stdout == f"{config_file} holds\n"
    assert dial("config", "set", "engines.dial.rate", "").returncode == 0
    assert "rate" not in config_file.read_text("utf-8")


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("engines.dial.rate", "7", "engines.dial.rate: expected a number, 0.5 to 2, got '7"),
        ("engines.dial.rtae", "1", "engines.dial has no 'rtae'; did you mean 'rate'?"),
        ("engines.dail.rate", "1", "no engine is named 'dail'; did you mean 'dial'?"),
        ("engines.*.rate", "1", "engines.* has no 'rate'; it has device, threads, memory_mb"),
        ("engines.dial.device", "tpu", "expected auto, cpu, mps, cuda or cuda:NUMBER, got 'tpu'"),
        ("engines.dial.token", TOKEN, 'expected { env = "NAME" } or { file = "PATH" }'),
    ],
)
def test_what_does_not_fit_is_not_written(
    dial: Run, config_file: Path, key: str, value: str, said: str
) -> None:
    done = dial("config", "set", key, value)
    assert done.returncode == 3
    assert said in " ".join(done.stderr.split())
    assert TOKEN not in done.stderr
    assert not config_file.exists()


def test_what_is_wrong_in_the_file_is_named_and_no_secret_with_it(
    dial: Run, config_file: Path
) -> None:
    config_file.parent.mkdir(parents=True)
    config_file.write_text(
        f'apibase = 1\n[engines.dial]\ntoken = "{TOKEN}"\n[engines.gone]\napi_key = "{TOKEN}"\n',
        "utf-8",
    )
    found = dial("config", "check")
    assert found.returncode == 3
    assert "there is no setting named 'apibase'" in found.stdout
    assert "engines.gone: no engine of that name is installed" in found.stdout
    assert "engines.dial.token: expected { env = " in found.stdout
    listed = dial("engines", "list")
    assert "broken" in next(line for line in listed.stdout.splitlines() if "dial" in line)
    shown = dial("config", "show")
    assert 'engines.dial.token = "***"' in shown.stdout
    for done in (found, listed, shown, dial("config", "get", "engines.dial.token")):
        assert TOKEN not in done.stdout + done.stderr


def test_show_says_what_can_be_set_and_what_is(dial: Run) -> None:
    assert dial("config", "set", "engines.dial.token", '{ env = "DIAL_TOKEN" }').returncode == 0
    shown = dial("engines", "show", "dial", DIAL_TOKEN=TOKEN)
    assert "  rate: how fast; 0.5 to 2; normally 1.0\n" in shown.stdout, shown.stderr
    assert "  token: of the far service; secret\n" in shown.stdout
    assert "  token: {'env': 'DIAL_TOKEN'}\n" in shown.stdout
    assert TOKEN not in shown.stdout
    (details,) = json.loads(dial("engines", "show", "dial", "--json").stdout)
    assert details["set"] == {"token": {"env": "DIAL_TOKEN"}}
    assert details["reason"].endswith("the environment variable DIAL_TOKEN is not set")


def test_a_job_here_has_them_too(dial: Run) -> None:
    for key, value in (("rate", "1.5"), ("token", "{env='DIAL_TOKEN'}"), ("threads", "2")):
        assert dial("config", "set", f"engines.dial.{key}", value).returncode == 0
    done = dial("engines", "run", "dial", "--prompt", "?", DIAL_TOKEN=TOKEN)
    assert done.returncode == 0, done.stderr
    said = json.loads(json.loads(done.stdout)["choices"][0]["message"]["content"])
    assert (said["rate"], said["threads"], said["token"]) == (1.5, 2, TOKEN[::-1])
    told = dial("-v", "engines", "run", "dial", "--prompt", "tell", DIAL_TOKEN=TOKEN)
    assert told.returncode == 1
    assert "***" in told.stderr
    assert TOKEN not in told.stdout + told.stderr
