"""What is on disk, what changed there, and what goes with a model that is removed."""

from __future__ import annotations

import pytest

from studio_worker_core.errors import DownloadFailed
from studio_worker_core.wire.models import ModelFile
from tests.downloads.file_server import (
    Answer,
    FileServer,
    Kitchen,
    content,
    one_file,
    source_of,
)

DATA = content(400_000)


OTHER = content(300_000, seed=2)


def test_verify_finds_and_removes_what_changed(server: FileServer, kitchen: Kitchen) -> None:
    url = server.serve("/m.bin", DATA)
    store = kitchen.store()
    path = store.ensure(one_file(url, DATA), "tiny")["model"][0]
    assert [file.state for file in store.verify("tiny")] == ["ok"]
    path.write_bytes(OTHER)
    assert [file.state for file in store.verify("tiny")] == ["changed"]
    assert not path.exists()
    assert [kept.read_bytes() for kept in path.parent.glob("*.aside-*")] == [OTHER]
    assert store.verify("tiny") == []
    assert store.ensure(one_file(url, DATA), "tiny")["model"][0].read_bytes() == DATA


def test_models_lists_what_is_on_disk_and_remove_frees_it(
    server: FileServer, kitchen: Kitchen
) -> None:
    store = kitchen.store()
    assert store.models() == []
    store.ensure(one_file(server.serve("/m.bin", DATA), DATA), "org/Tiny Model")
    (stored,) = store.models()
    assert stored.model == "org/Tiny Model"
    assert stored.size == len(DATA)
    assert store.directory("org/Tiny Model") == stored.directory
    assert store.remove("org/Tiny Model") >= len(DATA)
    assert store.models() == []
    assert store.remove("org/Tiny Model") == 0


def test_removing_a_model_leaves_what_others_put_there(
    server: FileServer, kitchen: Kitchen
) -> None:
    store = kitchen.store()
    files = [
        ModelFile(role="model", url=server.serve(f"/{name}", DATA), filename=f"{name}.bin")
        for name in "ab"
    ]
    changed = store.ensure(source_of(*files), "tiny")["model"][1]
    home = kitchen.root / "tiny"
    (home / "notes.txt").write_text("mine")
    (home / "theirs.bin.part").write_bytes(b"another program's")
    (home / "directory").mkdir()
    changed.write_bytes(OTHER)
    assert store.remove("tiny") >= len(DATA)
    left = {path.name for path in store.left_behind("tiny")}
    assert left == {"notes.txt", "theirs.bin.part", "directory", "b.bin"}
    assert changed.read_bytes() == OTHER


def test_removing_a_model_takes_its_unfinished_downloads(
    server: FileServer, kitchen: Kitchen
) -> None:
    cuts = [Answer(cut_after=100_000), *[Answer(cut_after=0)] * 3]
    url = server.serve("/m.bin", DATA, *cuts)
    store = kitchen.store()
    with pytest.raises(DownloadFailed):
        store.ensure(one_file(url), "tiny")
    assert store.remove("tiny") >= 100_000
    assert not (kitchen.root / "tiny").exists()
