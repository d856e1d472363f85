"""The config file survives edits, crashes, full disks and bad hands."""

from __future__ import annotations

import stat
import subprocess
import sys
import threading
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from studio_worker_core.config import Config, ConfigStore, Limits, PluginSettings
from studio_worker_core.errors import ConfigCorrupt, ConfigError
from studio_worker_core.secrets import Secret

HAND_WRITTEN = """\
# my worker
api_base_url = "https://studio.example/"   # ours
colour = "red"
vram_threshold_gb = 8.0

# how long
[limits]
load_seconds = 60   # slow disk
speed = 3

[extra]
a = [1,
     2]
"""


@pytest.fixture
def store(tmp_path: Path) -> ConfigStore:
    return ConfigStore(tmp_path / "worker" / "config.toml")


def _write(store: ConfigStore, text: str | bytes) -> None:
    store.directory.mkdir(parents=True, exist_ok=True)
    store.path.write_bytes(text if isinstance(text, bytes) else text.encode())


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
    _write(store, HAND_WRITTEN)
    store.path.chmod(0o644)
    store.update(auth_token=Secret("tok"))
    assert stat.S_IMODE(store.path.stat().st_mode) == 0o600


def test_comments_order_and_unknown_keys_survive_an_edit(store: ConfigStore) -> None:
    _write(store, HAND_WRITTEN)
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
    _write(store, start)
    before = tomllib.loads(start)
    store.update(worker_id="w", install_id="i", auto_start=True)
    store.set_text("limits.memory_gb", "2")
    after = tomllib.loads(store.path.read_text())
    assert after.pop("limits").pop("memory_gb") == 2.0
    before.pop("limits", None)
    assert after == before | {"worker_id": "w", "install_id": "i", "auto_start": True}
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


def test_places_follow_the_config_file(store: ConfigStore) -> None:
    assert store.models_root == store.directory / "models"
    assert store.outbox_root == store.directory / "outbox"
    assert store.lock_path == store.directory / "worker.lock"
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
    _write(store, text)
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
    _write(store, "not toml at all")
    kept = store.set_aside()
    assert kept.read_text() == "not toml at all"
    assert kept.name.startswith("config.toml.corrupt-2")
    assert store.load() == Config()
    _write(store, "broken again")
    assert store.set_aside() != kept
    assert kept.read_text() == "not toml at all"


def test_an_oversized_file_is_refused(store: ConfigStore) -> None:
    _write(store, "#" * (1024 * 1024 + 1))
    with pytest.raises(ConfigCorrupt, match="longer than"):
        store.load()


def test_a_byte_order_mark_is_no_reason_to_fail(store: ConfigStore) -> None:
    _write(store, b'\xef\xbb\xbfworker_id = "w"\r\n')
    assert store.load().worker_id == "w"
    assert store.update(install_id="i").worker_id == "w"


def test_a_wrong_type_can_be_mended_by_setting_the_key(store: ConfigStore) -> None:
    _write(store, 'vram_threshold_gb = "lots"\n')
    with pytest.raises(ConfigError, match="vram_threshold_gb"):
        store.load()
    assert store.set_text("vram_threshold_gb", "8").vram_threshold_gb == 8.0


def test_a_bad_change_leaves_file_and_settings_alone(store: ConfigStore) -> None:
    _write(store, HAND_WRITTEN)
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
    assert real.read_text() == '# mine\nworker_id = "w"\n'


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
        store._edit({"worker_id": "w"})


def test_settings_that_could_not_be_saved_stand_in_memory_and_are_saved_later(
    tmp_path: Path,
) -> None:
    blocker = tmp_path / "worker"
    store = ConfigStore(blocker / "config.toml")
    store.load()
    blocker.write_text("a file where the directory should be")
    with pytest.raises(ConfigError):
        store.update(worker_id="w", auth_token=Secret("t"))
    assert store.config.worker_id is None
    assert store.hold(worker_id="w", auth_token=Secret("t"), install_id=None).worker_id == "w"
    assert store.unsaved == {"worker_id", "auth_token", "install_id"}
    blocker.unlink()
    assert store.load().worker_id == "w"
    store.update(vram_threshold_gb=2.0)
    assert store.unsaved == frozenset()
    again = ConfigStore(store.path).load()
    assert (again.worker_id, again.auth_token, again.vram_threshold_gb) == ("w", Secret("t"), 2.0)


