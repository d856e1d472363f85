"""What peers and engines write reaches a person and a log as text, and without secrets."""

from __future__ import annotations

import io
import json
import logging
import urllib.parse

import pytest
from hypothesis import given
from hypothesis import strategies as st

from studio_worker_core.cli.root import _say
from studio_worker_core.foreign_text import encodable, printable, quoted, text_of
from studio_worker_core.log_lines import LineFormatter
from studio_worker_core.redaction import Redaction, without_secrets
from studio_worker_core.secrets import Secret
from studio_worker_core.session.log_shipping import LogShipper
from studio_worker_core.worker.status import StatusBoard

TOKEN = "tk/" + "Zq9+Xw" * 5 + '"=%'


@given(st.text())
def test_a_foreign_text_is_one_line_that_prints(text: str) -> None:
    assert printable(text).isprintable()
    assert quoted(text).isprintable()


def test_ordinary_words_stay_as_they_are() -> None:
    for text in ("", "a fox, 3 °C", "Füchse 狐 🦊", "C:\\temp"):
        assert printable(text) == text


@pytest.mark.parametrize(
    "spelling",
    [
        TOKEN,
        urllib.parse.quote(TOKEN, safe=""),
        urllib.parse.quote(TOKEN),
        "".join(f"%{ord(char):02X}" for char in TOKEN),
        json.dumps(TOKEN)[1:-1],
        json.dumps(json.dumps(TOKEN))[3:-3],
        json.dumps(TOKEN).replace("/", "\\/")[1:-1],
        "".join(f"\\u{ord(char):04x}" for char in TOKEN),
        TOKEN[:11] + "\n" + TOKEN[11:20] + "\r\n    " + TOKEN[20:],
        "\x1b[1m".join(TOKEN),
        repr(TOKEN[:9] + "\n" + TOKEN[9:])[1:-1],
    ],
)
def test_a_secret_is_hidden_in_every_spelling(spelling: str) -> None:
    redaction = Redaction()
    redaction.hide(TOKEN)
    assert redaction.clean(f"the studio said {spelling} to us") == "the studio said *** to us"


def test_the_start_of_a_secret_that_something_cut_is_hidden() -> None:
    redaction = Redaction()
    redaction.hide(TOKEN)
    assert redaction.clean(f"said {TOKEN[:20]}") == "said ***"


@given(st.text(min_size=8, max_size=60), st.text(max_size=30), st.text(max_size=30))
def test_no_text_brings_a_secret_through(secret: str, before: str, after: str) -> None:
    redaction = Redaction()
    redaction.hide(secret)
    if secret not in before + "***" + after:
        assert secret not in redaction.clean(before + secret + after)


def test_whatever_became_a_secret_is_hidden_in_logs_errors_and_the_status(
    capsys: pytest.CaptureFixture[str],
) -> None:
    text = "sesame-" * 6 + "open"
    secret = Secret(text)
    shipper, stream = LogShipper(), io.StringIO()
    console = logging.StreamHandler(stream)
    console.setFormatter(LineFormatter())
    logger = logging.getLogger("studio_worker.test_foreign_text")
    for handler in (shipper, console):
        logger.addHandler(handler)
    try:
        logger.warning("an engine printed %s\n12:00:00 INFO forged\x1b[2J", text)
        try:
            raise ValueError(f"{text}\n12:00:00 INFO forged\x1b[2J")
        except ValueError:
            logger.exception("broke on %s", text)
    finally:
        for handler in (shipper, console):
            logger.removeHandler(handler)
    board = StatusBoard()
    board.post(detail=f"refused: {secret.reveal()}")
    _say(f"the studio said {text}\x1b[2J")
    shipped = "\n".join(entry.message for entry in shipper.take(10))
    err = capsys.readouterr().err
    for shown in (shipped, stream.getvalue(), board.current.detail, err):
        assert "***" in shown
        assert "sesame-sesame" not in shown
        assert "\x1b" not in shown
        assert not any(line.startswith("12:00:00 INFO") for line in shown.splitlines())
    assert without_secrets(text) == "***"


# One alphabet of both would be drawn from evenly: halves of pairs would hardly ever come.
@given(st.lists(st.characters() | st.characters(categories=["Cs"])).map("".join))
def test_every_text_can_be_encoded_afterwards(text: str) -> None:
    encodable(text).encode()
    if not any("\ud800" <= c <= "\udfff" for c in text):
        assert encodable(text) == text


def test_an_object_without_a_text_gets_one() -> None:
    class Mute:
        def __str__(self) -> str:
            raise SystemExit(3)

    assert text_of(Mute(), 100) == "<Mute without a text: SystemExit>"
    assert text_of("x" * 500, 100) == "x" * 100
