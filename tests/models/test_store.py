"""Files are fetched once, kept apart by model, shared where they are the same, and checked."""

from __future__ import annotations

import json
import logging
import os
import threading
from pathlib import Path

import pytest

from studio_worker_core.downloads.downloading import Downloader
from studio_worker_core.downloads.fetching import Fetcher
from studio_worker_core.errors import DownloadFailed, SourceRefused
from studio_worker_core.models.manifest import MODEL_MANIFEST_NAME
from studio_worker_core.models.progress import FileProgress
from studio_worker_core.models.store import ModelStore, check_source
from studio_worker_core.wire.models import ModelFile, ModelSource
from tests.downloads.file_server import (
    Answer,
    FileServer,
    Kitchen,
    content,
    one_file,
    sha256,
    source_of,
)

DATA = content(400_000)


OTHER = content(300_000, seed=2)


def test_files_come_back_by_role_in_the_order_of_the_source(
    server: FileServer, kitchen: Kitchen
) -> None:
    urls = [server.serve(f"/{name}", content(1000, seed=ord(name))) for name in "abcd"]
    roles = ["diffusion-model", "lora", "vae", "lora"]
    files = [
        ModelFile(role=role, url=url, filename=f"{url[-1]}.bin")
        for role, url in zip(roles, urls, strict=True)
    ]
    paths = kitchen.store().ensure(source_of(*files), "sd")
    home = kitchen.root / "sd"
    assert paths == {
        "diffusion-model": (home / "a.bin",),
        "lora": (home / "b.bin", home / "d.bin"),
        "vae": (home / "c.bin",),
    }


def test_a_source_without_files_touches_nothing(kitchen: Kitchen) -> None:
    assert kitchen.store().ensure(ModelSource(engine="synthetic"), "synthetic") == {}
    assert not kitchen.root.exists()


def test_a_file_that_is_there_is_not_asked_for_again(server: FileServer, kitchen: Kitchen) -> None:
    url = server.serve("/m.bin", DATA)
    first = kitchen.store().ensure(one_file(url), "tiny")
    assert kitchen.store().ensure(one_file(url), "tiny") == first
    assert len(server.requests) == 1


def test_at_most_two_files_are_downloaded_at_a_time(server: FileServer, kitchen: Kitchen) -> None:
    most = now = 0
    lock = threading.Lock()
    both = threading.Barrier(2)

    def watch(path: str) -> None:
        nonlocal most, now
        with lock:
            now += 1
            most = max(most, now)
        both.wait(60)
        with lock:
            now -= 1

    server.on_request = watch
    files = []
    for name in "abcdef":
        url = server.serve(f"/{name}", content(1000, seed=ord(name)))
        files.append(ModelFile(role="model", url=url, filename=name))
    kitchen.store().ensure(source_of(*files), "many")
    assert most == 2


def test_a_file_listed_under_two_roles_is_fetched_once(
    server: FileServer, kitchen: Kitchen
) -> None:
    url = server.serve("/m.bin", DATA)
    both = [ModelFile(role=role, url=url, filename="m.bin") for role in ("vae", "text-encoder")]
    paths = kitchen.store().ensure(source_of(*both), "tiny")
    assert paths["vae"] == paths["text-encoder"]
    assert len(server.requests) == 1


@pytest.mark.parametrize("second", ["m.bin", "M.BIN"])
def test_two_different_files_of_one_name_are_refused(kitchen: Kitchen, second: str) -> None:
    files = [
        ModelFile(role="vae", url="https://hub.example/1", filename="m.bin"),
        ModelFile(role="lora", url="https://hub.example/2", filename=second),
    ]
    with pytest.raises(SourceRefused, match="two different files"):
        kitchen.store().ensure(source_of(*files), "tiny")


