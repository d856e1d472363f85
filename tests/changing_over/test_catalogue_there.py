"""The catalogue that both workers use: what ours writes loads in the existing one."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from studio_worker_core.models.catalogue import Catalogue
from studio_worker_core.models.entries import CatalogueEntry
from studio_worker_core.wire.frames import Claim
from studio_worker_core.wire.models import CliDefaults, ModelFile, ModelSource
from studio_worker_core.wire.tasks import AudioTtsTask, ImageTask, TaskKind

from .recorded_directory import CATALOGUE, CHAT, VISION
from .strict_reader import read_catalogue


@pytest.fixture
def catalogue(tmp_path: Path) -> Catalogue:
    (tmp_path / "models.json").write_text(json.dumps(CATALOGUE, indent=2), "utf-8")
    return Catalogue(tmp_path / "models.json")


def offer(model: str, engine: str = "synthetic", **source: Any) -> Claim:
    return Claim(
        job_id="j",
        model=model,
        task=ImageTask(prompt="a fox"),
        model_source=ModelSource(engine=engine, **source),
        vram_gb_estimate=1.0,
    )


def document(catalogue: Catalogue) -> dict[str, Any]:
    read: dict[str, Any] = json.loads(catalogue.path.read_bytes())
    return read


def test_reading_and_offers_of_known_models_write_nothing(catalogue: Catalogue) -> None:
    before = catalogue.path.read_bytes()
    assert catalogue.find("qwen3.5-0.8b") is not None
    assert not catalogue.mirror(offer("qwen3.5-0.8b", "llama-cpp"))
    assert catalogue.path.read_bytes() == before
    assert not catalogue.path.with_name("plugin-models.json").exists()


def test_an_offer_is_added_and_the_rest_stays_to_the_letter(catalogue: Catalogue) -> None:
    before = catalogue.path.read_text("utf-8")
    assert catalogue.mirror(offer("new"))
    assert catalogue.path.read_text("utf-8").startswith(before[: before.rindex("}\n  ]")])
    assert read_catalogue(catalogue.path)["new"]["origin"] == "studio"


def test_what_the_existing_worker_has_no_words_for_is_in_a_file_of_its_own(
    catalogue: Catalogue,
) -> None:
    catalogue.mirror(offer("formant-synth-2", "formant"))
    catalogue.mirror(offer("odd-role", "onnx", files=[FILE]))
    catalogue.put(CatalogueEntry(id="every-kind", source=ModelSource(engine="onnx")))
    assert document(catalogue) == CATALOGUE
    own = json.loads(catalogue.path.with_name("plugin-models.json").read_bytes())
    assert [entry["id"] for entry in own["models"]] == [
        "formant-synth-2",
        "odd-role",
        "every-kind",
    ]
    again = Catalogue(catalogue.path)
    assert {"formant-synth-2", "odd-role", "every-kind", "motion", "qwen3.5-0.8b"} <= {
        entry.id for entry in again.entries()
    }


def test_a_model_that_is_offered_for_two_kinds_moves_with_its_unknown_keys(
    catalogue: Catalogue,
) -> None:
    written = document(catalogue)
    written["models"][2]["colour"] = "red"
    catalogue.path.write_text(json.dumps(written), "utf-8")
    speech = Claim("j", "synthetic-mesh", AudioTtsTask(text="hi"), ModelSource(engine="synthetic"))
    assert catalogue.mirror(speech)
    assert "synthetic-mesh" not in read_catalogue(catalogue.path)
    (own,) = json.loads(catalogue.path.with_name("plugin-models.json").read_bytes())["models"]
    assert (own["id"], own["colour"]) == ("synthetic-mesh", "red")


def test_seeds_of_ours_are_never_written_and_deleted_ones_stay_deleted(
    catalogue: Catalogue,
) -> None:
    catalogue.mirror(offer("new"))
    assert set(read_catalogue(catalogue.path)) == {*(e["id"] for e in CATALOGUE["models"]), "new"}
    assert catalogue.remove("motion")
    assert catalogue.remove("qwen3.5-0.8b")
    assert catalogue.remove("megadetector-v5a")
    assert catalogue.remove("synthetic-mesh")
    assert document(catalogue)["dismissedSeeds"] == ["motion", "qwen3.5-0.8b", "megadetector-v5a"]
    assert Catalogue(catalogue.path).find("motion") is None


def test_entries_that_cannot_be_read_survive_and_are_named_once(
    catalogue: Catalogue, caplog: pytest.LogCaptureFixture
) -> None:
    odd: list[Any] = [{"id": 7}, "text", {"id": "later", "source": {"engine": "onnx", "files": 3}}]
    catalogue.path.write_text(
        json.dumps({"models": [CHAT, *odd, VISION], "dismissedSeeds": ["a", 3], "theme": "dark"})
    )
    with caplog.at_level(logging.WARNING):
        catalogue.mirror(offer("new"))
        catalogue.mirror(offer("newer"))
    assert [row["id"] for row in document(catalogue)["models"][-2:]] == ["new", "newer"]
    assert document(catalogue)["models"][:-2] == [CHAT, *odd, VISION]
    assert document(catalogue)["dismissedSeeds"] == ["a", 3]
    assert document(catalogue)["theme"] == "dark"
    (said,) = caplog.messages
    assert "megadetector-v5a" in said


def test_the_catalogue_of_an_earlier_version_is_taken_over_once(tmp_path: Path) -> None:
    older = tmp_path / "models"
    (older / ".locks").mkdir(parents=True)
    (older / ".locks" / "catalogue.lock").touch()
    mine = {"id": "mine", "source": {"engine": "diffusers", "files": []}, "origin": "local"}
    seed = {"id": "motion", "source": {"engine": "motion"}, "origin": "seed", "kind": "video"}
    text = json.dumps({"models": [mine, seed, CHAT], "dismissedSeeds": ["procedural"]})
    (older / "models.json").write_text(text, "utf-8")
    catalogue = Catalogue(tmp_path / "models.json", older=older)
    assert catalogue.find("mine") is not None
    assert catalogue.find("procedural") is None
    assert not catalogue.path.exists()
    catalogue.mirror(offer("new"))
    assert {"qwen3.5-0.8b", "new"} <= set(read_catalogue(catalogue.path))
    assert Catalogue(catalogue.path).find("mine") is not None
    assert (older / "models.json").read_text("utf-8") == text
    catalogue.remove("mine")
    assert Catalogue(tmp_path / "models.json", older=older).find("mine") is None


def test_a_file_of_that_name_that_is_not_ours_is_not_taken_over(tmp_path: Path) -> None:
    older = tmp_path / "models"
    older.mkdir()
    (older / "models.json").write_text(json.dumps({"models": [CHAT]}), "utf-8")
    assert Catalogue(tmp_path / "models.json", older=older).find("qwen3.5-0.8b") is None


FILE = ModelFile(role="clip-vision-9", url="https://hub.example/m.bin", filename="m.bin")
SOURCES = st.builds(
    ModelSource,
    engine=st.sampled_from(["synthetic", "onnx", "formant", "sd-cpp"]),
    files=st.lists(
        st.builds(
            ModelFile,
            role=st.sampled_from(["model", "vae", "clip-vision-9"]),
            url=st.just(FILE.url),
            filename=st.just("m.bin"),
            approx_bytes=st.none() | st.integers(0, 2**40),
        ),
        max_size=2,
    ),
    cli_defaults=st.builds(
        CliDefaults,
        cfg_scale=st.none() | st.floats(0, 100),
        steps=st.none() | st.integers(0, 100),
        width=st.none() | st.integers(0, 4096),
    ),
)
ENTRIES = st.builds(
    CatalogueEntry,
    id=st.sampled_from(["a", "b", "qwen3.5-0.8b", "motion"]),
    source=SOURCES,
    kind=st.none() | st.sampled_from(TaskKind),
    enabled=st.booleans(),
    vram_gb_estimate=st.floats(0, 100),
)


@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(ENTRIES | st.sampled_from(["a", "motion", "synthetic-mesh"]), max_size=5))
def test_any_sequence_of_changes_loads_there_and_reads_back_here(
    catalogue: Catalogue, changes: list[CatalogueEntry | str]
) -> None:
    catalogue.path.write_text(json.dumps(CATALOGUE), "utf-8")
    catalogue.path.with_name("plugin-models.json").unlink(missing_ok=True)
    for change in changes:
        if isinstance(change, str):
            catalogue.remove(change)
            assert Catalogue(catalogue.path).find(change) is None
        else:
            catalogue.put(change)
            found = Catalogue(catalogue.path).find(change.id)
            assert found is not None
            assert (found.source, found.kind) == (change.source, change.kind)
            assert (found.enabled, found.vram_gb_estimate) == (
                change.enabled,
                change.vram_gb_estimate,
            )
        assert VISION in document(catalogue)["models"]
        read_catalogue(catalogue.path)