def _python(code: str, *arguments: object) -> list[str]:
    return [sys.executable, "-c", code, *map(str, arguments)]


FULL_DISK = """
import resource, sys
from pathlib import Path
from studio_worker_core.config import ConfigStore
from studio_worker_core.errors import ConfigError
store = ConfigStore(Path(sys.argv[1]))
store.load()
import tomlkit
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), int(sys.argv[2])))
try:
    store.update(worker_id="w" * 500)
except ConfigError as error:
    print(error)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="needs RLIMIT_FSIZE")
@pytest.mark.parametrize("room", [0, 1, 100, len(HAND_WRITTEN)])
def test_a_full_disk_leaves_the_old_file_whole(store: ConfigStore, room: int) -> None:
    _write(store, HAND_WRITTEN)
    done = subprocess.run(
        _python(FULL_DISK, store.path, room), capture_output=True, text=True, timeout=60
    )
    assert done.stderr == ""
    assert "cannot write" in done.stdout
    assert str(store.path) in done.stdout
    assert store.path.read_text() == HAND_WRITTEN
    assert {path.name for path in store.directory.iterdir()} <= {
        "config.toml",
        ".config.toml.lock",
    }


EDIT_FOR_EVER = """
import itertools, sys
from pathlib import Path
from studio_worker_core.config import ConfigStore
store = ConfigStore(Path(sys.argv[1]))
for number in itertools.count(1):
    store.update(ws_reconnect_attempts=number, worker_id=str(number) * 200)
    print(number, flush=True)
"""


@pytest.mark.parametrize("edits", [1, 2, 7])
def test_a_kill_9_between_and_during_edits_leaves_a_whole_file(
    store: ConfigStore, edits: int
) -> None:
    _write(store, HAND_WRITTEN)
    with subprocess.Popen(
        _python(EDIT_FOR_EVER, store.path), stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout is not None
        reported = [int(child.stdout.readline()) for _ in range(edits)]
        child.kill()
    config = store.load()
    assert config.ws_reconnect_attempts >= reported[-1]
    assert config.worker_id == str(config.ws_reconnect_attempts) * 200
    store.update(worker_id="after")
    assert not list(store.directory.glob("*.part"))


EDIT_ONE_KEY = """
import sys
from pathlib import Path
from studio_worker_core.config import ConfigStore
store = ConfigStore(Path(sys.argv[1]))
for number in range(1, 21):
    store.set_text(sys.argv[2], str(number))
"""


def test_two_processes_editing_at_once_lose_nothing(store: ConfigStore) -> None:
    keys = ("vram_threshold_gb", "limits.memory_gb")
    children = [subprocess.Popen(_python(EDIT_ONE_KEY, store.path, key)) for key in keys]
    assert [child.wait(timeout=60) for child in children] == [0, 0]
    config = store.load()
    assert (config.vram_threshold_gb, config.limits.memory_gb) == (20.0, 20.0)


def test_threads_editing_at_once_lose_nothing(store: ConfigStore) -> None:
    def edit(key: str) -> None:
        for number in range(10):
            store.set_text(key, str(number))

    threads = [
        threading.Thread(target=edit, args=(key,))
        for key in ("vram_threshold_gb", "ws_reconnect_attempts", "outbox.max_gb")
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    config = ConfigStore(store.path).load()
    assert config.vram_threshold_gb == config.ws_reconnect_attempts == config.outbox.max_gb == 9


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
    _write(store, start)
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
    _write(store, data)
    failure: ConfigError | None = None
    try:
        store.load()
    except ConfigError as error:
        failure = error
    assert failure is None or failure.path == store.path
    assert store.path.read_bytes() == data
