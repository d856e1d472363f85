"""A demo writes over the files of an earlier one and over nobody else's."""

from __future__ import annotations

from pathlib import Path

import pytest

from studio_worker_studio.demo.output import RECORD_NAME, OutputDirectory


def write(out: OutputDirectory, stem: str, data: bytes) -> str:
    name = out.names(stem, "png")
    with out.writing(name) as draft:
        draft.write_bytes(data)
    return name


def test_files_of_an_earlier_demo_are_written_over(tmp_path: Path) -> None:
    for data in (b"one", b"two"):
        assert write(OutputDirectory(tmp_path / "out"), "clouds", data) == "clouds.png"
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [RECORD_NAME, "clouds.png"]
    assert (tmp_path / "out" / "clouds.png").read_bytes() == b"two"


def test_a_file_that_no_demo_made_stays_and_is_named(tmp_path: Path) -> None:
    (tmp_path / "clouds.png").write_bytes(b"somebody's")
    out = OutputDirectory(tmp_path)
    assert write(out, "clouds", b"demo") == "clouds-2.png"
    assert (tmp_path / "clouds.png").read_bytes() == b"somebody's"
    assert out.left_alone == ["clouds.png"]


def test_a_file_of_a_demo_that_was_changed_since_stays(tmp_path: Path) -> None:
    write(OutputDirectory(tmp_path), "clouds", b"demo")
    (tmp_path / "clouds.png").write_bytes(b"retouched")
    assert write(OutputDirectory(tmp_path), "clouds", b"again") == "clouds-2.png"
    assert (tmp_path / "clouds.png").read_bytes() == b"retouched"


def test_links_and_directories_of_that_name_stay(tmp_path: Path) -> None:
    target = tmp_path / "elsewhere"
    target.write_bytes(b"far")
    out = tmp_path / "out"
    write(OutputDirectory(out), "a", b"far")
    (out / "a.png").unlink()
    (out / "a.png").symlink_to(target)
    (out / "b.png").mkdir()
    again = OutputDirectory(out)
    assert write(again, "a", b"demo") == "a-2.png"
    assert write(again, "b", b"demo") == "b-2.png"
    assert target.read_bytes() == b"far"


def test_two_results_of_one_name_get_two_files(tmp_path: Path) -> None:
    out = OutputDirectory(tmp_path)
    assert [write(out, "a", b"1"), write(out, "a", b"2")] == ["a.png", "a-2.png"]
    assert out.left_alone == []


def test_a_result_that_does_not_arrive_leaves_the_old_file(tmp_path: Path) -> None:
    write(OutputDirectory(tmp_path), "a", b"old")
    out = OutputDirectory(tmp_path)
    with pytest.raises(OSError, match="gone"), out.writing(out.names("a", "png")):
        raise OSError("gone")
    assert (tmp_path / "a.png").read_bytes() == b"old"
    assert sorted(path.name for path in tmp_path.iterdir()) == [RECORD_NAME, "a.png"]


@pytest.mark.parametrize("record", [b"", b"[]", b"{", b'{"a.png": 5}'])
def test_a_damaged_record_makes_nothing_ours(tmp_path: Path, record: bytes) -> None:
    write(OutputDirectory(tmp_path), "a", b"old")
    (tmp_path / RECORD_NAME).write_bytes(record)
    assert write(OutputDirectory(tmp_path), "a", b"new") == "a-2.png"
