"""Tables of names in a table, such as ``api.aliases``, changed in the file."""

from __future__ import annotations

from pathlib import Path

import pytest

from studio_worker_core.config import ConfigStore

BASE = 'api_base_url = "http://127.0.0.1:9/"\n'


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[api]\nlisten_port = 5 # mine\n\n[limits]\nload_seconds = 4\n",
        '[api.aliases]\nx = "y"\n[api]\nlisten_port = 5 # mine\n',
        '[api]\nlisten_port = 5 # mine\n[api.aliases]\nx = "y"\n[limits]\nload_seconds = 4\n',
        '[api]\naliases = { x = "y" }\nlisten_port = 5 # mine\n',
        'api.aliases.x = "y"\n',
    ],
)
def test_pairs_are_set_whatever_form_the_file_has(tmp_path: Path, text: str) -> None:
    path = tmp_path / "config.toml"
    path.write_text(BASE + text, "utf-8")
    store = ConfigStore(path)
    before = store.load()
    after = store.set_text("api.aliases", 'tts-1 = espeak-ng, "gpt image" = procedural')
    assert after.api.aliases == {"tts-1": "espeak-ng", "gpt image": "procedural"}
    after = store.set_text("api.voices", "alloy = en")
    assert (after.api.voices, after.api.listen_port) == ({"alloy": "en"}, before.api.listen_port)
    assert ConfigStore(path).load() == after
    assert ("# mine" in text) == ("# mine" in path.read_text("utf-8"))
