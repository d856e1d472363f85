"""Delivering binary results (protocol §4, §5)."""

from __future__ import annotations

import hashlib
import http.client
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
import requests

from plugins.studio.tests.support.studio_in_thread import Holding, MakeStudio, StudioInThread
from tests.support.waiting import eventually


def test_a_file_is_stored_as_it_was_sent(holding: Holding) -> None:
    studio, worker, job_id = holding
    data = bytes(range(256)) * 20_000
    assert worker.complete(job_id, data).status_code == 204
    job = studio.job(job_id)
    assert job["state"] == "done"
    assert job["prompt"] == "a boat"
    assert job["result"] == {
        "ext": "png",
        "mime": "image/png",
        "bytes": len(data),
        "sha256": hashlib.sha256(data).hexdigest(),
    }
    answer = studio.raw("GET", f"/jobs/{job_id}/result")
    assert answer.content == data
    assert answer.headers["content-type"] == "image/png"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert [p.name for p in studio.settings.results.iterdir() if p.is_file()] == [f"{job_id}.png"]
    assert list((studio.settings.results / ".incoming").iterdir()) == []


def test_ranges_of_a_result_can_be_fetched(holding: Holding) -> None:
    studio, worker, job_id = holding
    worker.complete(job_id, b"0123456789")
    part = studio.raw("GET", f"/jobs/{job_id}/result", headers={"Range": "bytes=2-4"})
    assert (part.status_code, part.content) == (206, b"234")
    rest = studio.raw("GET", f"/jobs/{job_id}/result", headers={"Range": "bytes=7-"})
    assert rest.content == b"789"
    beyond = studio.raw("GET", f"/jobs/{job_id}/result", headers={"Range": "bytes=50-"})
    assert beyond.status_code == 416


@pytest.mark.parametrize(
    ("ext", "sent", "stored"),
    [
        ("gif", "image/gif", "image/gif"),
        ("GIF", None, "image/gif"),
        ("qoi", "application/octet-stream", "image/qoi"),
        ("mp4", None, "video/mp4"),
        ("zzz", None, "application/octet-stream"),
        ("png", "nonsense", "image/png"),
    ],
)
def test_the_mime_type_is_the_parts_own_or_follows_from_the_extension(
    holding: Holding, ext: str, sent: str | None, stored: str
) -> None:
    studio, worker, job_id = holding
    assert worker.complete(job_id, ext=ext, mime=sent).status_code == 204
    result = studio.job(job_id)["result"]
    assert (result["ext"], result["mime"]) == (ext.lower(), stored)


def test_the_same_delivery_again_is_a_success_and_another_is_409(holding: Holding) -> None:
    studio, worker, job_id = holding
    assert worker.complete(job_id, b"one").status_code == 204
    assert worker.complete(job_id, b"one").status_code == 204
    assert worker.complete(job_id, b"two").status_code == 409
    assert studio.raw("GET", f"/jobs/{job_id}/result").content == b"one"


def test_a_job_that_is_not_claimed_by_this_worker_is_409(holding: Holding) -> None:
    studio, worker, job_id = holding
    other = studio.new_worker()
    assert other.complete(job_id).status_code == 409
    assert worker.complete("job-unknown").status_code == 409
    waiting = studio.submit()
    assert worker.complete(waiting).status_code == 409
    assert studio.job(job_id)["state"] == "claimed"


def test_an_early_refusal_is_heard_by_a_client_that_sends_everything_first(
    holding: Holding,
) -> None:
    _, worker, _ = holding
    answer = worker.complete("job-unknown", b"\0" * 30_000_000)
    assert answer.status_code == 409
    assert answer.json()["error"] == "not_claimed"


def test_an_early_refusal_comes_before_the_body(holding: Holding) -> None:
    studio, worker, _ = holding
    address = urlsplit(studio.url)
    connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=60)
    connection.putrequest(
        "POST", f"/graphics/api/workers/{worker.worker_id}/jobs/job-unknown/complete"
    )
    connection.putheader("Authorization", worker.headers["Authorization"])
    connection.putheader("Content-Type", "multipart/form-data; boundary=b")
    connection.putheader("Content-Length", "100000000")
    connection.endheaders()
    answer = connection.getresponse()
    assert answer.status == 409
    answer.read()
    connection.close()


def test_a_wrong_token_is_401(holding: Holding) -> None:
    _, worker, job_id = holding
    worker.headers = {"Authorization": "Bearer nope"}
    assert worker.complete(job_id).status_code == 401
    worker.headers = {}
    assert worker.complete(job_id).status_code == 401


