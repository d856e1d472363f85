"""The command where little is as usual: locale, terminal, home, standard streams."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import COMMAND

Run = Callable[..., subprocess.CompletedProcess[str]]

ASCII = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONIOENCODING": "ascii"}


def raw(environ: dict[str, str], cwd: Path, *arguments: str | bytes) -> tuple[int, str, str]:
    done = subprocess.run(
        [*COMMAND, *arguments], env=environ, cwd=cwd, capture_output=True, timeout=60, check=False
    )
    return done.returncode, done.stdout.decode("utf-8"), done.stderr.decode("utf-8")


def test_texts_survive_a_locale_that_cannot_read_them(
    environ: dict[str, str], tmp_path: Path
) -> None:
    odd = environ | ASCII
    code, out, err = raw(odd, tmp_path, "models", "add", "mö❄", "--engine", "onnx", "--name", "❄")
    assert code == 0, err
    code, out, err = raw(environ, tmp_path, "models", "list", "--json")
    assert {"mö❄": "❄"}.items() <= {
        row["id"]: row["displayName"] for row in json.loads(out)
    }.items()
    code, out, err = raw(odd, tmp_path, "models", "list")
    assert code == 0, err
    assert "mö❄" in out
    code, out, err = raw(odd, tmp_path, "config", "set", "models_root", "mö")
    assert code == 0, err
    assert raw(environ, tmp_path, "config", "get", "models_root")[1] == "mö\n"
    code, out, err = raw(
        odd, tmp_path, "engines", "run", "synthetic", "--prompt", "❄", "-q", "-o", "❄.png"
    )
    assert code == 0, err
    assert (tmp_path / "❄.png").exists()


def test_an_answer_with_any_text_reaches_standard_output(
    environ: dict[str, str], tmp_path: Path
) -> None:
    question = ("engines", "run", "synthetic", "--kind", "llm", "--prompt", "❄ snow")
    code, out, err = raw(environ | ASCII, tmp_path, *question)
    assert code == 0, err
    assert json.loads(out)["choices"]


@pytest.mark.parametrize("locale", [ASCII, {}])
@pytest.mark.parametrize(
    "arguments",
    [
        ("engines", "run", "synthetic", "--kind", "llm", "--prompt", b"\xff"),
        ("config", "set", "models_root", b"\xff"),
        ("models", "add", b"\xff", "--engine", "onnx"),
        ("models", "pull", b"\xff"),
        ("outbox", "show", b"\xff"),
        (b"\xff",),
        ("--config", b"/nonexistent/\xff", "config"),
        ("engines", "run", "synthetic", "--prompt", "x", "-o", b"\xff.png"),
    ],
)
def test_bytes_that_are_no_text_never_cost_more_than_a_message(
    environ: dict[str, str],
    tmp_path: Path,
    locale: dict[str, str],
    arguments: tuple[str | bytes, ...],
) -> None:
    _, _, err = raw(environ | locale, tmp_path, *arguments)
    assert "Traceback" not in err


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
@pytest.mark.parametrize(
    "arguments",
    [
        "models list",
        "config show",
        "status --json",
        "engines run synthetic --prompt x -q -o x.png",
        "models add --from -",
        "config edit",
        "outbox purge --pending",
        "--help",
    ],
)
def test_closed_streams_are_no_trouble(
    environ: dict[str, str], tmp_path: Path, closed: str, arguments: str
) -> None:
    done = subprocess.run(
        ["/bin/sh", "-c", f'"$@" {arguments} {closed}', "sh", *COMMAND],
        env=environ, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert "Traceback" not in done.stdout + done.stderr
    assert done.returncode in (0, 1, 3)
    if "engines run" in arguments:
        assert done.returncode == 0
        assert (tmp_path / "x.png").read_bytes().startswith(b"\x89PNG"), "nothing else went there"


def test_a_reader_that_leaves_early_is_no_error(environ: dict[str, str], tmp_path: Path) -> None:
    script = (
        'set -o pipefail; i=0; while [ $i -lt 3 ]; do "$@" config show | head -1; i=$((i+1)); done'
    )
    done = subprocess.run(
        ["/bin/bash", "-c", script, "bash", *COMMAND],
        env=environ, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert len(done.stdout.splitlines()) == 3
    assert done.stderr == ""


@pytest.mark.parametrize(
    "arguments", ["config show", "status", "engines list", "models list", "--help"]
)
def test_a_home_that_is_missing_or_read_only_is_said_in_words(
    environ: dict[str, str], tmp_path: Path, arguments: str
) -> None:
    dropped = ("HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME")
    bare = {name: value for name, value in environ.items() if name not in dropped}
    shut = tmp_path / "shut"
    shut.mkdir(mode=0o500)
    for home in ({}, {"HOME": str(shut)}, {"HOME": "/nonexistent"}):
        code, out, err = raw(bare | home, tmp_path, *arguments.split())
        assert "Traceback" not in err
        assert code == 0, (home, err)
        assert out
