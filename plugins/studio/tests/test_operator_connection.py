"""The operator's token goes to the studio that it belongs to."""

from __future__ import annotations

from pathlib import Path

import pytest

from studio_worker_core.errors import ConfigError
from studio_worker_studio.cli.connection import connect


@pytest.mark.parametrize("address", ["https://studio.example", "http://192.0.2.7:8080"])
def test_this_machines_own_token_is_not_sent_elsewhere(
    address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    monkeypatch.delenv("STUDIO_OPERATOR_TOKEN", raising=False)
    with pytest.raises(ConfigError, match="is not sent elsewhere"):
        connect(address, None)


def test_a_token_that_was_named_goes_where_it_was_named_for(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("operator-token-of-another-studio\n")
    assert connect("https://studio.example/", file).base_url == "https://studio.example"
