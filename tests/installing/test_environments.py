"""Only environments that were made here are ever removed."""

from __future__ import annotations

from pathlib import Path

import pytest

from studio_worker_core.errors import PluginError
from studio_worker_core.installing.environments import (
    ENVIRONMENT_MARKER,
    make_environment,
    remove_environment,
)
from studio_worker_core.roster.isolated import DESCRIPTION_NAME


def made(place: Path) -> Path:
    (place / "bin").mkdir(parents=True)
    (place / "bin" / "python").write_text("", "utf-8")
    (place / ENVIRONMENT_MARKER).touch()
    return place


def test_an_environment_is_removed_with_all_that_is_in_it(tmp_path: Path) -> None:
    far = tmp_path / "far"
    far.mkdir()
    (far / "kept").touch()
    place = made(tmp_path / "env")
    (place / "link").symlink_to(far, target_is_directory=True)
    remove_environment(place)
    assert not place.exists()
    assert (far / "kept").exists()
    remove_environment(place)


def test_one_made_before_there_was_a_marker_is_removed(tmp_path: Path) -> None:
    place = made(tmp_path / "env")
    (place / ENVIRONMENT_MARKER).unlink()
    (place / "pyvenv.cfg").touch()
    (place / DESCRIPTION_NAME).touch()
    remove_environment(place)
    assert not place.exists()


@pytest.mark.parametrize("what", ["directory", "environment", "file", "link"])
def test_what_was_not_made_here_stays_whatever_is_asked(tmp_path: Path, what: str) -> None:
    place = tmp_path / "my-engine"
    if what == "file":
        place.write_text("mine", "utf-8")
    elif what == "link":
        place.symlink_to(made(tmp_path / "real"), target_is_directory=True)
    else:
        place.mkdir()
        (place / ("pyvenv.cfg" if what == "environment" else "notes.txt")).write_text("mine")
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(PluginError, match="move it away"):
        remove_environment(place)
    with pytest.raises(PluginError, match="move it away"):
        make_environment(
            place, "my-engine", models_root=tmp_path, pip_options=["--no-index"], say=lambda _: None
        )
    assert sorted(tmp_path.rglob("*")) == before


def test_one_that_cannot_be_completed_leaves_nothing(tmp_path: Path) -> None:
    place = tmp_path / "engines" / "nonsense"
    with pytest.raises(PluginError):
        make_environment(
            place,
            "studio-worker-no-such-thing",
            models_root=tmp_path,
            pip_options=["--no-index"],
            say=lambda _: None,
        )
    assert not place.exists()
