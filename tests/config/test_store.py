"""The config file survives edits, crashes, full disks and bad hands."""

from __future__ import annotations

import stat
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from studio_worker_core.config import Config, ConfigStore, Limits, PluginSettings, Registration
from studio_worker_core.errors import ConfigCorrupt, ConfigError
from studio_worker_core.secrets import Secret
from tests.config.written import HAND_WRITTEN, write


def test_a_missing_file_means_defaults_and_is_not_made_by_reading(store: ConfigStore) -> None:
    assert store.load() == Config()
    assert not store.directory.exists()


def test_an_update_is_on_disk_and_for_its_owner_only(store: ConfigStore) -> None:
    store.update(worker_id="w-1", auth_token=Secret("tok"), models_root=Path("/m"))
    again = ConfigStore(store.path).load()
    assert (again.worker_id, again.auth_token, again.models_root) == (
        "w-1",
        Secret("tok"),
        Path("/m"),
    )
    assert stat.S_IMODE(store.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(store.directory.stat().st_mode) == 0o700


def test_a_readable_file_becomes_private_with_the_first_edit(store: ConfigStore) -> None:
    write(store, HAND_WRITTEN)
    store.path.chmod(0o644)
    store.update(auth_token=Secret("tok"))
    assert stat.S_IMODE(store.path.stat().st_mode) == 0o600


def test_comments_order_and_unknown_keys_survive_an_edit(store: ConfigStore) -> None:
    write(store, HAND_WRITTEN)
    store.update(vram_threshold_gb=12.5, worker_id="w-1")
    store.set_text("limits.load_seconds", "90")
    edited = store.path.read_text()
    expected = HAND_WRITTEN.replace("8.0", "12.5").replace("60   #", "90.0   #")
    assert edited.replace('worker_id = "w-1"\n', "") == expected
    assert store.unknown_keys == ("colour", "limits.speed", "extra")
    assert tomllib.loads(edited)["worker_id"] == "w-1"


@pytest.mark.parametrize(
    "start",
    [
        "",
        "# only a comment",
        "# about the table\n[limits]\n",
        'a = """\n[x]\n# y\n"""\n# t\n[limits]\n',
        "a = [\n  [1],\n  # z\n]\r\n[[extra]]\nb = 1\n[[extra]]\nb = 2\n",
        "a.b = 1\n[limits]\nload_seconds = 5.0",
        "[outbox]\nmax_gb = 1.0\n[extra]\nc = 1\n[extra.d]\ne = 1\n",
    ],
)
def test_a_new_key_finds_its_place_in_any_file(store: ConfigStore, start: str) -> None:
    write(store, start)
    before = tomllib.loads(start)
    store.update(worker_id="w", install_id="i", auto_start=True)
    store.set_text("limits.memory_gb", "2")
    after = tomllib.loads(store.path.read_text())
    assert after.pop("limits").pop("memory_gb") == 2.0
    before.pop("limits", None)
    required = {"api_base_url": Config().api_base_url, "vram_threshold_gb": 12.0}
    assert after == before | required | {"worker_id": "w", "install_id": "i", "auto_start": True}
    assert "# t\n[limits]" in store.path.read_text() or "# t" not in start


def test_none_goes_back_to_the_default_and_out_of_the_file(store: ConfigStore) -> None:
    store.update(worker_id="w", vram_threshold_gb=4.0)
    store.update(worker_id=None, vram_threshold_gb=None)
    assert store.config == Config()
    assert "worker_id" not in store.path.read_text()


def test_a_whole_table_can_be_changed_and_dropped(store: ConfigStore) -> None:
    store.update(limits=Limits(memory_gb=3.0), plugins=PluginSettings(disabled=("a",)))
    again = ConfigStore(store.path).load()
    assert again.limits.memory_gb == 3.0
    assert again.plugins.disabled == ("a",)
    assert store.update(limits=None).limits == Limits()


def test_a_path_is_kept_as_it_was_typed(
    store: ConfigStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", "/home/ada")
    assert store.set_text("models_root", "~/m").models_root == Path("/home/ada/m")
    assert store.models_root == Path("/home/ada/m")
    assert 'models_root = "~/m"' in store.path.read_text()


def test_places_follow_the_config_file(
    store: ConfigStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert store.models_root == tmp_path / "home" / "models"
    (store.directory / "models").mkdir(parents=True)
    assert store.models_root == store.directory / "models"
    assert store.catalogue_path == store.directory / "models.json"
    assert store.outbox_root == store.directory / "outbox"
    assert store.lock_path == store.directory / "daemon.lock"
    store.update(models_root=Path("files"))
    assert store.models_root == store.directory / "files"


def test_an_edit_starts_from_what_is_in_the_file_now(store: ConfigStore) -> None:
    store.update(worker_id="w")
    ConfigStore(store.path).set_text("vram_threshold_gb", "3")
    assert store.update(install_id="i").vram_threshold_gb == 3.0
    assert ConfigStore(store.path).load().install_id == "i"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ('worker_id = "w"\nauth_token = "tok-secret\n', 2),
        ('worker_id = "w"\n\nx = [1,\n', 4),
        ("a = 1\na = 2\n", 2),
        (b'worker_id = "w"\nx = "\xff"\n', 2),
        (b"\x00\x01\x02", 1),
    ],
)
def test_a_corrupt_file_is_named_with_its_line_and_never_overwritten(
    store: ConfigStore, text: str | bytes, line: int
) -> None:
    write(store, text)
    before = store.path.read_bytes()
    attempts: list[Callable[[], Config]] = [
        store.load,
        lambda: store.update(worker_id="x"),
        lambda: store.set_text("worker_id", "x"),
    ]
    for attempt in attempts:
        with pytest.raises(ConfigCorrupt) as caught:
            attempt()
        assert (caught.value.path, caught.value.line) == (store.path, line)
        assert f"line {line}" in str(caught.value)
        assert "tok-secret" not in str(caught.value)
    assert store.path.read_bytes() == before


def test_a_corrupt_file_is_set_aside_whole_under_a_new_name(store: ConfigStore) -> None:
    write(store, "not toml at all")
    kept = store.set_aside()
    assert kept.read_text() == "not toml at all"
    assert kept.name.startswith("config.toml.corrupt-2")
    assert store.load() == Config()
    write(store, "broken again")
    assert store.set_aside() != kept
    assert kept.read_text() == "not toml at all"


def test_an_oversized_file_is_refused(store: ConfigStore) -> None:
    write(store, "#" * (1024 * 1024 + 1))
    with pytest.raises(ConfigCorrupt, match="longer than"):
        store.load()


def test_a_byte_order_mark_is_no_reason_to_fail(store: ConfigStore) -> None:
    write(store, b'\xef\xbb\xbfworker_id = "w"\r\n')
    assert store.load().worker_id == "w"
    assert store.update(install_id="i").worker_id == "w"


def test_a_wrong_type_can_be_mended_by_setting_the_key(store: ConfigStore) -> None:
    write(store, 'vram_threshold_gb = "lots"\n')
    with pytest.raises(ConfigError, match="vram_threshold_gb"):
        store.load()
    assert store.set_text("vram_threshold_gb", "8").vram_threshold_gb == 8.0


def test_a_bad_change_leaves_file_and_settings_alone(store: ConfigStore) -> None:
    write(store, HAND_WRITTEN)
    before = store.load()
    with pytest.raises(ConfigError, match="local_api_port"):
        store.update(local_api_port=-5, worker_id="x")
    with pytest.raises(ConfigError, match="no setting named"):
        store.update(colour="blue")
    assert store.config == before
    assert store.path.read_text() == HAND_WRITTEN


def test_a_linked_config_file_stays_a_link(store: ConfigStore, tmp_path: Path) -> None:
    real = tmp_path / "dotfiles" / "worker.toml"
    real.parent.mkdir()
    real.write_text("# mine\n")
    store.directory.mkdir()
    store.path.symlink_to(real)
    store.update(worker_id="w")
    assert store.path.is_symlink()
    assert real.read_text().startswith('# mine\nworker_id = "w"\n')


def test_a_directory_in_place_of_the_file_is_one_clear_error(store: ConfigStore) -> None:
    store.path.mkdir(parents=True)
    with pytest.raises(ConfigError, match="cannot read"):
        store.load()
    with pytest.raises(ConfigError):
        store.update(worker_id="w")


def test_a_directory_that_cannot_be_made_is_one_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    store = ConfigStore(tmp_path / "file" / "config.toml")
    with pytest.raises(ConfigError, match="cannot write"):
        store._edit(lambda _: {"worker_id": "w"})


CHANGES = st.fixed_dictionaries(
    {},
    optional={
        "worker_id": st.none() | st.text(min_size=1, max_size=50),
        "auth_token": st.none() | st.builds(Secret, st.text(min_size=1, max_size=50)),
        "vram_threshold_gb": st.floats(0, 1e6),
        "auto_start": st.booleans(),
        "local_api_port": st.none() | st.integers(0, 65535),
        "limits": st.builds(Limits, memory_gb=st.floats(0, 1e6)),
        "plugins": st.builds(
            PluginSettings, disabled=st.lists(st.text(max_size=10), max_size=3).map(tuple)
        ),
    },
)


@settings(
    max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(CHANGES, max_size=4), st.sampled_from(["", HAND_WRITTEN]))
def test_any_sequence_of_edits_reads_back_and_keeps_what_is_not_ours(
    store: ConfigStore, edits: list[dict[str, Any]], start: str
) -> None:
    write(store, start)
    store.load()
    for changes in edits:
        config = store.update(**changes)
        for key, value in changes.items():
            assert getattr(config, key) == (getattr(Config(), key) if value is None else value)
        assert ConfigStore(store.path).load() == config
    if start:
        text = store.path.read_text()
        assert all(part in text for part in ("# my worker", "# ours", "# how long", "# slow disk"))
        table = tomllib.loads(text)
        assert (table["colour"], table["limits"]["speed"], table["extra"]) == (
            "red",
            3,
            {"a": [1, 2]},
        )


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=200) | st.text(max_size=200).map(lambda text: text.encode("utf-8")))
def test_any_bytes_in_the_file_give_settings_or_a_config_error(
    store: ConfigStore, data: bytes
) -> None:
    write(store, data)
    failure: ConfigError | None = None
    try:
        store.load()
    except ConfigError as error:
        failure = error
    assert failure is None or failure.path == store.path
    assert store.path.read_bytes() == data


