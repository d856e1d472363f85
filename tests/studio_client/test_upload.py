"""Results on their way, and what a studio may do to them (protocol §4)."""

from __future__ import annotations

import logging
import re
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from studio_worker_core.errors import HttpStatusError
from studio_worker_core.studio_client.http import StudioClient
from studio_worker_core.wire.generation import GenerationMeta
from tests.studio_client.servers import Answer, HttpServer
from tests.studio_client.uploads import TOKEN, complete, upload_of


def _parts(content_type: str, body: bytes) -> list[tuple[dict[str, str], bytes]]:
    boundary = content_type.removeprefix("multipart/form-data; boundary=").encode()
    head, *parts, tail = (b"\r\n" + body).split(b"\r\n--" + boundary)
    assert (head, tail) == (b"", b"--\r\n")
    found = []
    for part in parts:
        assert part.startswith(b"\r\n")
        lines, content = part[2:].split(b"\r\n\r\n", 1)
        headers = dict(line.split(": ", 1) for line in lines.decode().split("\r\n"))
        found.append((headers, content))
    return found


@pytest.mark.parametrize("status", [200, 201, 202, 204])
def test_a_result_arrives_as_the_protocol_says(
    http_server: HttpServer, small: Path, status: int
) -> None:
    http_server.respond = lambda _: Answer(status)
    complete(http_server.url, upload_of(small, prompt="ein Bär\r\nzweite Zeile"))
    [seen] = http_server.seen
    assert (seen.method, seen.path) == ("POST", "/graphics/api/workers/w-1/jobs/j-1/complete")
    assert seen.headers["authorization"] == "Bearer t0ken"
    assert int(seen.headers["content-length"]) == len(seen.body)
    prompt, ext, image = _parts(seen.headers["content-type"], seen.body)
    assert prompt[0]["Content-Disposition"] == 'form-data; name="prompt"'
    assert prompt[1].decode() == "ein Bär\r\nzweite Zeile"
    assert (ext[0]["Content-Disposition"], ext[1]) == ('form-data; name="ext"', b"png")
    assert image[0] == {
        "Content-Disposition": 'form-data; name="image"; filename="j-1.png"',
        "Content-Type": "image/png",
    }
    assert image[1] == small.read_bytes()


def test_how_it_was_made_is_a_field_of_the_form(http_server: HttpServer, small: Path) -> None:
    http_server.respond = lambda _: Answer(204)
    complete(http_server.url, upload_of(small, meta=GenerationMeta(model="zöe", seed=2**64 - 1)))
    [seen] = http_server.seen
    assert int(seen.headers["content-length"]) == len(seen.body)
    _, _, meta, image = _parts(seen.headers["content-type"], seen.body)
    assert meta[0]["Content-Disposition"] == 'form-data; name="generationMeta"'
    assert meta[1].decode() == '{"model":"zöe","seed":18446744073709551615}'
    assert image[1] == small.read_bytes()


@pytest.mark.parametrize(
    ("status", "transient"), [(409, False), (413, False), (500, True), (503, True)]
)
def test_a_refusal_carries_operation_status_and_body(
    http_server: HttpServer, small: Path, status: int, transient: bool
) -> None:
    http_server.respond = lambda _: Answer(status, b"not yours")
    with pytest.raises(HttpStatusError) as caught:
        complete(http_server.url, upload_of(small))
    assert str(caught.value) == f"complete failed: {status} — not yours"
    assert caught.value.is_transient is transient


def test_every_attempt_sends_the_whole_file_again(http_server: HttpServer, small: Path) -> None:
    answers = [Answer(500), Answer(503), Answer(204)]
    http_server.respond = lambda _: answers.pop(0)
    client, upload = StudioClient(http_server.url), upload_of(small)
    for _ in range(2):
        with pytest.raises(HttpStatusError):
            client.complete("w-1", TOKEN, "j-1", upload)
    client.complete("w-1", TOKEN, "j-1", upload)
    bodies = [_parts(seen.headers["content-type"], seen.body) for seen in http_server.seen]
    assert bodies[0] == bodies[1] == bodies[2]
    boundaries = {seen.headers["content-type"] for seen in http_server.seen}
    assert len(boundaries) == 3


def test_a_large_file_is_never_held_in_memory(http_server: HttpServer, large: Path) -> None:
    body = upload_of(large).open()
    tracemalloc.start()
    try:
        total = 0
        while chunk := body.read(65536):
            total += len(chunk)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
        body.close()
    assert total == len(body)
    assert peak < 1024 * 1024


def test_the_size_is_logged_before_the_upload(
    http_server: HttpServer, small: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG, "studio_worker.http"):
        complete(http_server.url, upload_of(small))
    before, after = [r for r in caplog.records if r.name == "studio_worker.http"]
    fields: Any = before
    assert (fields.op, fields.job_id, fields.bytes, fields.ext) == (
        "complete",
        "j-1",
        small.stat().st_size,
        "png",
    )
    assert vars(after)["status"] == 204


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.binary(max_size=2000),
    st.text(max_size=200),
    st.text(min_size=1, max_size=30),
    st.lists(st.integers(1, 700), min_size=1, max_size=20),
)
def test_any_content_in_any_chunks_is_one_well_formed_body(
    tmp_path: Path, content: bytes, prompt: str, name: str, sizes: list[int]
) -> None:
    path = tmp_path / "result"
    path.write_bytes(content)
    chunks: list[bytes] = []
    with upload_of(path, prompt=prompt, file_name=name).open() as body:
        while chunk := body.read(sizes[len(chunks) % len(sizes)]):
            assert len(chunk) <= sizes[len(chunks) % len(sizes)]
            chunks.append(chunk)
    whole = b"".join(chunks)
    assert len(whole) == len(body)
    parts = _parts(body.content_type, whole)
    assert [part[1] for part in parts] == [prompt.encode(errors="replace"), b"png", content]
    assert re.fullmatch(
        r'form-data; name="image"; filename="[^"\r\n]*"', parts[2][0]["Content-Disposition"]
    )
