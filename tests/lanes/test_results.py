"""What an engine says it made is judged once, and only then relied on."""

from __future__ import annotations

from pathlib import Path

import pytest

from studio_worker_core.errors import EngineFailed
from studio_worker_core.lanes.protocol import Done
from studio_worker_core.lanes.request import LaneRequest
from studio_worker_core.lanes.results import Result, judged
from studio_worker_core.plugin import ChatMessage, ImageTask, LlmTask, Model, Task
from tests.support.fault_plugin import fault_entry

PNG = b"\x89PNG\r\n\x1a\n" + b"pixels" * 20
PICTURE = ImageTask(prompt="a castle", ext="png")
CHAT = LlmTask(messages=[ChatMessage("user", "hello")])


def judge(root: Path, path: Path, task: Task = PICTURE, output_mb: float = 0.0) -> Result:
    directory = root / "job"
    request = LaneRequest(
        job_id="job-1",
        entry=fault_entry(),
        model=Model("fault"),
        task=task,
        inputs={},
        directory=directory,
        scratch=directory / "scratch",
    )
    return judged(request, Done("job-1", str(path)), output_mb=output_mb, seconds=1.0)


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    directory = tmp_path / "job"
    (directory / "scratch").mkdir(parents=True)
    return directory


def test_a_good_result_is_what_it_was(tmp_path: Path, directory: Path) -> None:
    path = directory / "result.PNG"
    path.write_bytes(PNG)
    result = judge(tmp_path, path)
    assert (result.path, result.ext, result.is_json) == (path, "png", False)
    assert result.meta.engine == "fault"


@pytest.mark.parametrize(
    ("name", "data", "said"),
    [
        ("result.png", b"", "is empty"),
        ("result.png", b"RIFF\x00\x00\x00\x00WEBPVP8 ", "its bytes are webp"),
        ("result.png", b"hello", "of no known type"),
        ("missing.png", None, r"there is no file missing\.png"),
        ("result.x", b"data", "extension 'x', which its plugin"),
        ("scratch/result.png", PNG, "not in the job's directory"),
        ("../result.png", PNG, "not in the job's directory"),
        ("result.json", b"{}", "answered JSON to a task of kind image, which needs a file"),
    ],
)
def test_a_result_that_is_not_what_it_says_fails_the_job(
    tmp_path: Path, directory: Path, name: str, data: bytes | None, said: str
) -> None:
    path = directory / name
    if data is not None:
        path.write_bytes(data)
    with pytest.raises(EngineFailed, match=said):
        judge(tmp_path, path)


def test_a_link_to_another_file_is_not_a_result(tmp_path: Path, directory: Path) -> None:
    secret = tmp_path / "secret.png"
    secret.write_bytes(PNG)
    (directory / "result.png").symlink_to(secret)
    with pytest.raises(EngineFailed, match="not a regular file"):
        judge(tmp_path, directory / "result.png")


def test_a_result_above_the_limit_fails_the_job(tmp_path: Path, directory: Path) -> None:
    path = directory / "result.png"
    path.write_bytes(PNG.ljust(3 * 1024 * 1024))
    with pytest.raises(EngineFailed, match=r"wrote 3 MB, more than the 2 MB allowed"):
        judge(tmp_path, path, output_mb=2)


def test_a_json_answer_is_a_file_too(tmp_path: Path, directory: Path) -> None:
    path = directory / "result.json"
    path.write_bytes(b'{"choices":[{"message":{"content":"hi"}}],"pi":3.25}')
    assert judge(tmp_path, path, CHAT).is_json


@pytest.mark.parametrize(
    "data",
    [
        *(b"[1]", b"{", b'{"a":1}x', b'{"a":"\xff"}', b"\xff\xfe", b'{"a":[1,]}'),
        b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    ],
    ids=["a list", "half", "a tail", "no UTF-8", "no text", "a comma", "depth"],
)
def test_a_json_answer_that_is_none_fails_the_job(
    tmp_path: Path, directory: Path, data: bytes
) -> None:
    path = directory / "result.json"
    path.write_bytes(data)
    with pytest.raises(EngineFailed, match="answered JSON that cannot be read"):
        judge(tmp_path, path, CHAT)


def test_a_json_answer_too_long_for_any_studio_fails_for_good(
    tmp_path: Path, directory: Path
) -> None:
    path = directory / "result.json"
    path.write_bytes(b'{"text":"' + b"x" * (64 * 1024 * 1024) + b'"}')
    with pytest.raises(EngineFailed, match=r"64\.0 MB of JSON; at most 64 MB can be sent") as error:
        judge(tmp_path, path, CHAT)
    assert not error.value.retryable
