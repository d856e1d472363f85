"""Who this machine is."""

from __future__ import annotations

import pytest

from studio_worker_core.host.facts import host_facts, machine_name, username


def test_the_machine_and_its_user_have_names() -> None:
    facts = host_facts()
    assert facts.machine_name
    assert facts.username


def test_a_user_id_without_a_name_is_shown_as_a_number(monkeypatch: pytest.MonkeyPatch) -> None:
    def nameless() -> str:
        raise KeyError("getpwuid(): uid not found")

    monkeypatch.setattr("getpass.getuser", nameless)
    assert username().startswith(("uid-", "unknown"))


@pytest.mark.parametrize(
    ("given", "shown"), [("box\n", "box"), ("", "unknown"), ("\x1b[31m", "[31m")]
)
def test_a_machine_name_is_printable(
    monkeypatch: pytest.MonkeyPatch, given: str, shown: str
) -> None:
    monkeypatch.setattr("socket.gethostname", lambda: given)
    assert machine_name() == shown
