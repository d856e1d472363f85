"""``config`` and the commands that change one setting."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

Run = Callable[..., subprocess.CompletedProcess[str]]

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
    assert "vram_threshold_gb = 8.0  # default" in shown.stdout
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
    cli: Run, config_file: Path, tmp_path: Path
) -> None:
    editor = tmp_path / "editor.py"
    editor.write_text("import sys; open(sys.argv[1], 'a').write('auto_start = \"x\"\\n')", "utf-8")
    shown = cli("config", "edit", EDITOR=f"{sys.executable} {editor}", VISUAL="")
    assert shown.returncode == 3
    assert f"{config_file}: auto_start" in shown.stderr
    assert "auto_start" in config_file.read_text("utf-8")


def test_a_missing_editor_is_one_clear_line(cli: Run) -> None:
    shown = cli("config", "edit", EDITOR="/no/such/editor", VISUAL="")
    assert shown.returncode == 3
    assert "set EDITOR" in shown.stderr
    assert len(shown.stderr.splitlines()) == 1


def test_the_threshold_is_kept(cli: Run) -> None:
    assert cli("set-threshold", "11.5").stdout == "jobs that need up to 11.5 GB are taken\n"
    assert cli("config", "get", "vram_threshold_gb").stdout == "11.5\n"


@pytest.mark.parametrize("text", ["-1", "nan", "many"])
def test_a_threshold_that_is_no_size_is_refused(here: Run, text: str) -> None:
    shown = here("set-threshold", "--", text)
    assert shown.returncode == 3
    assert "vram_threshold_gb" in shown.stderr


def test_pausing_is_kept_until_resumed(here: Run) -> None:
    assert here("pause").returncode == 0
    assert json.loads(here("status", "--json").stdout)["paused"] is True
    assert here("--quiet", "resume").stdout == ""
    assert json.loads(here("status", "--json").stdout)["paused"] is False
