"""Secrets do not show themselves."""

from __future__ import annotations

import copy
import logging
import pickle
import traceback

import pytest

from studio_worker_core.redaction import Redaction, without_secrets
from studio_worker_core.secrets import Secret


def test_a_secret_prints_as_stars_everywhere() -> None:
    secret = Secret("hunter2")
    shown = [repr(secret), str(secret), f"{secret}", f"{secret:>5}", f"{secret}", repr([secret])]
    assert not any("hunter2" in text for text in shown)
    assert secret.reveal() == "hunter2"


def test_a_secret_does_not_reach_a_log_record(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        logging.getLogger("studio_worker.test").info("token %s %r", Secret("abc123"), Secret("x"))
    assert "abc123" not in caplog.text
    assert "***" in caplog.text


def test_a_secret_cannot_be_pickled() -> None:
    with pytest.raises(TypeError) as caught:
        pickle.dumps({"token": Secret("".join(["abc", "123"]))})
    assert "abc123" not in "".join(traceback.format_exception(caught.value))


def test_secrets_compare_by_text_and_can_be_keys() -> None:
    assert Secret("a") == Secret("a")
    assert Secret("a") != Secret("ä")
    assert Secret("a") != "a"
    assert len({Secret("a"), Secret("a"), Secret("b")}) == 2


def test_a_copy_of_a_secret_is_the_secret_itself() -> None:
    secret = Secret("a")
    assert copy.copy(secret) is secret
    assert copy.deepcopy({"k": secret})["k"] is secret


def test_a_secret_in_use_stays_hidden_however_many_came_after_it() -> None:
    mine = Secret("sesame-open-for-me")
    for number in range(1000):
        Secret(f"somebody-elses-{number:06}")
    assert without_secrets(f"studio says {mine.reveal()}") == "studio says ***"


def test_a_text_that_was_clean_is_looked_through_again_for_a_secret_learned_since() -> None:
    redaction = Redaction()
    redaction.hide("first-secret-0001")
    text = "the answer to 0002-second-secret, and the start of 0002-se"
    assert redaction.clean(text) == text
    assert redaction.clean(text) == text
    redaction.hide("0002-second-secret")
    for _ in range(2):
        assert redaction.clean(text) == "the answer to ***, and the start of 0002-se"
        assert redaction.clean(text + "cond") == "the answer to ***, and the start of ***"
