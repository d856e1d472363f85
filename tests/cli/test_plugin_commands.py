"""Commands that plugins add: found once, remembered, and never able to break the command."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from studio_worker_core.cli import plugin_commands as subject

COMMAND = [sys.executable, "-m", "studio_worker_core.cli.main"]

GOOD = """
from studio_worker_core.plugin import CommandSpec, hookimpl
from pathlib import Path

with Path(__file__).with_name("asked").open("a") as log:
    log.write("x")

@hookimpl
def studio_worker_commands():
    return [
        CommandSpec("greet", "Say hello", "greeter.command:app"),
        CommandSpec("run", "Not yours", "greeter.command:app"),
        CommandSpec("lost", "Its module is missing", "greeter.nowhere:app"),
    ]
"""
COMMANDS = """
import typer

app = typer.Typer()

@app.command()
def greet(ctx: typer.Context, name: str = "world") -> None:
    typer.echo(f"hello {name} {ctx.obj.verbosity} {ctx.obj.config_path.name}")
"""


@pytest.fixture
def plugins(tmp_path: Path, environ: dict[str, str]) -> Path:
    """A directory on the path with one good and one broken plugin installed."""
    site = tmp_path / "site"
    for name, source in (("greeter", GOOD), ("breaker", "raise RuntimeError('broken on purpose')")):
        package = site / name
        package.mkdir(parents=True)
        (package / "__init__.py").write_text("", "utf-8")
        (package / "plugin.py").write_text(source, "utf-8")
        info = site / f"{name}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n", "utf-8"
        )
        (info / "entry_points.txt").write_text(
            f"[studio_worker]\n{name} = {name}.plugin\n", "utf-8"
        )
    (site / "greeter" / "command.py").write_text(COMMANDS, "utf-8")
    environ["PYTHONPATH"] = str(site)
    return site


def run(environ: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    """The command with the plugins of ``environ``."""
    return subprocess.run(
        [*COMMAND, *arguments],
        env=environ,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def times_asked(site: Path) -> int:
    """How often the good plugin was imported."""
    return len((site / "greeter" / "asked").read_text("utf-8"))


def test_a_plugins_command_is_listed_and_works(environ: dict[str, str], plugins: Path) -> None:
    shown = run(environ, "--help")
    assert shown.returncode == 0
    assert shown.stderr == ""
    assert "greet" in shown.stdout
    assert "Say hello" in shown.stdout
    assert "Not yours" not in shown.stdout
    called = run(environ, "-v", "--config", "x/mine.toml", "greet", "--name", "you")
    assert (called.returncode, called.stdout) == (0, "hello you 1 mine.toml\n")
    assert plugins.exists()


def test_plugins_are_asked_once_until_something_is_installed(
    environ: dict[str, str], plugins: Path
) -> None:
    for _ in range(3):
        assert "greet" in run(environ, "--help").stdout
    assert times_asked(plugins) == 1
    (plugins / "newcomer-1.0.dist-info").mkdir()
    assert "greet" in run(environ, "--help").stdout
    assert times_asked(plugins) == 2


def test_a_changed_plugin_module_is_asked_again(environ: dict[str, str], plugins: Path) -> None:
    assert "greet" in run(environ, "--help").stdout
    (plugins / "greeter" / "plugin.py").write_text(GOOD.replace("Say hello", "Wave"), "utf-8")
    assert "Wave" in run(environ, "--help").stdout


def test_the_allow_list_holds_for_commands(environ: dict[str, str], plugins: Path) -> None:
    assert plugins.exists()
    assert "greet" not in run({**environ, "STUDIO_WORKER_PLUGINS": ""}, "--help").stdout
    assert "greet" in run({**environ, "STUDIO_WORKER_PLUGINS": "greeter"}, "--help").stdout


def test_a_damaged_cache_is_passed_over(environ: dict[str, str], plugins: Path) -> None:
    run(environ, "--help")
    (cache,) = (Path(environ["XDG_CACHE_HOME"]) / "minis-studio-worker").glob("commands-*")
    for damage in (b"", b"\xff\xfe\x00", b"studio-worker commands 1\n\nx\n\ny\n\nz\tq"):
        cache.write_bytes(damage)
        assert "greet" in run(environ, "--help").stdout
    (cache,) = cache.parent.glob("plugins-*")
    for damage in (b"", b"\xff\xfe\x00", b"{}", b'{"format": 1, "kept": 3}', b"[" * 100_000):
        cache.write_bytes(damage)
        listed = run(environ, "engines", "list")
        assert (listed.returncode, "broken on purpose" in listed.stderr) == (0, True)


def test_a_cache_that_cannot_be_written_costs_nothing_but_time(
    environ: dict[str, str], plugins: Path, tmp_path: Path
) -> None:
    (tmp_path / "a-file").write_text("", "utf-8")
    shown = run({**environ, "XDG_CACHE_HOME": str(tmp_path / "a-file")}, "--help")
    assert (shown.returncode, shown.stderr) == (0, "")
    assert "greet" in shown.stdout
    assert plugins.exists()


def test_a_command_whose_module_is_missing_is_one_clear_line(
    environ: dict[str, str], plugins: Path
) -> None:
    shown = run(environ, "lost")
    assert shown.returncode == 1
    (line,) = shown.stderr.splitlines()
    assert "'lost'" in line
    assert "greeter.nowhere" in line
    assert plugins.exists()


def test_the_answer_is_remembered_when_no_plugin_is_allowed(
    plugins: Path, environ: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {**environ, "STUDIO_WORKER_PLUGINS": ""}.items():
        monkeypatch.setenv(name, value)
    assert subject.plugin_commands() == {}
    monkeypatch.setattr(subject, "_described", lambda: pytest.fail("asked again"))
    assert subject.plugin_commands() == {}
