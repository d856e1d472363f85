"""What is set aside keeps its bytes, and takes the place of nothing."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import pytest

from studio_worker_core.storage.aside import move_to_free, set_aside

WITHOUT_A_DESCRIPTOR = """
import resource, sys
from pathlib import Path
from studio_worker_core.storage.aside import move_to_free
path, wanted = Path(sys.argv[1]), Path(sys.argv[2])
resource.setrlimit(resource.RLIMIT_NOFILE, (3, 3))
print(move_to_free(path, wanted).name)
"""


def test_the_new_name_says_when_and_is_numbered_where_it_is_taken(tmp_path: Path) -> None:
    path = tmp_path / "models.json"
    names = []
    for number in range(3):
        path.write_text(str(number))
        names.append(set_aside(path, now=lambda: 0.0).name)
    stem = "models.json.corrupt-19700101T000000Z"
    assert names == [stem, f"{stem}-2", f"{stem}-3"]
    assert [(tmp_path / name).read_text() for name in names] == ["0", "1", "2"]


def test_threads_that_set_aside_at_once_lose_nothing(tmp_path: Path) -> None:
    paths = [tmp_path / f"in-{number}" for number in range(24)]
    for path in paths:
        path.write_text(path.name)
    wanted = tmp_path / "wanted"
    threads = [threading.Thread(target=move_to_free, args=(path, wanted)) for path in paths]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    kept = sorted(path.read_text() for path in tmp_path.glob("wanted*"))
    assert kept == sorted(path.name for path in paths)


def test_a_directory_and_a_dangling_link_are_moved_too(tmp_path: Path) -> None:
    directory, link = tmp_path / "directory", tmp_path / "link"
    (directory / "inner").mkdir(parents=True)
    link.symlink_to(tmp_path / "nowhere")
    taken = tmp_path / "taken"
    taken.mkdir()
    assert (move_to_free(directory, taken) / "inner").is_dir()
    assert move_to_free(link, taken).is_symlink()
    assert list(taken.iterdir()) == []


def test_what_has_gone_leaves_no_trace(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        set_aside(tmp_path / "gone")
    assert list(tmp_path.iterdir()) == []


def test_a_very_long_name_can_be_set_aside(tmp_path: Path) -> None:
    path = tmp_path / ("n" * 255)
    path.write_text("kept")
    assert set_aside(path).read_text() == "kept"


@pytest.mark.skipif(sys.platform == "win32", reason="has no resource limits")
def test_it_needs_no_room_to_set_something_aside(tmp_path: Path) -> None:
    path, taken = tmp_path / "file", tmp_path / "aside"
    path.write_text("kept")
    taken.write_text("there before")
    command = [sys.executable, "-c", WITHOUT_A_DESCRIPTOR, str(path), str(taken)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.stdout == "aside-2\n", done.stderr
    assert (tmp_path / "aside-2").read_text() == "kept"
    assert taken.read_text() == "there before"
