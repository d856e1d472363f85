"""Results as they are served: types, names and ranges that nobody can turn against a reader."""

from __future__ import annotations

import email
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugins.studio.tests.support.studio_in_thread import StudioInThread
from studio_worker_studio.errors import ApiError
from studio_worker_studio.media_types import content_disposition, mime_of_ext, plain_mime
from studio_worker_studio.ranges import wanted_ranges

Finish = Callable[..., tuple[StudioInThread, str]]
"""Has a worker finish a job with a file of this type; where it is, and its id."""


@pytest.fixture
def finished(studio: StudioInThread) -> Finish:
    def finish(ext: str, mime: str | None, **capabilities: Any) -> tuple[StudioInThread, str]:
        worker = studio.new_worker()
        with worker.session(**capabilities):
            job_id = studio.submit()
            worker.take_offer()
            assert worker.complete(job_id, b"0123456789", ext=ext, mime=mime).status_code == 204
        return studio, job_id

    return finish


@pytest.mark.parametrize(
    "declared",
    [
        "image",
        "a/b\r\nX-Evil: 1",
        "image/ü",
        "image/p ng",
        "text/html; x=\x00",
        "a/b/c",
        "///",
        "日本/x",
    ],
)
def test_a_declared_type_that_is_none_makes_no_result_unfetchable(
    finished: Finish, declared: str
) -> None:
    studio, job_id = finished("qoi", None, extensions={"qoi": declared})
    answer = studio.raw("GET", f"/jobs/{job_id}/result")
    assert (answer.status_code, answer.content) == (200, b"0123456789")
    assert "x-evil" not in answer.headers
    assert "/" in answer.headers["content-type"]


@pytest.mark.parametrize(
    ("ext", "mime", "how"),
    [
        ("png", "image/png", "inline"),
        ("mp4", "video/mp4", "inline"),
        ("svg", "image/svg+xml", "attachment"),
        ("html", "text/html", "attachment"),
        ("png", "text/html", "attachment"),
        ("xhtml", "application/xhtml+xml", "attachment"),
        ("js", "text/javascript", "attachment"),
        ("pdf", "application/pdf", "attachment"),
        ("zzz", None, "attachment"),
    ],
)
def test_what_a_browser_could_run_is_a_download(
    finished: Finish, ext: str, mime: str | None, how: str
) -> None:
    studio, job_id = finished(ext, mime)
    headers = studio.raw("GET", f"/jobs/{job_id}/result").headers
    assert headers["content-disposition"] == f'{how}; filename="{job_id}.{ext}"'
    assert headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in headers["content-security-policy"]


@pytest.mark.parametrize(
    ("header", "status", "body"),
    [
        ("bytes=0-3", 206, b"0123"),
        ("bytes=7-", 206, b"789"),
        ("bytes=-2", 206, b"89"),
        ("bytes=-" + "9" * 5000, 206, b"0123456789"),
        ("bytes=5-" + "9" * 5000, 206, b"56789"),
        ("bytes=" + "0" * 5000 + "1-2", 206, b"12"),
        ("bytes=10-", 416, None),
        ("bytes=" + "9" * 5000 + "-", 416, None),
        ("bytes=-0", 416, None),
        ("bytes=3-1", 200, b"0123456789"),
        ("bytes=x", 200, b"0123456789"),
        ("bytes=", 200, b"0123456789"),
        ("lines=1-2", 200, b"0123456789"),
        ("nonsense", 200, b"0123456789"),
        ("bytes=" + ",".join(["0-1"] * 3000), 200, b"0123456789"),
    ],
)
def test_a_range_is_served_refused_or_passed_over(
    finished: Finish, header: str, status: int, body: bytes | None
) -> None:
    studio, job_id = finished("png", "image/png")
    answer = studio.raw("GET", f"/jobs/{job_id}/result", headers={"Range": header})
    assert answer.status_code == status
    if body is None:
        assert answer.headers["content-range"] == "bytes */10"
    else:
        assert answer.content == body


def test_several_ranges_and_an_outdated_one(finished: Finish) -> None:
    studio, job_id = finished("png", "image/png")
    path = f"/jobs/{job_id}/result"
    several = studio.raw("GET", path, headers={"Range": "bytes=0-1,4-5,90-"})
    assert several.status_code == 206
    assert several.headers["content-type"].startswith("multipart/byteranges")
    tag = several.headers["etag"]
    assert studio.raw("GET", path, headers={"Range": "bytes=1-1", "If-Range": tag}).content == b"1"
    old = {"Range": "bytes=1-1", "If-Range": '"old"'}
    assert studio.raw("GET", path, headers=old).content == b"0123456789"


def test_several_ranges_come_as_parts_and_those_that_meet_as_one(finished: Finish) -> None:
    studio, job_id = finished("png", "image/png")
    path = f"/jobs/{job_id}/result"
    answer = studio.raw("GET", path, headers={"Range": "bytes=6-7,0-1,8-8,1-2"})
    head = f"Content-Type: {answer.headers['content-type']}\r\n\r\n".encode()
    parts: Any = email.message_from_bytes(head + answer.content).get_payload()
    found = [(part["Content-Range"], part.get_payload()) for part in parts]
    assert found == [("bytes 0-2/10", "012"), ("bytes 6-8/10", "678")]
    met = studio.raw("GET", path, headers={"Range": "bytes=5-6,1-4"})
    assert (met.headers["content-range"], met.content) == ("bytes 1-6/10", b"123456")


def test_a_head_says_what_a_get_would_and_sends_nothing(finished: Finish) -> None:
    studio, job_id = finished("png", "image/png")
    path = f"/jobs/{job_id}/result"
    head, whole = studio.raw("HEAD", path), studio.raw("GET", path)
    assert head.content == b""
    for name in ("content-length", "content-type", "etag", "last-modified", "accept-ranges"):
        assert head.headers[name] == whole.headers[name]
    assert studio.raw("HEAD", path, headers={"Range": "bytes=2-4"}).headers["content-length"] == "3"


@given(st.text(max_size=80), st.integers(1, 10**13))
def test_any_range_header_is_understood_or_passed_over(text: str, size: int) -> None:
    for header in (text, f"bytes={text}"):
        try:
            wanted = wanted_ranges(header, size)
        except ApiError as refused:
            wanted = None
            told = (refused.status, refused.headers["Content-Range"])
        else:
            told = (416, f"bytes */{size}")
        assert told == (416, f"bytes */{size}")
        behind = -1
        for start, end in wanted or []:
            assert behind < start < end <= size
            behind = end


@given(st.text(max_size=60))
def test_any_name_gives_a_header_of_plain_ascii(name: str) -> None:
    header = content_disposition("image/png", name)
    assert header.isascii()
    assert header.isprintable()
    assert header.count('"') == 2
    assert ("filename*=UTF-8''" in header) == (f'"{name}"' not in header)


@given(st.text(max_size=80))
def test_any_declared_type_is_checked(text: str) -> None:
    found = plain_mime(text)
    assert found is None or (found.isascii() and found.count("/") == 1 and " " not in found)
    assert "/" in mime_of_ext("qoi", {"qoi": text})
