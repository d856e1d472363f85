"""Models kept loaded by real engine processes, and what is written down of it."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from studio_worker_core.errors import (
    InsufficientMemory,
    ModelDisabled,
    ModelUnknown,
    ResidencyNotSaved,
)
from studio_worker_core.host.gpu import GpuMemory
from studio_worker_core.lanes.results import Result
from studio_worker_core.models.entries import CatalogueEntry
from studio_worker_core.residency.states import Phase
from studio_worker_core.wire.models import ModelSource
from studio_worker_core.wire.tasks import TaskKind
from tests.residency.hosting import Hosting, entry
from tests.support.lane_bench import LaneBench


@pytest.fixture
def hosting(bench: LaneBench, tmp_path: Path) -> Iterator[Hosting]:
    with Hosting(bench, tmp_path / "config") as hosting:
        yield hosting


def test_a_loaded_model_is_there_for_its_jobs_and_stays(hosting: Hosting) -> None:
    loading = hosting.host.load("fault")
    assert (loading.phase, loading.resident) in [(Phase.LOADING, True), (Phase.LOADED, True)]
    hosting.until("fault", Phase.LOADED)
    (lane,) = hosting.lanes.status()
    assert lane.pinned
    hosting.bench.run("pid")
    assert f"pid {lane.pid}" in " ".join(hosting.bench.logs)
    assert hosting.wished() == ["fault"]


def test_loading_what_is_loaded_changes_nothing(hosting: Hosting) -> None:
    hosting.loaded("fault")
    before = hosting.host.find("fault")
    assert hosting.host.load("fault") == before


def test_an_unloaded_model_gives_its_memory_back(hosting: Hosting) -> None:
    hosting.loaded("fault")
    process = psutil.Process(hosting.bench.pid())
    assert not hosting.host.unload("fault").resident
    hosting.until("fault", Phase.UNLOADED)
    assert not process.is_running()
    assert hosting.wished() == []
    assert hosting.lanes.pinned() == set()


def test_unloading_what_is_not_loaded_says_so_at_once(hosting: Hosting) -> None:
    found = hosting.host.unload("fault")
    assert (found.phase, found.resident) == (Phase.UNLOADED, False)


def test_a_model_that_a_job_left_loaded_is_shown_and_can_be_unloaded(hosting: Hosting) -> None:
    hosting.bench.run("ok")
    found = hosting.host.find("fault")
    assert (found.phase, found.resident) == (Phase.LOADED, False)
    hosting.host.unload("fault")
    hosting.until("fault", Phase.UNLOADED)
    assert hosting.lanes.status() == []


def test_a_load_that_fails_is_shown_and_stays_wished(hosting: Hosting) -> None:
    hosting.host.load("fault-load-raise")
    failed = hosting.until("fault-load-raise", Phase.FAILED)
    assert "cannot be loaded" in str(failed.error)
    assert failed.resident
    assert hosting.wished() == ["fault-load-raise"]
    assert hosting.host.unload("fault-load-raise").phase is Phase.UNLOADED


def test_unloading_calls_off_the_load_that_is_under_way(hosting: Hosting) -> None:
    hosting.host.load("fault-load-hang")
    hosting.until_lane("fault-load-hang", "loading")
    assert hosting.host.unload("fault-load-hang").phase is Phase.LOADING
    hosting.until("fault-load-hang", Phase.UNLOADED)
    assert hosting.lanes.status() == []


def test_a_long_load_keeps_nothing_from_being_unloaded(hosting: Hosting) -> None:
    hosting.loaded("fault")
    hosting.host.load("fault-load-hang")
    hosting.until_lane("fault-load-hang", "loading")
    hosting.host.unload("fault")
    hosting.until("fault", Phase.UNLOADED)
    assert hosting.host.find("fault-load-hang").phase is Phase.LOADING


def test_a_stop_ends_a_load_and_keeps_the_wish(hosting: Hosting) -> None:
    hosting.host.load("fault-load-hang")
    hosting.until_lane("fault-load-hang", "loading")
    hosting.close()
    assert hosting.lanes.status() == []
    assert hosting.wished() == ["fault-load-hang"]


def test_what_is_wished_is_loaded_at_the_next_start_and_tried_again(
    bench: LaneBench, tmp_path: Path
) -> None:
    with Hosting(bench, tmp_path / "config") as before:
        before.loaded("fault-other")
        before.host.load("fault-load-raise")
        before.until("fault-load-raise", Phase.FAILED)
        before.loaded("fault")
        before.wish("unheard-of", *before.wished())
    bench.lanes.unload()
    with Hosting(bench, tmp_path / "config") as after:
        after.host.restore()
        for model in ("fault", "fault-other"):
            after.until(model, Phase.LOADED)
        assert after.until("fault-load-raise", Phase.FAILED).resident
        assert sorted(after.wished()) == ["fault", "fault-load-raise", "fault-other", "unheard-of"]
        in_order = [lane.model for lane in bench.lanes.status()]
        assert in_order == ["fault", "fault-other"], "as in the catalogue"


def test_one_of_an_exclusive_group_is_loaded_and_the_other_goes(hosting: Hosting) -> None:
    for name in ("fault", "fault-other"):
        hosting.catalogue.put(entry(name, group="one at a time"))
    hosting.loaded("fault")
    hosting.host.load("fault-other")
    hosting.until("fault-other", Phase.LOADED)
    assert hosting.host.find("fault").phase is Phase.UNLOADED
    assert hosting.wished() == ["fault-other"]


def test_a_load_that_does_not_fit_changes_nothing(hosting: Hosting) -> None:
    hosting.card = GpuMemory(24.0, 13.0, "Card")
    hosting.catalogue.put(entry("fault", vram=12.5))
    with pytest.raises(InsufficientMemory) as refused:
        hosting.host.load("fault")
    error = refused.value
    assert (error.needed_gib, error.free_gib, error.margin_gib) == (12.5, 13.0, 1.0)
    assert hosting.host.find("fault").phase is Phase.UNLOADED
    assert hosting.wished() == []


def test_a_load_that_waits_has_its_memory_until_it_is_called_off(hosting: Hosting) -> None:
    hosting.card = GpuMemory(24.0, 14.0, "Card")
    for name in ("fault", "fault-other"):
        hosting.catalogue.put(entry(name, vram=8.0))
    hosting.host.load("fault-load-hang")
    hosting.until_lane("fault-load-hang", "loading")
    hosting.host.load("fault")
    with pytest.raises(InsufficientMemory):
        hosting.host.load("fault-other")
    hosting.host.unload("fault")
    hosting.host.unload("fault-load-hang")
    hosting.until("fault", Phase.UNLOADED)
    hosting.host.load("fault-other")
    hosting.until("fault-other", Phase.LOADED)


def test_a_wish_that_cannot_be_kept_changes_nothing(hosting: Hosting) -> None:
    hosting.directory.joinpath("residency.json").mkdir()
    with pytest.raises(ResidencyNotSaved, match=r"residency\.json"):
        hosting.host.load("fault")
    assert hosting.host.find("fault").phase is Phase.UNLOADED
    assert hosting.lanes.status() == []


def test_models_that_are_unknown_or_disabled_are_not_loaded(hosting: Hosting) -> None:
    hosting.catalogue.put(entry("fault", enabled=False))
    with pytest.raises(ModelDisabled):
        hosting.host.load("fault")
    for ask in (hosting.host.load, hosting.host.unload, hosting.host.find):
        with pytest.raises(ModelUnknown):
            ask("nobody")


def test_a_model_without_an_engine_is_not_loadable(hosting: Hosting) -> None:
    hosting.catalogue.put(CatalogueEntry("m", ModelSource("nobodys"), kind=TaskKind.IMAGE))
    hosting.host.load("m")
    assert "not installed" in str(hosting.until("m", Phase.FAILED).error)
    loadable = {each.entry.id: each.loadable for each in hosting.host.models()}
    assert (loadable["m"], loadable["fault"]) == (False, True)


def test_a_deleted_model_is_unloaded_and_forgotten(hosting: Hosting) -> None:
    hosting.loaded("fault")
    assert hosting.host.delete("fault")
    hosting.until_no_lane()
    assert hosting.wished() == []
    assert not hosting.host.delete("fault")


def test_a_model_that_another_process_removes_is_unloaded(hosting: Hosting) -> None:
    hosting.loaded("fault")
    hosting.another_catalogue().remove("fault")
    hosting.watching.look()
    hosting.until_no_lane()
    assert hosting.wished() == []


def test_a_loaded_model_whose_process_dies_is_shown_and_comes_back_with_a_job(
    hosting: Hosting,
) -> None:
    hosting.loaded("fault")
    psutil.Process(hosting.bench.pid()).kill()
    failed = hosting.until("fault", Phase.FAILED, looking=True)
    assert "has ended" in str(failed.error)
    assert failed.resident
    hosting.bench.run("ok")
    hosting.until("fault", Phase.LOADED, looking=True)
    (lane,) = hosting.lanes.status()
    assert lane.pinned


def test_only_what_is_not_kept_is_ended_for_being_idle(hosting: Hosting) -> None:
    hosting.loaded("fault")
    hosting.bench.run("ok", model="fault-other")
    hosting.watching.look()
    assert len(hosting.lanes.status()) == 2, "there is no limit unless one is set"
    hosting.idle_seconds = 1e-9
    hosting.watching.look()
    assert [lane.model for lane in hosting.lanes.status()] == ["fault"]


def test_everything_is_unloaded_for_a_while_and_what_is_kept_comes_back(
    hosting: Hosting,
) -> None:
    hosting.loaded("fault")
    hosting.bench.run("ok", model="fault-other")
    hosting.suspended = True
    hosting.watching.look()
    hosting.until("fault", Phase.UNLOADED)
    assert hosting.lanes.status() == []
    assert hosting.wished() == ["fault"]
    hosting.bench.run("ok", model="fault-other")
    hosting.watching.look()
    assert hosting.lanes.status() == [], "also what a job left since then"
    hosting.suspended = False
    hosting.watching.look()
    hosting.until("fault", Phase.LOADED)


def test_a_job_that_runs_is_finished_before_its_model_is_unloaded(hosting: Hosting) -> None:
    hosting.loaded("fault")
    working = threading.Event()
    hosting.bench.on_progress = working.set
    made: list[Result] = []
    job = threading.Thread(target=lambda: made.append(hosting.bench.run("slow:1")))
    job.start()
    assert working.wait(60)
    hosting.host.unload("fault")
    job.join()
    assert made
    hosting.until("fault", Phase.UNLOADED)


def test_the_list_is_what_the_catalogue_has_in_its_order(hosting: Hosting) -> None:
    hosting.loaded("fault-other")
    found = {each.entry.id: each for each in hosting.host.models()}
    assert list(found) == [each.id for each in hosting.catalogue.entries()]
    assert found["fault-other"].phase is Phase.LOADED
    assert found["fault"].phase is Phase.UNLOADED


def test_the_wish_is_a_file_for_its_owner_in_the_shape_of_the_original(hosting: Hosting) -> None:
    hosting.wish("z", "b")
    hosting.loaded("fault")
    path = hosting.directory / "residency.json"
    assert json.loads(path.read_text("utf-8")) == {"version": 1, "resident": ["b", "fault", "z"]}
    assert path.stat().st_mode & 0o077 == 0
