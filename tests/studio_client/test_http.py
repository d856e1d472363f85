"""Calls to a studio over real connections."""

from __future__ import annotations

import json
import logging
import socket
import threading
import traceback
from pathlib import Path
from typing import Any

import pytest
import requests

from studio_worker_core import __version__
from studio_worker_core.errors import ConfigError, HttpStatusError, TransportError
from studio_worker_core.secrets import Secret
from studio_worker_core.studio_client.http import StudioClient
from studio_worker_core.wire.registration import (
    ApprovedDecision,
    PendingDecision,
    RegisterRequest,
    RejectedDecision,
)
from tests.studio_client.servers import Answer, HttpServer, StartRaw, read_head

SECRET = Secret("5ecre7" * 10)


def test_a_register_request_is_what_the_protocol_says(
    http_server: HttpServer, request_body: RegisterRequest
) -> None:
    http_server.answer_json({"requestId": "rr-1", "status": "pending", "new": 1}, 201)
    answer = StudioClient(http_server.url).register_request(request_body)
    assert answer.request_id == "rr-1"
    [seen] = http_server.seen
    assert (seen.method, seen.path) == ("POST", "/graphics/api/workers/register-request")
    assert seen.headers["content-type"] == "application/json"
    assert seen.headers["user-agent"] == f"studio-worker/{__version__}"
    assert "authorization" not in seen.headers
    body = json.loads(seen.body)
    assert (body["installId"], body["registrationSecretHash"]) == ("i-1", "ab" * 32)
    assert body["capabilities"]["machineName"] == "box"


@pytest.mark.parametrize(
    ("body", "decision"),
    [
        ({"status": "pending"}, PendingDecision()),
        ({"status": "rejected", "reason": "no"}, RejectedDecision("no")),
        ({"status": "rejected", "reason": None}, RejectedDecision(None)),
        (
            {"status": "approved", "workerId": "w", "authToken": "t"},
            ApprovedDecision(worker_id="w", auth_token="t"),
        ),
    ],
)
def test_a_poll_presents_the_raw_secret_and_reads_the_decision(
    http_server: HttpServer, body: object, decision: object
) -> None:
    http_server.answer_json(body)
    assert StudioClient(http_server.url).poll_registration("rr-1", SECRET) == decision
    [seen] = http_server.seen
    assert (seen.method, seen.path) == ("GET", "/graphics/api/workers/register-requests/rr-1")
    assert seen.headers["authorization"] == f"Bearer {SECRET.reveal()}"


@pytest.mark.parametrize("status", [401, 404])
def test_a_request_the_studio_does_not_know_is_none(http_server: HttpServer, status: int) -> None:
    http_server.answer_json({"error": "unknown"}, status)
    assert StudioClient(http_server.url).poll_registration("rr-1", SECRET) is None


def test_close_ends_a_call_in_flight_at_once(raw_server: StartRaw) -> None:
    arrived, over = threading.Event(), threading.Event()

    def behave(connection: socket.socket) -> None:
        read_head(connection)
        arrived.set()
        over.wait(600)

    client = StudioClient(raw_server(behave).url, timeout=600.0)
    caught: list[BaseException] = []

    def call() -> None:
        try:
            client.poll_registration("rr-1", SECRET)
        except TransportError as error:
            caught.append(error)

    thread = threading.Thread(target=call)
    thread.start()
    assert arrived.wait(60)
    client.close()
    thread.join(timeout=60)
    at_once = not thread.is_alive()
    over.set()
    assert at_once
    assert "shutting down" in str(caught[0])
    with pytest.raises(TransportError, match="shutting down"):
        client.poll_registration("rr-1", SECRET)


