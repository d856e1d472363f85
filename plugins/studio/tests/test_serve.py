"""``studio serve`` as a process: start, signals, and a kill at the worst moment."""

from __future__ import annotations

import hashlib
import http.client
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests

from plugins.studio.tests.support.field_worker import FieldWorker
from studio_worker_studio.server import listen, reachable_urls
from tests.support.ports import lasting_port
from tests.support.waiting import eventually

SERVE = [
    *(sys.executable, "-W", "error", "-c"),
    "import sys; from studio_worker_core.cli.main import main; sys.exit(main())",
    *("studio", "serve"),
]


class Process:
    def __init__(self, data: Path, *options: str) -> None:
        self.data = data
        self.process = subprocess.Popen(
            [*SERVE, "--data", str(data), *options],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        self.line = self.process.stdout.readline()
        found = re.fullmatch(r"studio listening on (http://127\.0\.0\.1:(\d+)/)\n", self.line)
        if found is None:
            raise AssertionError(f"{self.line!r} {self.process.communicate()}")
        self.base = found[1] + "graphics/api"
        self.port = int(found[2])

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {(self.data / 'operator-token').read_text().strip()}"}

    def call(self, method: str, path: str, body: Any = None) -> Any:
        answer = requests.request(
            method, self.base + path, json=body, headers=self.headers, timeout=60
        )
        assert answer.ok, answer.text
        return answer.json()

    def end(self, number: int) -> tuple[int, str]:
        self.process.send_signal(number)
        _, errors = self.process.communicate(timeout=60)
        return self.process.returncode, errors


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[..., Process]]:
    with ExitStack() as stack:

        def start(*options: str) -> Process:
            process = Process(tmp_path / "data", *(options or ("--port", "0")))

            def stop() -> None:
                process.process.kill()
                process.process.communicate()

            stack.callback(stop)
            return process

        yield start


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_with_exit_code_0(
    serve: Callable[..., Process], number: signal.Signals
) -> None:
    process = serve()
    assert requests.get(process.base + "/healthz", timeout=60).ok
    code, errors = process.end(number)
    assert code == 0
    assert "Traceback" not in errors


def test_the_token_is_shown_once_and_kept(serve: Callable[..., Process]) -> None:
    first = serve()
    token = (first.data / "operator-token").read_text().strip()
    assert (first.data / "operator-token").stat().st_mode & 0o777 == 0o600
    assert token in first.end(signal.SIGTERM)[1]
    second = serve()
    assert second.call("GET", "/jobs") == {"items": []}
    assert token not in second.end(signal.SIGTERM)[1]


def test_the_token_stays_out_of_the_log_whoever_says_it(
    serve: Callable[..., Process], make_field_worker: Callable[[str], FieldWorker]
) -> None:
    serve().end(signal.SIGTERM)  # which shows the token it made
    process = serve("--port", "0", "--auto-approve")
    token = process.headers["Authorization"].partition(" ")[2]
    worker = make_field_worker(process.base)
    with worker.session():
        body = {"model": "synthetic", "task": {"kind": "image", "prompt": "p"}}
        process.call("POST", "/jobs", body)
        job_id = worker.expect("offer")["claim"]["jobId"]
        worker.send("reject", jobId=job_id, reason=f"I know {token}\x1b[2J")
        worker.heartbeat()
    errors = process.end(signal.SIGTERM)[1]
    assert "I know ***" in errors
    assert token not in errors
    assert "\x1b" not in errors


def test_the_port_is_written_to_a_file_when_asked(
    serve: Callable[..., Process], tmp_path: Path
) -> None:
    process = serve("--port", "0", "--port-file", str(tmp_path / "port"))
    assert (tmp_path / "port").read_text() == f"{process.port}\n"


