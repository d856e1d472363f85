"""The settings that the local API shows and changes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from studio_worker_core.config import ConfigStore
from studio_worker_core.local_api.daemon import InvalidConfig, NotSaved, SettingsShown
from studio_worker_core.registration import identity_at
from studio_worker_core.worker.shown_settings import ShownSettings

MINIMAL = 'api_base_url = "http://a.example/"\ninstall_id = "i"\n'


def store_of(root: Path, text: str = MINIMAL) -> ConfigStore:
    root.mkdir(exist_ok=True)
    (root / "config.toml").write_text(text, "utf-8")
    store = ConfigStore(root / "config.toml")
    store.load()
    return store


def changed(store: ConfigStore, **changes: Any) -> Any:
    settings = ShownSettings(store)
    return settings.change(replace(settings.now(), **changes))


def shown(store: ConfigStore) -> SettingsShown:
    return ShownSettings(store).now()


def test_what_is_as_before_is_neither_judged_nor_written(tmp_path: Path) -> None:
    text = MINIMAL + "auto_update_interval_secs = 5\nmemory_max_gb = 2\n"
    store = store_of(tmp_path / "config", text)
    assert changed(store) == shown(store)
    assert store.path.read_text("utf-8") == text
    assert changed(store, only_when_idle=True).only_when_idle
    after = store.path.read_text("utf-8")
    assert "auto_update_interval_secs = 5" in after
    assert "models_root" not in after, "what is not set is not set by that"
    assert "auto_update_feed" not in after


def test_a_feed_is_set_and_set_back(tmp_path: Path) -> None:
    store = store_of(tmp_path / "config")
    usual = shown(store).auto_update_feed
    assert usual.startswith("https://")
    own = "https://feed.example/releases"
    assert changed(store, auto_update_feed=own).auto_update_feed == own
    assert store.config.auto_update_feed == own
    changed(store, auto_update_feed=usual)
    assert store.config.auto_update_feed is None


def test_the_credentials_in_a_feed_are_not_shown_and_not_lost(tmp_path: Path) -> None:
    feed = "https://me:hunter2-hunter2@feed.example/simple/?key=hunter3-hunter3"
    store = store_of(tmp_path / "config", f'{MINIMAL}auto_update_feed = "{feed}"\n')
    assert shown(store).auto_update_feed == "https://feed.example/simple/"
    changed(store, only_when_idle=True)
    assert store.config.auto_update_feed == feed


def test_another_studio_is_set_and_what_this_worker_is_to_the_first_is_kept(
    tmp_path: Path,
) -> None:
    text = MINIMAL + 'worker_id = "w"\nauth_token = "a-token-of-the-first"\n'
    store = store_of(tmp_path / "config", text)
    other = "http://b.example/"
    assert changed(store, api_base_url=other, only_when_idle=True).api_base_url == other
    assert identity_at(other, store.config).auth_token is None
    assert identity_at("http://a.example/", store.config).worker_id == "w"
    changed(store, api_base_url="http://a.example/")
    assert store.config.worker_id == "w"


def test_a_models_folder_is_written_as_it_was_given(tmp_path: Path) -> None:
    store = store_of(tmp_path / "config")
    assert changed(store, models_root=str(tmp_path / "m")).models_root == str(tmp_path / "m")
    assert store.models_root == tmp_path / "m"


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -0.5])
def test_a_threshold_is_a_number(tmp_path: Path, value: float) -> None:
    store = store_of(tmp_path / "config")
    with pytest.raises(InvalidConfig, match="vramThresholdGb"):
        changed(store, vram_threshold_gb=value)


def test_a_directory_that_takes_no_file_leaves_the_settings_as_they_are(tmp_path: Path) -> None:
    root = tmp_path / "config"
    store = store_of(root)
    before = shown(store)
    root.rename(tmp_path / "elsewhere")
    root.write_text("in the way", "utf-8")
    with pytest.raises(NotSaved):
        changed(store, only_when_idle=True)
    assert shown(store) == before