def test_connections_are_kept_and_a_dropped_one_is_replaced(http_server: HttpServer) -> None:
    peers = set()

    def respond(_: object) -> Answer:
        return Answer(200, b'{"status":"pending"}')

    http_server.respond = respond
    client = StudioClient(http_server.url)
    for _ in range(3):
        assert client.poll_registration("rr-1", SECRET) == PendingDecision()
    peers.add(len(http_server.seen))
    http_server.respond = lambda _: Answer(200, b'{"status":"pending"}', {"Connection": "close"})
    client.poll_registration("rr-1", SECRET)
    http_server.respond = respond
    assert client.poll_registration("rr-1", SECRET) == PendingDecision()


def test_netrc_cookies_and_proxies_do_not_meddle(
    http_server: HttpServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("default login ada password other\nmachine 127.0.0.1 login a password b\n")
    monkeypatch.setenv("NETRC", str(netrc))
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    http_server.respond = lambda _: Answer(200, b'{"status":"pending"}', {"Set-Cookie": "a=b"})
    client = StudioClient(http_server.url)
    client.poll_registration("rr-1", SECRET)
    client.poll_registration("rr-1", SECRET)
    assert all(
        seen.headers["authorization"] == f"Bearer {SECRET.reveal()}" for seen in http_server.seen
    )
    assert all("cookie" not in seen.headers for seen in http_server.seen)


def test_a_studio_elsewhere_is_reached_through_the_proxy(
    http_server: HttpServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", http_server.url)
    monkeypatch.delenv("no_proxy", raising=False)
    http_server.answer_json({"status": "pending"})
    client = StudioClient("http://studio.example:8080")
    assert client.poll_registration("rr-1", SECRET) == PendingDecision()
    assert http_server.seen[0].path.startswith("http://studio.example:8080/graphics/api/")


def test_a_token_is_never_shown(http_server: HttpServer, caplog: pytest.LogCaptureFixture) -> None:
    http_server.respond = lambda seen: Answer(500, seen.headers["authorization"].encode())
    client = StudioClient(http_server.url)
    with caplog.at_level(logging.DEBUG), pytest.raises(HttpStatusError) as caught:
        client.poll_registration("rr-1", SECRET)
    assert caught.value.body == "Bearer ***"
    told = "".join(traceback.format_exception(caught.value)) + caplog.text + repr(vars(client))
    assert SECRET.reveal() not in told
    assert not any(SECRET.reveal() in repr(vars(record)) for record in caplog.records)


@pytest.mark.parametrize("text", ["", "a b", "a\r\nX-Evil: 1", "schlüssel", "a\x00"])
def test_a_token_that_is_no_header_value_is_refused_unseen(
    http_server: HttpServer, text: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        StudioClient(http_server.url).poll_registration("rr-1", Secret(text))
    assert not text or text not in "".join(traceback.format_exception(caught.value))
    assert http_server.seen == []


def test_every_call_leaves_one_structured_line(
    http_server: HttpServer, caplog: pytest.LogCaptureFixture
) -> None:
    client = StudioClient(http_server.url)
    answers = {"rr-1": Answer(200, b'{"status":"pending"}'), "rr-2": Answer(503, b"busy")}
    http_server.respond = lambda seen: answers[seen.path.rsplit("/", 1)[1]]
    with caplog.at_level(logging.DEBUG, "studio_worker.http"):
        client.poll_registration("rr-1", SECRET)
        with pytest.raises(HttpStatusError):
            client.poll_registration("rr-2", SECRET)
    records: list[Any] = [r for r in caplog.records if r.name == "studio_worker.http"]
    assert [(r.levelname, r.op, r.status) for r in records] == [
        ("DEBUG", "register-poll", 200),
        ("DEBUG", "register-poll", 503),
    ]
    assert all(r.elapsed_ms >= 0 and r.endpoint.startswith(http_server.url) for r in records)


def test_a_session_of_the_callers_own_is_used(http_server: HttpServer) -> None:
    http_server.answer_json({"status": "pending"})
    with requests.Session() as session:
        session.headers["X-Mine"] = "1"
        StudioClient(http_server.url, session=session).poll_registration("rr-1", SECRET)
    assert http_server.seen[0].headers["x-mine"] == "1"
