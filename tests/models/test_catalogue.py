"""The catalogue keeps what people wrote, learns from offers and survives a broken file."""

from __future__ import annotations

import json
import logging
import threading
from pathlib import Path

import msgspec
import pytest

from studio_worker_core.errors import ModelStoreError
from studio_worker_core.models.catalogue import Catalogue
from studio_worker_core.models.entries import CatalogueEntry
from studio_worker_core.storage.atomic import is_draft
from studio_worker_core.wire.frames import Claim
from studio_worker_core.wire.models import CliDefaults, ModelFile, ModelSource
from studio_worker_core.wire.tasks import AudioTtsTask, ImageTask, Task, TaskKind

FILE = ModelFile(role="model", url="https://hub.example/m.bin", filename="m.bin")


def claim(
    model: str = "flux-dev", *, task: Task | None = None, vram: float = 6.0, engine: str = "sd-cpp"
) -> Claim:
    return Claim(
        job_id="j1",
        model=model,
        task=task or ImageTask(prompt="a fox"),
        model_source=ModelSource(engine=engine, files=[FILE]),
        vram_gb_estimate=vram,
    )


def test_a_fresh_catalogue_knows_the_models_without_files(tmp_path: Path) -> None:
    catalogue = Catalogue(tmp_path / "models.json")
    assert {entry.source.engine for entry in catalogue.entries()} == {
        "synthetic",
        "procedural",
        "espeak",
        "formant",
        "motion",
    }
    assert not catalogue.path.exists()


def test_an_entry_has_the_shape_of_the_studios_registry(tmp_path: Path) -> None:
    catalogue = Catalogue(tmp_path / "models.json")
    catalogue.mirror(claim())
    (written,) = [
        entry
        for entry in json.loads(catalogue.path.read_bytes())["models"]
        if entry["id"] == "flux-dev"
    ]
    assert written == {
        "id": "flux-dev",
        "displayName": "flux-dev",
        "kind": "image",
        "vramGbEstimate": 6.0,
        "enabled": True,
        "origin": "studio",
        "source": {
            "engine": "sd-cpp",
            "files": [{"role": "model", "url": FILE.url, "filename": "m.bin"}],
            "cliDefaults": {"cfgScale": 0.0, "steps": 0, "width": 0, "height": 0},
        },
    }


def test_an_offer_is_mirrored_once(tmp_path: Path) -> None:
    catalogue = Catalogue(tmp_path / "models.json")
    assert catalogue.mirror(claim())
    assert not catalogue.mirror(claim())
    assert catalogue.mirror(claim(vram=8.0))
    found = catalogue.find("flux-dev")
    assert found is not None
    assert found.vram_gb_estimate == 8.0


def test_a_model_that_was_taken_out_is_mirrored_by_the_next_offer(tmp_path: Path) -> None:
    catalogue = Catalogue(tmp_path / "models.json")
    for _ in range(3):
        catalogue.mirror(claim())
    assert Catalogue(catalogue.path).remove("flux-dev")
    assert catalogue.mirror(claim())
    assert not catalogue.mirror(claim())


def test_a_model_offered_for_two_kinds_is_one_of_every_kind(tmp_path: Path) -> None:
    catalogue = Catalogue(tmp_path / "models.json")
    catalogue.mirror(claim())
    catalogue.mirror(claim(task=AudioTtsTask(text="hello")))
    found = catalogue.find("flux-dev")
    assert found is not None
    assert found.kind is None
    assert not catalogue.mirror(claim())


def test_what_a_person_chose_survives_the_next_offer(tmp_path: Path) -> None:
    catalogue = Catalogue(tmp_path / "models.json")
    catalogue.mirror(claim())
    found = catalogue.find("flux-dev")
    assert found is not None
    catalogue.put(msgspec.structs.replace(found, display_name="My Flux", enabled=False))
    catalogue.mirror(claim(vram=9.0))
    after = catalogue.find("flux-dev")
    assert after is not None
    assert (after.display_name, after.enabled, after.vram_gb_estimate) == ("My Flux", False, 9.0)


@pytest.mark.parametrize("model", ["mine", "synthetic"])
def test_an_offer_never_changes_a_local_or_seeded_entry(tmp_path: Path, model: str) -> None:
    catalogue = Catalogue(tmp_path / "models.json")
    catalogue.put(CatalogueEntry(id="mine", kind=TaskKind.IMAGE, source=ModelSource(engine="onnx")))
    before = catalogue.find(model)
    assert not catalogue.mirror(claim(model, engine="evil"))
    assert catalogue.find(model) == before


def test_a_removed_entry_is_gone(tmp_path: Path) -> None:
    catalogue = Catalogue(tmp_path / "models.json")
    assert catalogue.remove("motion")
    assert not catalogue.remove("motion")
    assert catalogue.find("motion") is None
    assert catalogue.find("procedural") is not None


