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
    catalogue = Catalogue(tmp_path)
    assert {entry.source.engine for entry in catalogue.entries()} == {
        "synthetic",
        "procedural",
        "espeak",
        "formant",
        "motion",
    }
    assert not catalogue.path.exists()


def test_an_entry_has_the_shape_of_the_studios_registry(tmp_path: Path) -> None:
    catalogue = Catalogue(tmp_path)
    catalogue.mirror(claim())
    (written,) = [e for e in json.loads(catalogue.path.read_bytes()) if e["id"] == "flux-dev"]
    assert written == {
        "id": "flux-dev",
        "displayName": "flux-dev",
        "kind": "image",
        "vramGbEstimate": 6.0,
        "origin": "studio",
        "source": {
            "engine": "sd-cpp",
            "files": [{"role": "model", "url": FILE.url, "filename": "m.bin"}],
            "cliDefaults": {},
        },
    }


def test_an_offer_is_mirrored_once(tmp_path: Path) -> None:
    catalogue = Catalogue(tmp_path)
    assert catalogue.mirror(claim())
    assert not catalogue.mirror(claim())
    assert catalogue.mirror(claim(vram=8.0))
    found = catalogue.find("flux-dev")
    assert found is not None
    assert found.vram_gb_estimate == 8.0


def test_a_model_offered_for_two_kinds_is_one_of_every_kind(tmp_path: Path) -> None:
    catalogue = Catalogue(tmp_path)
    catalogue.mirror(claim())
    catalogue.mirror(claim(task=AudioTtsTask(text="hello")))
    found = catalogue.find("flux-dev")
    assert found is not None
    assert found.kind is None
    assert not catalogue.mirror(claim())


def test_what_a_person_chose_survives_the_next_offer(tmp_path: Path) -> None:
    catalogue = Catalogue(tmp_path)
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
    catalogue = Catalogue(tmp_path)
    catalogue.put(CatalogueEntry(id="mine", kind=TaskKind.IMAGE, source=ModelSource(engine="onnx")))
    before = catalogue.find(model)
    assert not catalogue.mirror(claim(model, engine="evil"))
    assert catalogue.find(model) == before


def test_a_removed_entry_is_gone(tmp_path: Path) -> None:
    catalogue = Catalogue(tmp_path)
    assert catalogue.remove("motion")
    assert not catalogue.remove("motion")
    assert catalogue.find("motion") is None
    assert catalogue.find("procedural") is not None


@pytest.mark.parametrize(
    "data", [b"", b"{", b"\xff\xfe", b"{}", b'[{"id":1}]', b"[" * 5000, b'[{"id":"x"}]']
)
def test_a_corrupt_catalogue_is_set_aside_and_said_so(
    tmp_path: Path, data: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    catalogue = Catalogue(tmp_path, now=lambda: 0.0)
    catalogue.path.write_bytes(data)
    with caplog.at_level(logging.ERROR):
        assert catalogue.find("motion") is not None
    aside = tmp_path / "models.json.corrupt-19700101T000000Z"
    assert aside.read_bytes() == data
    assert str(aside) in caplog.text


def test_a_second_corrupt_catalogue_does_not_replace_the_first(tmp_path: Path) -> None:
    catalogue = Catalogue(tmp_path, now=lambda: 0.0)
    for data in (b"one", b"two"):
        catalogue.path.write_bytes(data)
        catalogue.entries()
    kept = sorted(path.read_bytes() for path in tmp_path.glob("models.json.corrupt-*"))
    assert kept == [b"one", b"two"]


def test_entries_added_at_the_same_time_are_all_there(tmp_path: Path) -> None:
    start = threading.Barrier(6)

    def add(number: int) -> None:
        start.wait(10)
        Catalogue(tmp_path).mirror(claim(f"model-{number}"))

    threads = [threading.Thread(target=add, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    names = {entry.id for entry in Catalogue(tmp_path).entries()}
    assert {f"model-{number}" for number in range(6)} <= names
    assert [path.name for path in tmp_path.glob(".writing-*")] == []


def test_a_catalogue_that_cannot_be_written_is_a_clear_error(tmp_path: Path) -> None:
    root = tmp_path / "models"
    root.write_text("a file where the directory should be")
    with pytest.raises(ModelStoreError, match=r"models\.json cannot be"):
        Catalogue(root).put(CatalogueEntry(id="x", source=ModelSource(engine="onnx")))


def test_unknown_keys_and_nulls_of_other_versions_are_no_corruption(tmp_path: Path) -> None:
    catalogue = Catalogue(tmp_path)
    entry = {"id": "x", "kind": None, "source": {"engine": "onnx", "new": 1}, "later": True}
    catalogue.path.write_text(json.dumps([entry]))
    found = catalogue.find("x")
    assert found is not None
    assert found.source.engine == "onnx"


def test_a_source_that_would_swell_the_catalogue_is_not_mirrored(tmp_path: Path) -> None:
    catalogue = Catalogue(tmp_path)
    swollen = ModelSource(
        engine="onnx", cli_defaults=CliDefaults(chat_template_kwargs={"x": "y" * 300_000})
    )
    assert not catalogue.mirror(msgspec.structs.replace(claim(), model_source=swollen))
    assert not catalogue.path.exists()