def test_registrations_are_written_and_removed_without_a_comment_lost(
    tmp_path: Path,
) -> None:
    path = tmp_path / "config.toml"
    path.write_text('# mine\napi_base_url = "http://a"\n\n# also\n[limits]\nload_seconds = 3.0\n')
    store = ConfigStore(path)
    held = Registration(worker_id="w", auth_token=Secret("hidden"))
    store.update(registrations={"http://b": held})
    store.set_text("outbox.max_gb", "3")
    store.update(registrations={"http://b": held, "http://c/d": Registration(install_id="i")})
    again = ConfigStore(path)
    assert list(again.load().registrations) == ["http://b", "http://c/d"]
    assert again.config.registrations["http://b"] == held
    assert again.unknown_keys == ()
    assert "hidden" not in repr(again.config)
    store.set_text("registrations", "")
    assert ConfigStore(path).load().registrations == {}
    assert all(line in path.read_text() for line in ("# mine", "# also"))


@pytest.mark.parametrize(
    "start",
    [
        "",
        "# mine\n[limits]\nload_seconds = 60.0  # slow\n",
        "[engines.other]\nrate = 3  # theirs\n\n# last\n[extra]\na = 1\n",
        "engines = { other = { rate = 3 } }\n",
        "[engines]\nother.rate = 3\n",
        '[engines."*"]\nthreads = 4\n[limits]\nload_seconds = 60.0\n',
    ],
)
def test_a_setting_of_an_engine_finds_its_place(store: ConfigStore, start: str) -> None:
    write(store, start)
    before = store.load().engines
    store.set_value("engines.dial.rate", 2)
    store.set_value("engines.dial.token", {"env": "NAME"})
    store.set_value("engines.*.device", "cpu")
    assert store.config.engines == before | {
        "dial": {"rate": 2, "token": {"env": "NAME"}},
        "*": before.get("*", {}) | {"device": "cpu"},
    }
    assert ConfigStore(store.path).load().engines == store.config.engines
    for comment in ("# mine", "# slow", "# theirs", "# last"):
        assert (comment in start) == (comment in store.path.read_text("utf-8"))
    store.set_value("engines.dial.token", None)
    assert store.config.engines["dial"] == {"rate": 2}
    store.set_value("engines.never.there", None)
