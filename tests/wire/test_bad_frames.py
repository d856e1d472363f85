"""A frame that is not what the protocol says is a BadFrame, and names its job where it can."""

from __future__ import annotations

import json
from typing import Any

import pytest

from studio_worker_core.errors import BadFrame
from studio_worker_core.wire.bounds import MAX_FRAME_BYTES
from studio_worker_core.wire.codec import decode_worker_frame, read_studio_frame
from tests.wire.frame_examples import CLAIM_JSON, STUDIO_FRAMES, WORKER_FRAMES


@pytest.mark.parametrize("missing", ["task", "modelSource", "model"])
def test_an_unreadable_offer_still_yields_its_job(missing: str) -> None:
    claim = json.loads(CLAIM_JSON)
    del claim[missing]
    with pytest.raises(BadFrame, match=missing) as bad:
        read_studio_frame(json.dumps({"type": "offer", "claim": claim}))
    assert (bad.value.frame_type, bad.value.job_id) == ("offer", "j1")


@pytest.mark.parametrize("job_id", [None, "", 5, []])
def test_an_unreadable_offer_with_an_unreadable_job_yields_none(job_id: Any) -> None:
    text = json.dumps({"type": "offer", "claim": {"jobId": job_id}})
    with pytest.raises(BadFrame) as bad:
        read_studio_frame(text)
    assert bad.value.job_id is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "null",
        "[]",
        '"offer"',
        "{}",
        '{"type":null}',
        '{"type":"offer"}',
        '{"type":"hello"}',
        "\ud800",
        '{"type":"\ud800"}',
        "[" * 200_000,
        '{"type":"offer","claim":' * 5000 + "1" + "}" * 5000,
    ],
)
def test_nonsense_is_a_bad_frame(text: str) -> None:
    with pytest.raises(BadFrame):
        read_studio_frame(text)


def test_a_worker_does_not_read_its_own_frames_nor_a_studio_its_own() -> None:
    for _, text in WORKER_FRAMES:
        with pytest.raises(BadFrame):
            read_studio_frame(text)
    for _, text in STUDIO_FRAMES:
        with pytest.raises(BadFrame):
            decode_worker_frame(text)


@pytest.mark.parametrize("data", [b"", b"{}", b'{"type":"heartbeatAck"}', b"\xff"])
def test_a_binary_frame_is_a_bad_frame(data: bytes) -> None:
    with pytest.raises(BadFrame, match="binary"):
        read_studio_frame(data)


def test_a_frame_longer_than_the_bound_is_refused_unread() -> None:
    text = '{"type":"heartbeatAck","x":"' + "x" * MAX_FRAME_BYTES + '"}'
    with pytest.raises(BadFrame, match="longer than"):
        read_studio_frame(text)


@pytest.mark.parametrize(
    "text",
    [
        '{"type":"accept","jobId":""}',
        json.dumps({"type": "accept", "jobId": "x" * 201}),
        '{"type":"progress","jobId":"j","fraction":1.01}',
        '{"type":"progress","jobId":"j","fraction":-0.01}',
        '{"type":"progress","jobId":"j","fraction":1e999}',
        json.dumps({"type": "reject", "jobId": "j", "reason": "x" * 4097}),
        json.dumps({"type": "fail", "jobId": "j", "error": "x" * 65537, "retryable": True}),
        '{"type":"fail","jobId":"j","error":"x","retryable":1}',
        json.dumps(
            {
                "type": "logBatch",
                "entries": [{"ts": "", "level": "", "category": "", "message": ""}] * 10_001,
            }
        ),
    ],
)
def test_what_is_out_of_bounds_is_a_bad_frame(text: str) -> None:
    with pytest.raises(BadFrame):
        decode_worker_frame(text)
