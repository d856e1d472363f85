"""Levels in the form of RUST_LOG."""

from __future__ import annotations

import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st

from studio_worker_core.cli.log_levels import LogLevels, levels_from, levels_in
from studio_worker_core.cli.reporting import TerminalReporter


@pytest.mark.parametrize(
    ("text", "levels"),
    [
        ("info", LogLevels(logging.INFO)),
        ("WARN", LogLevels(logging.WARNING)),
        (
            "warn,studio_worker::session=debug",
            LogLevels(logging.WARNING, {"studio_worker.session": logging.DEBUG}),
        ),
        ("studio-worker=error", LogLevels(None, {"studio_worker": logging.ERROR})),
        ("studio_worker.jobs", LogLevels(None, {"studio_worker.jobs": logging.DEBUG})),
        (
            " info , hyper=debug,studio_worker=loud, ,off ",
            LogLevels(logging.CRITICAL + 1, {}, ("hyper=debug", "studio_worker=loud")),
        ),
    ],
)
def test_levels_and_targets_are_read(text: str, levels: LogLevels) -> None:
    assert levels_from(text) == levels


def test_ours_counts_before_rust_log() -> None:
    both = {"STUDIO_WORKER_LOG": "error", "RUST_LOG": "debug"}
    assert levels_in(both) == ("STUDIO_WORKER_LOG", LogLevels(logging.ERROR))
    assert levels_in({"STUDIO_WORKER_LOG": " ", "RUST_LOG": "debug"})[1].everything == logging.DEBUG
    assert levels_in({}) == ("", LogLevels())


@given(st.text())
def test_any_text_is_read(text: str) -> None:
    levels_from(text)


def test_the_log_follows_the_variable(capsys: pytest.CaptureFixture[str]) -> None:
    environ = {"RUST_LOG": "warn,studio_worker::session=debug,hyper=info"}
    with TerminalReporter(live=False, environ=environ):
        logging.getLogger("studio_worker.jobs").info("not shown")
        logging.getLogger("studio_worker.jobs").warning("a warning")
        logging.getLogger("studio_worker.session").debug("a detail")
    logging.getLogger("studio_worker.session").debug("afterwards")
    shown = capsys.readouterr().err
    assert "a warning" in shown
    assert "a detail" in shown
    assert "not shown" not in shown
    assert "afterwards" not in shown
    assert shown.count("hyper=info") == 1


def test_an_option_counts_before_the_variable(capsys: pytest.CaptureFixture[str]) -> None:
    with TerminalReporter(1, live=False, environ={"STUDIO_WORKER_LOG": "error"}):
        logging.getLogger("studio_worker.jobs").debug("a detail")
    assert "a detail" in capsys.readouterr().err
