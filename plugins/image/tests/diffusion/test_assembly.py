"""Making a directory that diffusers can load."""

from __future__ import annotations

import json
import os
import stat
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from studio_worker_core.plugin import InvalidTask
from studio_worker_image.diffusion import links
from studio_worker_image.diffusion.assembly import assemble, check_index, unpack_configs
from studio_worker_image.diffusion.layout import DirectoryModel

_INDEX = json.dumps({"_class_name": "StableDiffusionPipeline", "unet": ["diffusers", "X"]})


def _zip(path: Path, members: Mapping[str, str]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in members.items():
            archive.writestr(name, text)
    return path


def _unpacked(tmp_path: Path, members: Mapping[str, str]) -> Path:
    return unpack_configs(_zip(tmp_path / "c.zip", members), tmp_path / "out")


def test_configs_are_unpacked_with_or_without_a_folder_around_them(tmp_path: Path) -> None:
    for number, around in enumerate(("", "my-model/")):
        archive = _zip(
            tmp_path / f"{number}.zip",
            {f"{around}model_index.json": _INDEX, f"{around}unet/config.json": "{}"},
        )
        found = unpack_configs(archive, tmp_path / str(number))
        assert (found / "unet/config.json").read_text() == "{}"


@pytest.mark.parametrize(
    "name",
    [
        "../evil.json",
        "unet/../../evil.json",
        "/etc/evil.json",
        "C:/evil.json",
        "a\\..\\..\\evil.json",
        "a/b/c/d/deep.json",
        "unet/con./config.json",
    ],
)
def test_nothing_is_written_outside(tmp_path: Path, name: str) -> None:
    with pytest.raises(InvalidTask, match="is no place in a model"):
        _unpacked(tmp_path, {"model_index.json": _INDEX, name: "{}"})
    assert not list(tmp_path.rglob("evil.json"))


@pytest.mark.parametrize("name", ["unet/weights.bin", "pipeline.py", "x.safetensors", "noext"])
def test_only_configs_are_taken(tmp_path: Path, name: str) -> None:
    with pytest.raises(InvalidTask, match="is no config"):
        _unpacked(tmp_path, {"model_index.json": _INDEX, name: ""})


def test_links_in_the_archive_are_refused(tmp_path: Path) -> None:
    archive = tmp_path / "c.zip"
    with zipfile.ZipFile(archive, "w") as opened:
        info = zipfile.ZipInfo("unet/config.json")
        info.external_attr = (stat.S_IFLNK | 0o777) << 16
        opened.writestr(info, "/etc/passwd")
    with pytest.raises(InvalidTask, match="is no regular file"):
        unpack_configs(archive, tmp_path / "out")


def test_a_bomb_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    with pytest.raises(InvalidTask, match="more than 64 MiB"):
        _unpacked(tmp_path, {"big.json": "0" * (65 << 20)})
    with pytest.raises(InvalidTask, match="more than 200 files"):
        _unpacked(tmp_path, {f"{number}.json": "" for number in range(201)})


def test_names_that_differ_in_case_alone_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidTask, match="twice"):
        _unpacked(tmp_path, {"a.json": "", "A.json": ""})


@pytest.mark.parametrize("data", [b"", b"PK\x03\x04 nonsense", b"x" * 1000])
def test_a_broken_archive_is_refused(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "c.zip"
    path.write_bytes(data)
    with pytest.raises(InvalidTask, match=r"configs in c\.zip are refused"):
        unpack_configs(path, tmp_path / "out")


def test_an_archive_without_an_index_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidTask, match=r"no model_index\.json"):
        _unpacked(tmp_path, {"unet/config.json": "{}"})


@pytest.mark.parametrize(
    ("index", "said"),
    [
        ("nonsense", "cannot be read"),
        ("[]", "names no pipeline class"),
        ('{"_class_name": ["pipeline", "Mine"]}', "names no pipeline class"),
        ('{"_class_name": "a.b"}', "names no pipeline class"),
        ('{"_class_name": "X", "unet": ["os", "system"]}', "takes 'unet' from 'os'"),
        ('{"_class_name": "X", "unet": [{}, "y"]}', "takes 'unet' from"),
    ],
)
def test_an_index_that_names_other_code_is_refused(tmp_path: Path, index: str, said: str) -> None:
    (tmp_path / "model_index.json").write_text(index)
    with pytest.raises(InvalidTask, match=said):
        check_index(tmp_path)


def test_the_pipeline_class_is_told(tmp_path: Path) -> None:
    index = {"_class_name": "FluxPipeline", "vae": ["diffusers", "A"], "x": [None, None]}
    (tmp_path / "model_index.json").write_text(json.dumps(index))
    assert check_index(tmp_path) == "FluxPipeline"


def test_loose_files_are_assembled_without_changing_them(tmp_path: Path) -> None:
    index, config = tmp_path / "model_index.json", tmp_path / "unet.config.json"
    index.write_text(_INDEX)
    config.write_text("{}")
    made = assemble(
        DirectoryModel({"model_index.json": index, "unet/config.json": config}), tmp_path / "made"
    )
    assert (made / "unet/config.json").read_text() == "{}"
    assert config.read_text() == "{}"


def test_a_file_is_copied_where_links_cannot_be_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError("a required privilege is not held")

    monkeypatch.setattr(os, "symlink", refuse)
    monkeypatch.setattr(os, "link", refuse)
    source = tmp_path / "a"
    source.write_text("x")
    links.link_or_copy(source, tmp_path / "deep/b")
    assert (tmp_path / "deep/b").read_text() == "x"
    assert not (tmp_path / "deep/b").is_symlink()
