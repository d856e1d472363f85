"""The config file, followed while the worker runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from studio_worker_core.config import ConfigStore
from studio_worker_core.errors import ConfigError
from studio_worker_core.worker.settings import LiveSettings, open_settings


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def store(tmp_path: Path) -> ConfigStore:
    store = ConfigStore(tmp_path / "config.toml")
    store.update(vram_threshold_gb=4.0)
    return store


def test_a_change_of_the_file_takes_effect_within_a_second(store: ConfigStore) -> None:
    clock = Clock()
    live = LiveSettings(store, clock=clock)
    ConfigStore(store.path).update(paused=True)
    assert not live().paused
    clock.now += 1.0
    assert live().paused


def test_a_file_that_became_unreadable_leaves_the_old_settings_in_force(
    store: ConfigStore, caplog: pytest.LogCaptureFixture
) -> None:
    clock = Clock()
    live = LiveSettings(store, clock=clock)
    store.path.write_text("= nonsense", "utf-8")
    for _ in range(3):
        clock.now += 1.0
        assert live().vram_threshold_gb == 4.0
    assert len(caplog.messages) == 1
    assert "the settings from before stay in force" in caplog.messages[0]
    store.path.write_text("vram_threshold_gb = 6.0", "utf-8")
    clock.now += 1.0
    assert live().vram_threshold_gb == 6.0


def test_a_file_that_was_removed_and_comes_back_is_followed(store: ConfigStore) -> None:
    clock = Clock()
    live = LiveSettings(store, clock=clock)
    text = store.path.read_text("utf-8")
    store.path.unlink()
    clock.now += 1.0
    assert live().vram_threshold_gb == 8.0
    store.path.write_text(text, "utf-8")
    clock.now += 1.0
    assert live().vram_threshold_gb == 4.0


def test_a_corrupt_file_is_set_aside_at_start_and_said_where(
    store: ConfigStore, caplog: pytest.LogCaptureFixture
) -> None:
    store.path.write_text('auth_token = "s3cret\n', "utf-8")
    config = open_settings(ConfigStore(store.path))
    assert config.vram_threshold_gb == 8.0
    (aside,) = store.directory.glob("config.toml.corrupt-*")
    assert aside.read_text("utf-8") == 'auth_token = "s3cret\n'
    assert str(aside) in caplog.text
    assert "register again" in caplog.text
    assert "s3cret" not in caplog.text


def test_a_wrong_value_is_an_error_and_the_file_stays(store: ConfigStore) -> None:
    store.path.write_text("vram_threshold_gb = -1", "utf-8")
    with pytest.raises(ConfigError, match="vram_threshold_gb"):
        open_settings(ConfigStore(store.path))
    assert store.path.read_text("utf-8") == "vram_threshold_gb = -1"
