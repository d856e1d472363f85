"""The registration conversation against literal JSON (protocol §2)."""

from __future__ import annotations

import json
from typing import Any

import pytest

from studio_worker_core.errors import WireError
from studio_worker_core.wire.codec import decode, encode
from studio_worker_core.wire.registration import (
    ApprovedDecision,
    PendingDecision,
    RegisterRequest,
    RegisterResponse,
    RegistrationDecision,
    RejectedDecision,
)

CAPABILITIES = {
    "machineName": "box",
    "username": "someone",
    "agentVersion": "1",
    "engine": "multi",
    "vramTotalGb": 0.0,
    "vramThresholdGb": 8.0,
    "autoEnabled": True,
    "autoStart": False,
    "supportedModels": [],
    "taskKinds": [],
    "supportedModelsPerKind": {},
}
REQUEST = {
    "installId": "i-1",
    "registrationSecretHash": "0a" * 32,
    "capabilities": CAPABILITIES,
    "userAgent": "studio-worker/1",
}


def decision(text: str) -> Any:
    return decode(RegistrationDecision, text, what="decision")  # type: ignore[arg-type]


def test_a_request_reads_and_writes() -> None:
    request = decode(RegisterRequest, json.dumps(REQUEST))
    assert request.install_id == "i-1"
    assert request.capabilities.machine_name == "box"
    assert json.loads(encode(request)) == REQUEST


@pytest.mark.parametrize("bad", ["", "0a", "zz" * 32, "0a" * 33])
def test_a_hash_that_is_none_is_refused(bad: str) -> None:
    with pytest.raises(WireError, match="registrationSecretHash"):
        decode(RegisterRequest, json.dumps({**REQUEST, "registrationSecretHash": bad}))


@pytest.mark.parametrize(
    "text", ['{"requestId":"rr-1","status":"pending"}', '{"requestId":"rr-1"}']
)
def test_the_answer_names_the_request(text: str) -> None:
    assert decode(RegisterResponse, text) == RegisterResponse("rr-1")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"status":"pending"}', PendingDecision()),
        (
            '{"status":"approved","workerId":"w","authToken":"t"}',
            ApprovedDecision("w", "t"),
        ),
        ('{"status":"rejected","reason":"no"}', RejectedDecision("no")),
        ('{"status":"rejected"}', RejectedDecision()),
    ],
)
def test_each_decision_reads_and_writes(text: str, expected: Any) -> None:
    assert decision(text) == expected
    assert json.loads(encode(expected)) == json.loads(text)
    raw = json.loads(text)
    assert decision(json.dumps({**raw, "reason": raw.get("reason"), "new": None})) == expected


@pytest.mark.parametrize(
    "text",
    [
        '{"status":"approved"}',
        '{"status":"approved","workerId":"w"}',
        '{"status":"approved","workerId":"","authToken":"t"}',
        '{"status":"maybe"}',
        "{}",
        "[]",
    ],
)
def test_other_answers_are_refused(text: str) -> None:
    with pytest.raises(WireError):
        decision(text)


def test_an_approval_never_shows_its_token() -> None:
    approved = ApprovedDecision("w", "top-secret")
    assert "top-secret" not in f"{approved} {approved!r} {[approved]}"


def test_the_error_of_an_unreadable_approval_does_not_show_the_token() -> None:
    with pytest.raises(WireError) as bad:
        decision('{"status":"approved","workerId":7,"authToken":"top-secret"}')
    assert "top-secret" not in str(bad.value)
