"""A model that is kept loaded follows its catalogue entry and its files."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from studio_worker_core.lanes.model_identity import model_identity
from studio_worker_core.lanes.results import Result
from studio_worker_core.plugin import Model
from studio_worker_core.residency.freshness import Freshness
from studio_worker_core.residency.states import Phase
from studio_worker_core.wire.models import CliDefaults, ModelFile, ModelSource
from tests.downloads.file_server import FileServer
from tests.residency.hosting import Hosting, entry
from tests.support.lane_bench import LaneBench
from tests.support.waiting import eventually


@pytest.fixture
def hosting(bench: LaneBench, tmp_path: Path) -> Iterator[Hosting]:
    with Hosting(bench, tmp_path / "config") as hosting:
        yield hosting


def test_a_replaced_entry_has_its_loaded_model_loaded_again(hosting: Hosting) -> None:
    hosting.loaded("fault")
    before = hosting.bench.pid()
    assert hosting.host.has_loaded("fault", ModelSource("fault"))
    other = ModelSource("fault", cli_defaults=CliDefaults(steps=7))
    hosting.another_catalogue().put(replace(entry("fault"), source=other))
    hosting.watching.look()
    hosting.until("fault", Phase.LOADED)
    eventually("it is of the other source", lambda: hosting.host.has_loaded("fault", other))
    assert not hosting.host.has_loaded("fault", ModelSource("fault"))
    assert hosting.bench.pid() != before
    assert hosting.wished() == ["fault"]
    hosting.another_catalogue().put(
        replace(entry("fault"), source=other, display_name="Another name")
    )
    hosting.watching.look()
    assert hosting.host.find("fault").phase is Phase.LOADED, "a name is no other model"


def test_a_replaced_entry_waits_for_the_job_that_uses_its_model(
    hosting: Hosting, tmp_path: Path
) -> None:
    hosting.loaded("fault")
    working = threading.Event()
    hosting.bench.on_progress = working.set
    made: list[Result] = []
    over = tmp_path / "over"
    job = threading.Thread(target=lambda: made.append(hosting.bench.run(f"until:{over}")))
    job.start()
    assert working.wait(60)
    other = ModelSource("fault", cli_defaults=CliDefaults(steps=7))
    hosting.host.put(replace(entry("fault"), source=other))
    hosting.watching.look()
    assert not hosting.host.has_loaded("fault", other), "jobs of it take a slot meanwhile"
    over.touch()
    job.join()
    assert made
    eventually("it is of the other source", lambda: hosting.host.has_loaded("fault", other))


def test_files_that_were_replaced_are_noticed_once_they_are_still(tmp_path: Path) -> None:
    file = tmp_path / "voice.bin"
    file.write_bytes(b"old")
    model, freshness = Model("voice", {"model": (file,)}), Freshness()
    assert not freshness.has_other_files("voice"), "nothing is loaded"
    freshness.loaded(model, model_identity(model))
    assert [freshness.has_other_files("voice") for _ in range(3)] == [False] * 3
    file.write_bytes(b"half of the new")
    assert not freshness.has_other_files("voice"), "it may still be copied"
    file.write_bytes(b"all of the new one")
    assert not freshness.has_other_files("voice")
    assert freshness.has_other_files("voice")
    file.unlink()
    assert [freshness.has_other_files("voice") for _ in range(3)] == [False] * 3


def test_a_model_whose_files_were_replaced_is_loaded_again(
    hosting: Hosting, server: FileServer
) -> None:
    url = server.serve("/voice.bin", b"old")
    source = ModelSource("fault", [ModelFile("model", url, "voice.bin")])
    hosting.catalogue.put(replace(entry("fault"), source=source))
    hosting.loaded("fault")
    hosting.watching.look()
    (before,) = hosting.lanes.status()
    (file,) = (hosting.directory / "models").rglob("voice.bin")
    file.write_bytes(b"new and longer")
    for _ in range(2):
        hosting.watching.look()

    def is_another() -> bool:
        now = [lane.pid for lane in hosting.lanes.status()]
        is_loaded = hosting.host.find("fault").phase is Phase.LOADED
        return is_loaded and now not in ([], [before.pid])

    eventually("another process has it", is_another)