@pytest.mark.parametrize(
    "name", ["../outside.bin", "/etc/cron.d/evil", "..", ".studio-worker.json", "a\\b", "nul.bin"]
)
def test_a_name_that_leads_elsewhere_is_refused_before_anything(
    server: FileServer, kitchen: Kitchen, name: str
) -> None:
    url = server.serve("/m.bin", DATA)
    with pytest.raises(SourceRefused):
        kitchen.store().ensure(one_file(url, DATA, name=name), "tiny")
    assert server.requests == []
    assert not kitchen.root.exists()


@pytest.mark.parametrize("model", ["../../escape", "/abs", "..", "a/../../b", "", "C:\\x", "nul"])
def test_a_model_id_never_leaves_the_root(server: FileServer, kitchen: Kitchen, model: str) -> None:
    url = server.serve("/m.bin", DATA)
    path = kitchen.store().ensure(one_file(url, DATA), model)["model"][0]
    assert path.resolve().parent.parent == kitchen.root.resolve()


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd",
        "http://hub.example/m.bin",
        "https://10.0.0.1/m.bin",
        "https://user:pw@hub.example/m.bin",
        "data:text/plain,x",
    ],
)
def test_a_forbidden_address_is_refused(kitchen: Kitchen, url: str) -> None:
    with pytest.raises(SourceRefused):
        kitchen.store().ensure(one_file(url), "tiny")
    with pytest.raises(SourceRefused):
        check_source(one_file(url))


def test_the_same_file_of_another_model_is_linked_instead_of_fetched(
    server: FileServer, kitchen: Kitchen
) -> None:
    url = server.serve("/t5.bin", DATA)
    one = kitchen.store().ensure(one_file(url, DATA, name="t5.bin"), "one")["model"][0]
    other = kitchen.store().ensure(one_file(url, DATA, name="t5-copy.bin"), "two")["model"][0]
    assert other == kitchen.root / "two" / "t5-copy.bin"
    assert other.read_bytes() == DATA
    assert len(server.requests) == 1
    assert one.samefile(other)
    assert kitchen.store().remove("one") > 0
    assert other.read_bytes() == DATA


def test_a_source_that_changed_its_checksum_is_downloaded_anew(
    server: FileServer, kitchen: Kitchen
) -> None:
    url = server.serve("/m.bin", DATA)
    kitchen.store().ensure(one_file(url, DATA), "tiny")
    server.serve("/m.bin", OTHER)
    path = kitchen.store().ensure(one_file(url, OTHER), "tiny")["model"][0]
    assert path.read_bytes() == OTHER


def test_a_source_that_changed_its_url_is_downloaded_anew(
    server: FileServer, kitchen: Kitchen
) -> None:
    kitchen.store().ensure(one_file(server.serve("/1.bin", DATA)), "tiny")
    path = kitchen.store().ensure(one_file(server.serve("/2.bin", OTHER)), "tiny")["model"][0]
    assert path.read_bytes() == OTHER


def test_the_old_file_stays_until_the_new_one_is_right(
    server: FileServer, kitchen: Kitchen
) -> None:
    url = server.serve("/m.bin", DATA)
    path = kitchen.store().ensure(one_file(url, DATA), "tiny")["model"][0]
    server.always["/m.bin"] = Answer(status=404)
    with pytest.raises(DownloadFailed):
        kitchen.store().ensure(one_file(url, OTHER), "tiny")
    assert path.read_bytes() == DATA


@pytest.mark.parametrize("has_checksum", [True, False])
def test_a_file_that_rotted_on_disk_is_downloaded_anew(
    server: FileServer, kitchen: Kitchen, has_checksum: bool
) -> None:
    url = server.serve("/m.bin", DATA)
    source = one_file(url, DATA if has_checksum else None)
    path = kitchen.store().ensure(source, "tiny")["model"][0]
    path.write_bytes(b"\0" + DATA[1:])
    assert kitchen.store().ensure(source, "tiny")["model"][0].read_bytes() == DATA


