"""``config`` and the commands that change one setting."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

Run = Callable[..., subprocess.CompletedProcess[str]]
OnTerminal = Callable[..., tuple[int, str]]

EDIT = [sys.executable, "-m", "studio_worker_core.cli.main", "config", "edit"]

SECRET = "tok-7f3a9c-very-secret"


@pytest.fixture
def registered(config_file: Path) -> Path:
    """A config file with credentials, a comment and a key from elsewhere."""
    config_file.parent.mkdir(parents=True)
    config_file.write_text(
        "# mine\n"
        f'worker_id = "w-1"\nauth_token = "{SECRET}"\nregistration_secret = "{SECRET}"\n'
        "from_the_future = 3\n",
        "utf-8",
    )
    return config_file


def test_show_is_what_config_alone_does_and_hides_secrets(cli: Run, registered: Path) -> None:
    alone, shown = cli("config"), cli("config", "show")
    assert alone.stdout == shown.stdout
    assert SECRET not in shown.stdout + shown.stderr
    assert 'auth_token = "***"' in shown.stdout
    assert 'worker_id = "w-1"\n' in shown.stdout
    assert "vram_threshold_gb = 12.0  # default" in shown.stdout
    assert "unknown, kept as it is: from_the_future" in shown.stdout
    assert str(registered) in shown.stdout


def test_show_as_json_has_every_setting_and_no_secret(here: Run, registered: Path) -> None:
    shown = here("config", "show", "--json")
    settings = json.loads(shown.stdout)
    assert settings["worker_id"] == "w-1"
    assert settings["auth_token"] == "***"
    assert settings["limits.total_seconds"] == 3600.0
    assert settings["plugins.disabled"] == []
    assert registered.exists()


@pytest.mark.parametrize(
    ("key", "text", "shown"),
    [
        ("vram_threshold_gb", "11.5", "11.5"),
        ("only_when_idle", "yes", "true"),
        ("limits.total_seconds", "60", "60.0"),
        ("api_base_url", "https://studio.example/", "https://studio.example/"),
    ],
)
def test_what_is_set_is_got(here: Run, key: str, text: str, shown: str) -> None:
    assert here("config", "set", key, text).returncode == 0
    assert here("config", "get", key).stdout.strip() == shown


def test_setting_keeps_comments_and_unknown_keys(here: Run, registered: Path) -> None:
    assert here("config", "set", "vram_threshold_gb", "4").returncode == 0
    text = registered.read_text("utf-8")
    assert text.startswith("# mine\n")
    assert "from_the_future = 3" in text
    assert SECRET in text


def test_a_secret_is_not_told_by_get(here: Run, registered: Path) -> None:
    assert registered.exists()
    assert here("config", "get", "auth_token").stdout == "***\n"


def test_a_setting_without_value_prints_nothing(here: Run) -> None:
    shown = here("config", "get", "worker_id")
    assert (shown.returncode, shown.stdout) == (0, "")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("set", "vram_threshold_gb", "lots"), "vram_threshold_gb"),
        (("set", "api_base_url", "nonsense"), "'nonsense' is not an absolute http or https URL"),
        (("set", "vram_treshold_gb", "4"), "did you mean vram_threshold_gb?"),
        (("get", "nonsense"), "nonsense"),
    ],
)
def test_bad_keys_and_values_are_named(here: Run, arguments: tuple[str, ...], told: str) -> None:
    shown = here("config", *arguments)
    assert shown.returncode == 3
    assert told in shown.stderr
    assert len(shown.stderr.splitlines()) == 1


def test_edit_opens_the_editor_and_checks_the_result(
    on_terminal: OnTerminal, config_file: Path, tmp_path: Path
) -> None:
    editor = tmp_path / "editor.py"
    editor.write_text(
        "import sys; open(sys.argv[1], 'a').write('start_minimised = \"x\"\\n')", "utf-8"
    )
    status, written = on_terminal(EDIT, typing=True, EDITOR=f"{sys.executable} {editor}")
    assert status == 3
    assert "start_minimised" in written
    assert "start_minimised" in config_file.read_text("utf-8")


def test_a_missing_editor_is_one_clear_line(on_terminal: OnTerminal) -> None:
    status, written = on_terminal(EDIT, typing=True, EDITOR="/no/such/editor")
    assert status == 3
    assert "set EDITOR" in written
    assert len(written.splitlines()) == 1


def test_no_editor_is_started_without_a_terminal(cli: Run, config_file: Path) -> None:
    shown = cli("config", "edit", EDITOR="/bin/true")
    assert shown.returncode == 3
    assert "needs a terminal" in shown.stderr
    assert "config set" in shown.stderr
    assert not config_file.exists()


def test_the_threshold_is_kept(cli: Run) -> None:
    assert cli("set-threshold", "11.5").stdout == "jobs that need up to 11.5 GB are taken\n"
    assert cli("config", "get", "vram_threshold_gb").stdout == "11.5\n"


@pytest.mark.parametrize("text", ["-1", "nan", "many"])
def test_a_threshold_that_is_no_size_is_refused(here: Run, text: str) -> None:
    shown = here("set-threshold", "--", text)
    assert shown.returncode == 3
    assert "vram_threshold_gb" in shown.stderr


def test_nobody_can_be_paused_while_no_worker_runs(here: Run) -> None:
    for command, value in (("pause", "true"), ("resume", "false")):
        shown = here(command)
        assert shown.returncode == 1
        assert "no worker runs on" in shown.stderr
        assert f"'studio-worker config set paused {value}'" in shown.stderr
    assert json.loads(here("status", "--json").stdout)["paused"] is False
    assert here("config", "set", "paused", "true").returncode == 0
    assert json.loads(here("status", "--json").stdout)["paused"] is True


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("config", "set", "limits.total_seconds", "abc"), "expected a number, got 'abc'"),
        (("config", "set", "limits.total_seconds", "-1"), "expected a number of at least 0"),
        (("config", "set", "local_api_port", "70000"), "expected a whole number of at most 65535"),
        (("config", "set", "auto_start", "maybe"), "expected true or false, got 'maybe'"),
        (("set-threshold", "-1"), "expected a number of at least 0"),
        (("set-threshold", "lots"), "expected a number, got 'lots'"),
    ],
)
def test_a_value_that_does_not_fit_is_refused_in_words(
    here: Run, config_file: Path, arguments: tuple[str, ...], said: str
) -> None:
    done = here(*arguments)
    assert done.returncode != 0
    assert said in done.stderr
    assert str(config_file) not in done.stderr, "what was typed is at fault, not the file"
    assert not config_file.exists()


def test_a_list_can_be_set_from_the_command_line(here: Run) -> None:
    assert here("config", "set", "plugins.disabled", "one, two").returncode == 0
    assert here("config", "get", "plugins.disabled").stdout == '["one", "two"]\n'
    assert here("config", "set", "plugins.disabled", "").returncode == 0
    assert here("config", "get", "plugins.disabled").stdout == "[]\n"
