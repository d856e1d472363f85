"""Edits on a full disk, under kill -9, and by several at once."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import pytest

from studio_worker_core.config import ConfigStore
from studio_worker_core.errors import ConfigError
from studio_worker_core.secrets import Secret
from studio_worker_core.storage.atomic import is_draft
from tests.config.written import HAND_WRITTEN, write


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
    write(store, HAND_WRITTEN)
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
    write(store, HAND_WRITTEN)
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
    assert [path.name for path in store.directory.iterdir() if is_draft(path.name)] == []


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