def test_a_file_that_was_only_touched_is_hashed_and_kept(
    server: FileServer, kitchen: Kitchen
) -> None:
    url = server.serve("/m.bin", DATA)
    path = kitchen.store().ensure(one_file(url, DATA), "tiny")["model"][0]
    os.utime(path, (1, 1))
    kitchen.store().ensure(one_file(url, DATA), "tiny")
    assert len(server.requests) == 1


def test_a_corrupt_manifest_is_set_aside_and_the_files_are_checked_again(
    server: FileServer, kitchen: Kitchen, caplog: pytest.LogCaptureFixture
) -> None:
    url = server.serve("/m.bin", DATA)
    kitchen.store().ensure(one_file(url, DATA), "tiny")
    manifest = kitchen.root / "tiny" / MODEL_MANIFEST_NAME
    manifest.write_bytes(b"\xff{ not json")
    with caplog.at_level(logging.WARNING):
        kitchen.store().ensure(one_file(url, DATA), "tiny")
    assert "set aside" in caplog.text
    aside = list(manifest.parent.glob(f"{MODEL_MANIFEST_NAME}.corrupt-*"))
    assert [path.read_bytes() for path in aside] == [b"\xff{ not json"]
    assert len(server.requests) == 1
    assert json.loads(manifest.read_bytes())["files"]["weights.bin"]["sha256"] == sha256(DATA)


def test_progress_is_told_as_a_share_that_only_grows(server: FileServer, tmp_path: Path) -> None:
    urls = [server.serve(f"/{name}", content(2_000_000, seed=ord(name))) for name in "ab"]
    files = [ModelFile(role="model", url=url, filename=url[-1]) for url in urls]
    told: list[float] = []
    each: list[FileProgress] = []
    ModelStore(tmp_path, downloader=Downloader(Fetcher())).ensure(
        source_of(*files),
        "tiny",
        on_progress=lambda fraction, message: told.append(fraction),
        on_file=each.append,
    )
    assert told == sorted(told)
    assert told[-1] == 1.0
    assert {file.name for file in each if file.is_complete} == {"a", "b"}


def test_an_estimate_of_nothing_is_no_estimate(server: FileServer, kitchen: Kitchen) -> None:
    kitchen.root.mkdir()
    flat = kitchen.root / "weights.bin"
    flat.write_bytes(content(2_000_000))
    url = server.serve("/m.bin", DATA)
    assert kitchen.store().ensure(one_file(url, approx=0), "one") == {"model": (flat,)}
    flat.unlink()
    assert kitchen.store().ensure(one_file(url, approx=0), "two")["model"][0].read_bytes() == DATA


def test_a_file_that_was_swapped_for_one_of_the_same_size_and_time_is_noticed(
    server: FileServer, kitchen: Kitchen
) -> None:
    url = server.serve("/m.bin", DATA)
    path = kitchen.store().ensure(one_file(url, DATA), "tiny")["model"][0]
    times = path.stat()
    other = path.with_name("other")
    other.write_bytes(content(len(DATA), seed=9))
    os.utime(other, ns=(times.st_atime_ns, times.st_mtime_ns))
    other.replace(path)
    assert kitchen.store().ensure(one_file(url, DATA), "tiny")["model"][0].read_bytes() == DATA


def test_a_file_in_use_is_whole_while_another_takes_its_name(
    server: FileServer, kitchen: Kitchen
) -> None:
    url = server.serve("/m.bin", DATA)
    store = kitchen.store()
    files = store.ensure(one_file(url, DATA), "tiny")
    before = files["model"][0].stat().st_ino
    with files["model"][0].open("rb") as used:
        server.serve("/m.bin", OTHER)
        again = store.ensure(one_file(url, OTHER), "tiny")
        assert used.read() == DATA
    assert again == files
    assert again["model"][0].read_bytes() == OTHER
    assert again["model"][0].stat().st_ino != before
