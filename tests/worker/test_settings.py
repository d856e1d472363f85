"""The config file, followed while the worker runs."""

from __future__ import annotations

import os
import threading
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from studio_worker_core.config import ConfigStore, document
from studio_worker_core.errors import ConfigError
from studio_worker_core.secrets import Secret
from studio_worker_core.worker.settings import LiveSettings, open_settings
from tests.support.waiting import eventually

ADDRESS = 'api_base_url = "https://studio.example/"\n'


@pytest.fixture
def store(tmp_path: Path) -> ConfigStore:
    store = ConfigStore(tmp_path / "config.toml")
    store.update(vram_threshold_gb=4.0)
    return store


def test_a_change_of_the_file_takes_effect(store: ConfigStore) -> None:
    live = LiveSettings(store)
    ConfigStore(store.path).update(only_when_idle=True)
    assert not live().only_when_idle
    live.look()
    assert live().only_when_idle


def test_a_file_that_was_never_there_is_not_missed(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    store = ConfigStore(tmp_path / "config.toml")
    store.load()
    live = LiveSettings(store)
    live.look()
    assert caplog.messages == []
    ConfigStore(store.path).update(vram_threshold_gb=4.0)
    live.look()
    assert live().vram_threshold_gb == 4.0
    store.path.unlink()
    live.look()
    (message,) = caplog.messages
    assert "is gone" in message


def lose(path: Path) -> None:
    path.unlink()


def empty(path: Path) -> None:
    path.write_bytes(b"")


def zero(path: Path) -> None:
    path.write_bytes(bytes(4096))


def tear(path: Path) -> None:
    path.write_text(path.read_text("utf-8")[:-3], "utf-8")


def tear_between_lines(path: Path) -> None:
    path.write_text("vram_threshold_gb = 6.0\n", "utf-8")


def cut_credentials(path: Path) -> None:
    path.write_text('api_base_url = "http://mine.example/"\n', "utf-8")


def spoil(path: Path) -> None:
    path.write_text(path.read_text("utf-8").replace("= 4.0", "= -4.0"), "utf-8")


def replace_by_a_directory(path: Path) -> None:
    path.unlink()
    path.mkdir()


def replace_by_a_pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


@pytest.mark.parametrize(
    "harm",
    [
        lose,
        empty,
        zero,
        tear,
        tear_between_lines,
        cut_credentials,
        spoil,
        replace_by_a_directory,
        replace_by_a_pipe,
    ],
)
def test_a_file_that_is_lost_while_running_leaves_the_last_good_settings(
    store: ConfigStore, caplog: pytest.LogCaptureFixture, harm: Callable[[Path], None]
) -> None:
    store.update(api_base_url="http://mine.example/", worker_id="w", auth_token=Secret("s" * 20))
    good = store.path.read_bytes()
    live = LiveSettings(store)
    before = live()
    live.look()
    caplog.set_level("INFO")
    harm(store.path)
    for _ in range(3):
        live.look()
        assert live() == before
    (message,) = caplog.messages
    assert str(store.path) in message
    assert "the last good settings stand" in message
    if store.path.is_dir():
        store.path.rmdir()
    store.path.unlink(missing_ok=True)
    store.path.write_bytes(good.replace(b"4.0", b"6.0"))
    live.look()
    assert live().vram_threshold_gb == 6.0
    assert live().worker_id == "w"
    assert "settings read again" in caplog.messages[-1]
    assert len(caplog.messages) == 2


@pytest.mark.parametrize("harm", [lose, empty, tear_between_lines])
def test_what_the_worker_writes_into_a_lost_file_never_leads_to_another_studio(
    store: ConfigStore, harm: Callable[[Path], None]
) -> None:
    store.path.write_text('# mine\napi_base_url = "http://mine.example/"\n', "utf-8")
    store.load()
    harm(store.path)
    store.update(registration_request_id="rr-1", worker_id="w")
    for config in (store.config, ConfigStore(store.path).config):
        assert config.api_base_url == "http://mine.example/"
        assert config.worker_id == "w"


def test_an_edit_that_waits_holds_up_nobody_who_asks_for_a_setting(store: ConfigStore) -> None:
    live = LiveSettings(store)
    answers: list[float] = []
    asker = threading.Thread(target=lambda: answers.append(live().vram_threshold_gb))
    with document.editing(store.path):  # as another process that edits it
        editor = threading.Thread(target=_edit, args=(store,))
        editor.start()
        # It holds the lock of this process while it waits for that of the file.
        eventually("the edit waits", lambda: not store._mutex.acquire(blocking=False))
        asker.start()
        asker.join(60)
        assert answers == [4.0]
        assert editor.is_alive()
    editor.join(60)
    assert live().vram_threshold_gb == 2.0


def _edit(store: ConfigStore) -> None:
    store.update(vram_threshold_gb=2.0)


@pytest.mark.parametrize(
    "damaged", [b'auth_token = "s3cret\n', b"", b" \n\n", bytes(4096), b"# only a comment\n"]
)
def test_a_lost_file_is_set_aside_and_no_start_goes_to_another_studio(
    store: ConfigStore, damaged: bytes
) -> None:
    store.path.write_bytes(damaged)
    with pytest.raises(ConfigError) as first:
        open_settings(ConfigStore(store.path))
    (aside,) = store.directory.glob("config.toml.corrupt-*")
    assert aside.read_bytes() == damaged
    with pytest.raises(ConfigError) as second:
        open_settings(ConfigStore(store.path))
    for caught in (first, second):
        assert str(aside) in str(caught.value)
        assert "register --api-base-url" in str(caught.value)
        assert "s3cret" not in str(caught.value)
    ConfigStore(store.path).update(api_base_url="http://mine.example/")
    assert open_settings(ConfigStore(store.path)).api_base_url == "http://mine.example/"


def test_a_mistyped_setting_is_named_with_the_nearest_one(
    store: ConfigStore, caplog: pytest.LogCaptureFixture
) -> None:
    store.path.write_text(ADDRESS + "vram_treshold_gb = 4.0\n", "utf-8")
    open_settings(ConfigStore(store.path))
    assert "'vram_treshold_gb'; did you mean vram_threshold_gb?" in caplog.text


def test_a_setting_that_is_gone_is_named_once_and_kept(
    store: ConfigStore, caplog: pytest.LogCaptureFixture
) -> None:
    store.path.write_text(ADDRESS + "auto_update_interval_hours = 24.0\n", "utf-8")
    open_settings(ConfigStore(store.path))
    (said,) = caplog.messages
    assert "auto_update_interval_hours is kept and no longer used" in said
    ConfigStore(store.path).update(paused=True)
    assert "auto_update_interval_hours = 24.0\n" in store.path.read_text("utf-8")


def test_a_config_without_a_writer_behind_it_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    for path in (tmp_path / "fifo", Path("/dev/null")):
        with pytest.raises(ConfigError, match="no regular file"):
            open_settings(ConfigStore(path))


def test_a_fresh_file_has_what_the_original_worker_requires(tmp_path: Path) -> None:
    ConfigStore(tmp_path / "config.toml").update(paused=True)
    table = tomllib.loads((tmp_path / "config.toml").read_text("utf-8"))
    assert {"api_base_url", "vram_threshold_gb", "auto_start", "paused"} == set(table)


def test_a_wrong_value_is_an_error_and_the_file_stays(store: ConfigStore) -> None:
    store.path.write_text("vram_threshold_gb = -1", "utf-8")
    with pytest.raises(ConfigError, match="vram_threshold_gb"):
        open_settings(ConfigStore(store.path))
    assert store.path.read_text("utf-8") == "vram_threshold_gb = -1"
