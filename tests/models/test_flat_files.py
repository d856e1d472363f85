"""Files that lie in the models directory already: used where they are what is asked for."""

from __future__ import annotations

import pytest

from tests.downloads.file_server import (
    FileServer,
    Kitchen,
    content,
    one_file,
)

DATA = content(400_000)


OTHER = content(300_000, seed=2)


def test_a_file_in_the_flat_layout_is_used_where_it_is(
    server: FileServer, kitchen: Kitchen
) -> None:
    url = server.serve("/m.bin", DATA)
    kitchen.root.mkdir()
    flat = kitchen.root / "weights.bin"
    flat.write_bytes(DATA)
    for source in (one_file(url, DATA), one_file(url), one_file(url, approx=len(DATA))):
        assert kitchen.store().ensure(source, "tiny") == {"model": (flat,)}
    assert server.requests == []


@pytest.mark.parametrize("model", ["Plain-1.gguf", "Org/Model"])
def test_a_file_under_the_name_of_its_model_is_used_where_it_is(
    server: FileServer, kitchen: Kitchen, model: str
) -> None:
    url = server.serve("/m.bin", DATA)
    there = kitchen.root / model / "weights.bin"
    there.parent.mkdir(parents=True)
    there.write_bytes(DATA)
    for _ in range(2):
        assert kitchen.store().ensure(one_file(url, DATA), model) == {"model": (there,)}
    assert server.requests == []
    kitchen.store().remove(model)
    assert there.exists()


@pytest.mark.parametrize("model", ["../outside", "/etc", "a/../../outside"])
def test_no_file_is_looked_for_outside_the_models_root(
    server: FileServer, kitchen: Kitchen, model: str
) -> None:
    url = server.serve("/m.bin", DATA)
    outside = kitchen.root.parent / "outside"
    outside.mkdir()
    (outside / "weights.bin").write_bytes(DATA)
    (path,) = kitchen.store().ensure(one_file(url, DATA), model)["model"]
    assert path.is_relative_to(kitchen.root)
    assert len(server.requests) == 1


def test_a_flat_file_with_another_checksum_is_left_alone(
    server: FileServer, kitchen: Kitchen
) -> None:
    url = server.serve("/m.bin", DATA)
    kitchen.root.mkdir()
    flat = kitchen.root / "weights.bin"
    flat.write_bytes(OTHER)
    path = kitchen.store().ensure(one_file(url, DATA), "tiny")["model"][0]
    assert path != flat
    assert path.read_bytes() == DATA
    assert flat.read_bytes() == OTHER


def test_a_flat_file_of_an_impossible_size_is_not_taken_for_the_model(
    server: FileServer, kitchen: Kitchen
) -> None:
    url = server.serve("/m.bin", DATA)
    kitchen.root.mkdir()
    (kitchen.root / "weights.bin").write_bytes(b"<html>")
    path = kitchen.store().ensure(one_file(url, approx=len(DATA)), "tiny")["model"][0]
    assert path.read_bytes() == DATA


def test_the_catalogue_is_never_taken_for_a_model(server: FileServer, kitchen: Kitchen) -> None:
    url = server.serve("/m.bin", b'{"labels": []}')
    kitchen.root.mkdir()
    (kitchen.root / "models.json").write_text("[]")
    path = kitchen.store().ensure(one_file(url, name="models.json"), "tiny")["model"][0]
    assert path.read_bytes() == b'{"labels": []}'


def test_a_flat_file_of_one_source_is_not_taken_for_that_of_another(
    server: FileServer, kitchen: Kitchen
) -> None:
    kitchen.root.mkdir()
    flat = kitchen.root / "weights.bin"
    flat.write_bytes(DATA)
    first = one_file(server.serve("/1/weights.bin", DATA))
    second = one_file(server.serve("/2/weights.bin", OTHER))
    assert kitchen.store().ensure(first, "one")["model"] == (flat,)
    path = kitchen.store().ensure(second, "two")["model"][0]
    assert path.read_bytes() == OTHER
    assert flat.read_bytes() == DATA


def test_a_flat_page_is_not_taken_for_a_model(server: FileServer, kitchen: Kitchen) -> None:
    kitchen.root.mkdir()
    flat = kitchen.root / "weights.bin"
    flat.write_bytes(b"<html>not found</html>")
    path = kitchen.store().ensure(one_file(server.serve("/m.bin", DATA)), "tiny")["model"][0]
    assert path.read_bytes() == DATA
    assert flat.read_bytes() == b"<html>not found</html>"