def refused(data: Path, *options: str) -> str:
    done = subprocess.run(
        [*SERVE, "--data", str(data), *options],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode != 0
    assert done.stdout == ""
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr
    return done.stderr


def test_a_port_in_use_is_one_clear_line(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert str(port) in refused(tmp_path / "data", "--port", str(port))


def test_an_address_that_is_not_ours_is_one_clear_line(tmp_path: Path) -> None:
    assert "192.0.2.1" in refused(tmp_path / "data", "--host", "192.0.2.1", "--port", "0")


def test_a_directory_that_cannot_be_used_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert "data directory" in refused(tmp_path / "file" / "data", "--port", "0")
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "studio.db").write_bytes(b"no database at all, but long enough" * 100)
    assert "studio.db" in refused(
        tmp_path / "data", "--port", "0", "--operator-token-file", str(_token(tmp_path))
    )


def _token(directory: Path) -> Path:
    path = directory / "token"
    path.write_text("t" * 32)
    return path


def test_two_studios_do_not_share_a_directory(serve: Callable[..., Process]) -> None:
    first = serve()
    assert str(first.data) in refused(first.data, "--port", "0")


def test_an_address_others_can_reach_is_warned_about(
    serve: Callable[..., Process],
) -> None:
    process = serve("--host", "0.0.0.0", "--port", "0")
    _, errors = process.end(signal.SIGTERM)
    assert "TLS" in errors
    process = serve("--host", "0.0.0.0", "--port", "0", "--public")
    said = [line for line in process.end(signal.SIGTERM)[1].splitlines() if "others" in line]
    assert "TLS" not in str(said)
    assert "(plain HTTP)" in said[0]
    for url in re.findall(r"http://\S+", said[0]):
        assert url.endswith(f":{process.port}/")
        assert "127.0.0.1" not in url
        assert "0.0.0.0" not in url


def test_only_what_others_can_reach_is_called_reachable() -> None:
    for host in ("127.0.0.1", "127.0.0.2"):
        with listen(host, 0) as bound:
            assert reachable_urls(bound) == []
    with listen("0.0.0.0", 0) as bound:
        port = bound.getsockname()[1]
        for url in reachable_urls(bound):
            address = urlsplit(url)
            assert address.port == port
            with socket.create_connection((address.hostname or "", port), timeout=60):
                pass


def test_a_kill_in_mid_upload_leaves_no_half_file_and_the_job_can_be_completed(
    serve: Callable[..., Process], make_field_worker: Callable[[str], FieldWorker]
) -> None:
    process = serve("--port", str(lasting_port()), "--auto-approve")
    worker = make_field_worker(process.base)
    with worker.session():
        body = {"model": "synthetic", "task": {"kind": "image", "prompt": "p"}}
        job_id = process.call("POST", "/jobs", body)["jobId"]
        worker.take_offer()
        _begin_upload(process, worker, job_id)
        process.process.kill()
        process.process.communicate()
    results = process.data / "results"
    assert [path for path in results.iterdir() if path.is_file()] == []
    again = serve("--port", str(process.port), "--auto-approve")
    assert list((results / ".incoming").iterdir()) == []
    assert again.call("GET", f"/jobs/{job_id}")["state"] == "claimed"
    with worker.connected():
        assert worker.hello(job_id)["resume"] == [job_id]
        assert worker.complete(job_id, b"whole").status_code == 204
    assert again.call("GET", f"/jobs/{job_id}")["result"]["sha256"] == (
        hashlib.sha256(b"whole").hexdigest()
    )


def _begin_upload(process: Process, worker: FieldWorker, job_id: str) -> None:
    """Send part of a result, until some of it is on the studio's disk."""
    address = urlsplit(process.base)
    connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=60)
    connection.putrequest(
        "POST", f"{address.path}/workers/{worker.worker_id}/jobs/{job_id}/complete"
    )
    connection.putheader("Authorization", worker.headers["Authorization"])
    connection.putheader("Content-Type", "multipart/form-data; boundary=b")
    connection.putheader("Content-Length", "100000000")
    connection.endheaders()
    head = b'--b\r\nContent-Disposition: form-data; name="image"\r\n\r\n'
    connection.send(head + b"x" * 5_000_000)
    incoming = process.data / "results" / ".incoming"
    eventually(
        "some of it on the disk", lambda: any(path.stat().st_size for path in incoming.iterdir())
    )
    connection.close()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs POSIX signals")
def test_a_second_signal_does_not_wait(serve: Callable[..., Process]) -> None:
    process = serve()
    with requests.get(process.base + "/events", headers=process.headers, stream=True, timeout=60):
        process.process.send_signal(signal.SIGINT)
        code, _ = process.end(signal.SIGINT)
    assert code == 0
