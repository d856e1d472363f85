"""The streaming form parser, fed in pieces of any size."""

from __future__ import annotations

import contextlib
import hashlib
import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from studio_worker_studio.errors import ApiError
from studio_worker_studio.upload import ReceivedForm

from .support.memory_results import MemoryResults

RELAXED = settings(deadline=None)


def form(data: bytes, prompt: str, boundary: bytes = b"bnd") -> bytes:
    def part(name: bytes, value: bytes, more: bytes = b"") -> bytes:
        head = b'Content-Disposition: form-data; name="' + name + b'"' + more
        return b"--" + boundary + b"\r\n" + head + b"\r\n\r\n" + value + b"\r\n"

    file = part(b"image", data, b'; filename="j.png"\r\nContent-Type: image/png')
    return (
        part(b"prompt", prompt.encode())
        + part(b"ext", b"PNG")
        + file
        + b"--"
        + boundary
        + b"--\r\n"
    )


@RELAXED
@given(
    data=st.binary(min_size=1, max_size=3000),
    prompt=st.text(st.characters(exclude_categories=["Cs"]), max_size=200),
    cuts=st.lists(st.integers(1, 400), min_size=1, max_size=50),
)
def test_a_form_comes_out_whole_however_it_is_cut(
    data: bytes, prompt: str, cuts: list[int]
) -> None:
    if b"\r\n--bnd" in data:
        return
    incoming = MemoryResults().receive()
    body = form(data, prompt)
    received = ReceivedForm("multipart/form-data; boundary=bnd", incoming, 10_000)
    sizes = itertools.cycle(cuts)
    while body:
        size = next(sizes)
        received.feed(body[:size])
        body = body[size:]
    received.finish()
    assert incoming.read() == data
    assert received.prompt == prompt
    assert (received.ext, received.mime, received.size) == ("png", "image/png", len(data))
    assert received.sha256 == hashlib.sha256(data).hexdigest()


@RELAXED
@given(garbage=st.binary(max_size=2000))
def test_garbage_raises_nothing_but_the_documented_error(garbage: bytes) -> None:
    def read() -> None:
        received = ReceivedForm(
            "multipart/form-data; boundary=bnd", MemoryResults().receive(), 1000
        )
        received.feed(garbage)
        received.finish()

    with pytest.raises(ApiError):
        read()


@RELAXED
@given(content_type=st.text(st.characters(max_codepoint=255), max_size=200))
def test_any_content_type_is_read_or_refused(content_type: str) -> None:
    with contextlib.suppress(ApiError):
        ReceivedForm(content_type, MemoryResults().receive(), 1000)


def test_a_prompt_is_bounded() -> None:
    received = ReceivedForm("multipart/form-data; boundary=bnd", MemoryResults().receive(), 1000)
    with pytest.raises(ApiError) as refused:
        received.feed(form(b"x", "p" * 4_000_001))
    assert refused.value.status == 413