@pytest.mark.parametrize("data", [b"", b"{", b"\xff\xfe", b"{}", b"[" * 5000, b'{"models": 1}'])
def test_a_corrupt_catalogue_is_set_aside_and_said_so(
    tmp_path: Path, data: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    catalogue = Catalogue(tmp_path / "models.json", now=lambda: 0.0)
    catalogue.path.write_bytes(data)
    with caplog.at_level(logging.ERROR):
        assert catalogue.find("motion") is not None
    aside = tmp_path / "models.json.corrupt-19700101T000000Z"
    assert aside.read_bytes() == data
    assert str(aside) in caplog.text


def test_a_second_corrupt_catalogue_does_not_replace_the_first(tmp_path: Path) -> None:
    catalogue = Catalogue(tmp_path / "models.json", now=lambda: 0.0)
    for data in (b"one", b"two"):
        catalogue.path.write_bytes(data)
        catalogue.entries()
    kept = sorted(path.read_bytes() for path in tmp_path.glob("models.json.corrupt-*"))
    assert kept == [b"one", b"two"]


def test_entries_added_at_the_same_time_are_all_there(tmp_path: Path) -> None:
    start = threading.Barrier(6)

    def add(number: int) -> None:
        start.wait(60)
        Catalogue(tmp_path / "models.json").mirror(claim(f"model-{number}"))

    threads = [threading.Thread(target=add, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    names = {entry.id for entry in Catalogue(tmp_path / "models.json").entries()}
    assert {f"model-{number}" for number in range(6)} <= names
    assert [path.name for path in tmp_path.iterdir() if is_draft(path.name)] == []


def test_a_catalogue_that_cannot_be_written_is_a_clear_error(tmp_path: Path) -> None:
    root = tmp_path / "models"
    root.write_text("a file where the directory should be")
    with pytest.raises(ModelStoreError, match=r"models\.json cannot be"):
        Catalogue(root / "models.json").put(
            CatalogueEntry(id="x", source=ModelSource(engine="onnx"))
        )


def test_unknown_keys_and_nulls_of_other_versions_are_no_corruption(tmp_path: Path) -> None:
    catalogue = Catalogue(tmp_path / "models.json")
    entry = {"id": "x", "kind": None, "source": {"engine": "onnx", "new": 1}, "later": True}
    catalogue.path.write_text(json.dumps([entry]))
    found = catalogue.find("x")
    assert found is not None
    assert found.source.engine == "onnx"


def test_a_source_that_would_swell_the_catalogue_is_not_mirrored(tmp_path: Path) -> None:
    catalogue = Catalogue(tmp_path / "models.json")
    swollen = ModelSource(
        engine="onnx", cli_defaults=CliDefaults(chat_template_kwargs={"x": "y" * 300_000})
    )
    assert not catalogue.mirror(msgspec.structs.replace(claim(), model_source=swollen))
    assert not catalogue.path.exists()


def test_what_another_program_wrote_is_kept(tmp_path: Path) -> None:
    catalogue = Catalogue(tmp_path / "models.json")
    entry = {
        "id": "x",
        "kind": "image",
        "exclusiveGroup": "big",
        "origin": "local",
        "source": {"engine": "onnx", "files": [], "cliDefaults": {"later": 1}, "new": 2},
    }
    odd = {"id": "odd", "source": "of another age"}
    document = {"models": [entry, odd], "dismissedSeeds": ["motion"], "theme": "dark"}
    catalogue.path.write_text(json.dumps(document))
    assert catalogue.find("odd") is None
    catalogue.mirror(claim())
    written = json.loads(catalogue.path.read_bytes())
    assert written["theme"] == "dark"
    assert written["dismissedSeeds"] == ["motion"]
    by_id = {entry["id"]: entry for entry in written["models"]}
    assert by_id["odd"] == odd
    zeros = {"cfgScale": 0.0, "steps": 0, "width": 0, "height": 0}
    assert by_id["x"]["source"] == {
        "engine": "onnx",
        "files": [],
        "cliDefaults": {"later": 1, **zeros},
        "new": 2,
    }
    assert {**entry, **by_id["x"]} == {**by_id["x"], "exclusiveGroup": "big"}
    assert "flux-dev" in by_id


def test_a_seed_that_was_deleted_stays_deleted(tmp_path: Path) -> None:
    catalogue = Catalogue(tmp_path / "models.json")
    catalogue.path.write_text('{"models": [], "dismissedSeeds": []}')
    assert catalogue.find("motion") is not None
    assert catalogue.remove("motion")
    assert Catalogue(tmp_path / "models.json").find("motion") is None
    assert json.loads(catalogue.path.read_bytes())["dismissedSeeds"] == ["motion"]


def test_a_list_of_an_earlier_version_is_read(tmp_path: Path) -> None:
    catalogue = Catalogue(tmp_path / "models.json")
    catalogue.path.write_text(json.dumps([{"id": "x", "source": {"engine": "onnx"}}]))
    assert [entry.id for entry in catalogue.entries()] == ["x"]
    catalogue.mirror(claim())
    assert [entry.id for entry in Catalogue(tmp_path / "models.json").entries()] == [
        "flux-dev",
        "x",
    ]


def test_a_list_with_something_else_in_it_keeps_that(tmp_path: Path) -> None:
    catalogue = Catalogue(tmp_path / "models.json")
    odd = [{"id": []}, {"id": {"a": 1}}, ["x"], 5]
    catalogue.path.write_text(json.dumps([*odd, {"id": "x", "source": {"engine": "onnx"}}]))
    assert [entry.id for entry in catalogue.entries()] == ["x"]
    catalogue.mirror(claim())
    assert json.loads(catalogue.path.read_bytes())["models"][: len(odd)] == odd
