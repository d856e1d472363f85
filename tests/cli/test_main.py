"""The command as a person and a shell script meet it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from studio_worker_core import __version__
from studio_worker_core.cli.exit_codes import MEANINGS, ExitCode, exit_code_for
from studio_worker_core.cli.table import BUILT_IN
from studio_worker_core.errors import (
    AlreadyRunning,
    ConfigError,
    EngineMissing,
    HttpStatusError,
    RegistrationRejected,
    SessionRefused,
    StudioWorkerError,
    TransportError,
)

Run = Callable[..., subprocess.CompletedProcess[str]]

COMMAND = [sys.executable, "-m", "studio_worker_core.cli.main"]


def one_line(text: str) -> str:
    """The only line of an error output."""
    lines = text.splitlines()
    assert len(lines) == 1, text
    return lines[0]


def test_help_names_every_command_and_exit_code_and_has_examples(cli: Run) -> None:
    shown = cli("--help")
    assert shown.returncode == ExitCode.OK
    assert shown.stderr == ""
    for name in BUILT_IN:
        assert re.search(rf"^  {name} ", shown.stdout, re.MULTILINE)
    for code, meaning in MEANINGS.items():
        assert re.search(rf"^  {code.value} +{re.escape(meaning)}$", shown.stdout, re.MULTILINE)
    assert "studio-worker engines list" in shown.stdout


def test_help_imports_no_room_of_the_worker(environ: dict[str, str]) -> None:
    script = (
        "import sys\n"
        "from studio_worker_core.cli.main import main\n"
        "main(['--help'])\n"
        "main(['--help'])\n"
        "heavy = {'requests', 'rich', 'msgspec', 'tomlkit', 'pluggy', 'websockets', 'PIL'}\n"
    )
    # The first call may have to ask the plugins; a second process reads what was kept.
    subprocess.run([sys.executable, "-c", script], env=environ, check=True, capture_output=True)
    found = subprocess.run(
        [sys.executable, "-c", script + "sys.exit(' '.join(heavy & set(sys.modules)))"],
        env=environ,
        check=False,
        capture_output=True,
        text=True,
    )
    assert found.stderr.strip() == ""


@pytest.mark.parametrize("name", sorted(BUILT_IN))
def test_every_command_explains_itself(here: Run, name: str) -> None:
    shown = here(name, "--help")
    assert shown.returncode == ExitCode.OK, shown.stderr
    assert f"Usage: studio-worker {name}" in shown.stdout


def test_version_is_the_packages(cli: Run) -> None:
    shown = cli("--version")
    assert (shown.returncode, shown.stdout) == (0, f"studio-worker {__version__}\n")


def test_without_a_command_the_help_is_shown_as_a_usage_error(cli: Run) -> None:
    shown = cli()
    assert shown.returncode == ExitCode.USAGE
    assert "Usage: studio-worker" in shown.stdout + shown.stderr


def test_a_mistyped_command_gets_a_suggestion(cli: Run) -> None:
    shown = cli("engine")
    assert shown.returncode == ExitCode.USAGE
    assert "No such command 'engine'. Did you mean 'engines'?" in shown.stderr
    assert shown.stdout == ""


def test_an_unknown_option_is_a_usage_error(here: Run) -> None:
    shown = here("status", "--nonsense")
    assert shown.returncode == ExitCode.USAGE
    assert "--nonsense" in shown.stderr


def test_a_reader_that_goes_away_leaves_no_traceback(environ: dict[str, str]) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as pipe:
        ended = subprocess.run(
            [*COMMAND, "config", "show"],
            env=environ,
            stdout=pipe,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
            timeout=60,
        )
    assert ended.stderr == ""
    assert ended.returncode == ExitCode.FAILED


def test_the_first_line_can_be_taken_with_head(environ: dict[str, str]) -> None:
    ended = subprocess.run(
        f"{sys.executable} -m studio_worker_core.cli.main --help | head -1",
        shell=True,
        env=environ,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert ended.stdout == "Usage: studio-worker [OPTIONS] COMMAND [ARGS]...\n"
    assert ended.stderr == ""


def test_broken_toml_is_named_with_file_and_line(cli: Run, config_file: Path) -> None:
    config_file.parent.mkdir(parents=True)
    config_file.write_text('api_base_url = "https://a.example/"\nworker_id = \n', "utf-8")
    shown = cli("status")
    assert shown.returncode == ExitCode.CONFIGURATION
    assert f"{config_file}, line 2" in one_line(shown.stderr)
    assert "worker_id = \n" in config_file.read_text("utf-8")


def test_a_value_of_the_wrong_type_is_named_with_file_and_key(here: Run, config_file: Path) -> None:
    config_file.parent.mkdir(parents=True)
    config_file.write_text('vram_threshold_gb = "lots"\n', "utf-8")
    shown = here("config", "show")
    assert shown.returncode == ExitCode.CONFIGURATION
    assert f"{config_file}: vram_threshold_gb" in one_line(shown.stderr)


def test_a_directory_that_cannot_be_made_is_one_clear_line(cli: Run, tmp_path: Path) -> None:
    # A file in the way stops even root, for whom permissions do not.
    (tmp_path / "blocked").write_text("", "utf-8")
    path = tmp_path / "blocked" / "config.toml"
    shown = cli("--config", str(path), "set-threshold", "8")
    assert shown.returncode == ExitCode.CONFIGURATION
    assert str(path.parent) in one_line(shown.stderr)


def test_the_config_option_wins_over_the_environment(here: Run, tmp_path: Path) -> None:
    named, chosen = tmp_path / "env.toml", tmp_path / "chosen.toml"
    assert here("config", "path", STUDIO_WORKER_CONFIG=str(named)).stdout.strip() == str(named)
    shown = here("--config", str(chosen), "config", "path", STUDIO_WORKER_CONFIG=str(named))
    assert shown.stdout.strip() == str(chosen)


@pytest.mark.parametrize(
    "arguments",
    [
        ("--config", "PATH", "config", "path"),
        ("config", "--config", "PATH", "path"),
        ("config", "path", "--config", "PATH"),
        ("--config", "other.toml", "config", "path", "--config", "PATH"),
    ],
)
def test_global_options_may_stand_before_or_after_the_command(
    here: Run, tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    path = str(tmp_path / "mine.toml")
    shown = here(*(path if word == "PATH" else word for word in arguments))
    assert (shown.returncode, shown.stdout) == (0, f"{path}\n"), shown.stderr


def test_quiet_after_the_command_is_heard(here: Run) -> None:
    assert here("set-threshold", "9", "--quiet").stdout == ""
    assert here("set-threshold", "9", "-q", "-v").returncode == 0


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ConfigError("x"), 3),
        (AlreadyRunning(Path("lock"), 1), 6),
        (TransportError("poll", "refused"), 4),
        (HttpStatusError("poll", 503, ""), 4),
        (HttpStatusError("poll", 403, ""), 5),
        (SessionRefused("auth_failed", "x"), 5),
        (RegistrationRejected(None), 5),
        (EngineMissing("x"), 1),
    ],
)
def test_each_expected_error_has_its_documented_code(error: StudioWorkerError, code: int) -> None:
    assert exit_code_for(error) == code


@pytest.mark.parametrize("command", ["run", "config", "engines"])
def test_completion_is_told_about_once_at_the_root(here: Run, command: str) -> None:
    assert "--show-completion" in here("--help").stdout
    assert "--show-completion" not in here(command, "--help").stdout
