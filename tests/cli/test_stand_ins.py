"""Commands of a plugin that is not installed: they are told of, and say what to install."""

from __future__ import annotations

import re

import pytest

from tests.cli.conftest import Run

NO_PLUGIN = {"STUDIO_WORKER_PLUGINS": ""}


@pytest.mark.parametrize("options", [(), ("--keep",), ("--out", "there"), ("word",)])
def test_the_demo_says_what_is_missing_without_a_studio(cli: Run, options: tuple[str, ...]) -> None:
    shown = cli("demo", *options, **NO_PLUGIN)
    assert shown.returncode == 1
    (line,) = shown.stderr.splitlines()
    assert "pip install 'studio-worker[studio]'" in line


def test_help_lists_it_with_what_brings_it(here: Run) -> None:
    (line,) = re.findall(r"^  demo .*$", here("--help", **NO_PLUGIN).stdout, re.MULTILINE)
    assert "studio-worker[studio]" in line
    assert "extra 'studio'" in here("demo", "--help", **NO_PLUGIN).stdout


def test_the_plugin_takes_its_place(here: Run) -> None:
    (line,) = re.findall(r"^  demo .*$", here("--help").stdout, re.MULTILINE)
    assert "one job of every kind" in line
    assert "--keep" in here("demo", "--help").stdout