@pytest.mark.parametrize(
    ("content_type", "body", "reason"),
    [
        ("application/json", b"{}", "multipart"),
        ("multipart/form-data", b"--b--", "multipart"),
        ("multipart/form-data; boundary=b", b"", "cut off"),
        ("multipart/form-data; boundary=b", b"garbage", ""),
        ("multipart/form-data; boundary=" + "b" * 5000, b"", ""),
        (
            "multipart/form-data; boundary=b",
            b'--b\r\nContent-Disposition: form-data; name="ext"\r\n\r\npng\r\n--b--\r\n',
            "image",
        ),
        (
            "multipart/form-data; boundary=b",
            b'--b\r\nContent-Disposition: form-data; name="image"; filename="x"\r\n\r\nabc',
            "cut off",
        ),
        (
            "multipart/form-data; boundary=b",
            b'--b\r\nContent-Disposition: form-data; name="image"\r\n\r\nabc\r\n--b--\r\n',
            "ext",
        ),
    ],
)
def test_a_form_that_cannot_be_read_is_400_and_leaves_nothing(
    holding: Holding, content_type: str, body: bytes, reason: str
) -> None:
    studio, worker, job_id = holding
    answer = requests.post(
        f"{worker.base}/workers/{worker.worker_id}/jobs/{job_id}/complete",
        headers={**worker.headers, "Content-Type": content_type},
        data=body,
        timeout=60,
    )
    assert answer.status_code == 400
    assert reason in answer.json()["message"]
    assert list((studio.settings.results / ".incoming").iterdir()) == []
    assert studio.job(job_id)["state"] == "claimed"


@pytest.mark.parametrize("ext", ["../../x", "a/b", "", "p.ng", "x" * 17])
def test_an_extension_is_letters_and_digits(holding: Holding, ext: str) -> None:
    _, worker, job_id = holding
    assert worker.complete(job_id, ext=ext).status_code == 400


def test_an_empty_file_is_no_result(holding: Holding) -> None:
    _, worker, job_id = holding
    assert worker.complete(job_id, b"").status_code == 400


@pytest.mark.parametrize("size", [1001, 20_000_000])
def test_a_result_may_not_be_larger_than_allowed(make_studio: MakeStudio, size: int) -> None:
    studio = make_studio(max_result_bytes=1000)
    worker = studio.new_worker()
    with worker.session():
        job_id = studio.submit()
        worker.take_offer()
        assert worker.complete(job_id, b"x" * size).status_code == 413
        assert list((studio.settings.results / ".incoming").iterdir()) == []
        assert worker.complete(job_id, b"x" * 1000).status_code == 204


def test_a_json_kind_is_not_answered_with_a_file(studio: StudioInThread) -> None:
    worker = studio.new_worker()
    with worker.session():
        job_id = studio.submit({"kind": "llm", "messages": []})
        worker.take_offer()
        assert worker.complete(job_id).status_code == 400


def test_a_lost_connection_leaves_no_half_file(holding: Holding) -> None:
    studio, worker, job_id = holding
    address = urlsplit(studio.url)
    connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=60)
    connection.putrequest(
        "POST", f"/graphics/api/workers/{worker.worker_id}/jobs/{job_id}/complete"
    )
    connection.putheader("Authorization", worker.headers["Authorization"])
    connection.putheader("Content-Type", "multipart/form-data; boundary=b")
    connection.putheader("Content-Length", "100000000")
    connection.endheaders()
    connection.send(
        b'--b\r\nContent-Disposition: form-data; name="image"\r\n\r\n' + b"x" * 5_000_000
    )
    incoming = studio.settings.results / ".incoming"
    eventually(
        "some of it on the disk", lambda: any(path.stat().st_size for path in incoming.iterdir())
    )
    connection.close()
    eventually("no half file", lambda: not list(incoming.iterdir()))
    assert worker.complete(job_id).status_code == 204


def test_a_job_cancelled_in_mid_upload_is_409(holding: Holding) -> None:
    studio, worker, job_id = holding

    def body() -> Iterator[bytes]:
        head = '--b\r\nContent-Disposition: form-data; name="{}"\r\n\r\n'
        yield head.format("ext").encode() + b"png\r\n" + head.format("image").encode()
        yield b"x" * 2_000_000
        for _ in range(2):  # asked, then taken away
            studio.call("POST", f"/jobs/{job_id}/cancel")
        yield b"x\r\n--b--\r\n"

    answer = requests.post(
        f"{worker.base}/workers/{worker.worker_id}/jobs/{job_id}/complete",
        headers={**worker.headers, "Content-Type": "multipart/form-data; boundary=b"},
        data=body(),
        timeout=60,
    )
    assert answer.status_code == 409
    assert studio.job(job_id)["state"] == "cancelled"
    assert [p for p in studio.settings.results.iterdir() if p.is_file()] == []
