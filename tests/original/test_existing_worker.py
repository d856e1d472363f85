"""The existing worker and our studio; and the change-over between the two workers."""

from __future__ import annotations

import base64
import io
import tomllib
import wave
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.support.field import Field
from tests.support.processes import WorkerProcess
from tests.support.waiting import eventually

from .conftest import ExistingWorker

pytestmark = pytest.mark.original

# It polls a pending registration every 30 s.
APPROVAL = 90.0

Standing = tuple[Field, ExistingWorker]


def run(field: Field, task: dict[str, Any], **more: Any) -> tuple[dict[str, Any], Any]:
    kind = {"audio_stt": "stt", "audio_tts": "tts"}.get(task["kind"], task["kind"])
    more.setdefault("modelSource", {"engine": "synthetic", "files": []})
    job_id = field.operator.submit(f"synthetic-{kind}", task, **more)
    job = field.operator.wait_job(job_id)
    assert job["state"] == "done", job
    return job, field.operator.result(job_id)


def picture_address() -> str:
    made = io.BytesIO()
    Image.new("RGB", (8, 8), (200, 30, 30)).save(made, "PNG")
    return "data:image/png;base64," + base64.b64encode(made.getvalue()).decode()


def identity(config: Path) -> tuple[str, str, str]:
    kept = tomllib.loads(config.read_text("utf-8"))
    return kept["install_id"], kept["worker_id"], kept["auth_token"]


def test_it_registers_is_approved_and_connects(executable: Path, field: Field) -> None:
    field.start_studio()
    with ExistingWorker(executable, field.root / "existing", field.studio.url) as worker:
        field.operator.approve_next(timeout=60)
        connected = field.operator.wait_worker("idle", timeout=APPROVAL)
        assert identity(worker.config)[1] == connected["workerId"]


@pytest.mark.parametrize("seed", [0, 7, 2**63, 2**64 - 1])
def test_it_draws_an_image_for_every_seed(standing: Standing, seed: int) -> None:
    task = {"kind": "image", "prompt": "a fox", "width": 64, "height": 64, "seed": seed}
    _, data = run(standing[0], {**task, "ext": "png"})
    # Its synthetic engine draws 512 by 512 whatever it is asked for.
    assert Image.open(io.BytesIO(data)).format == "PNG"


def test_it_speaks(standing: Standing) -> None:
    _, data = run(standing[0], {"kind": "audio_tts", "text": "hello"})
    with wave.open(io.BytesIO(data)) as sound:
        assert sound.getnframes() > 0


def test_it_chats(standing: Standing) -> None:
    _, answer = run(
        standing[0],
        {"kind": "llm", "messages": [{"role": "user", "content": "hi"}], "stop": "END"},
    )
    assert answer["choices"][0]["message"]["content"]


def test_it_transcribes(standing: Standing) -> None:
    _, answer = run(standing[0], {"kind": "audio_stt", "inputUrl": "https://sounds.example/a.wav"})
    assert answer["text"]


def test_it_makes_a_clip(standing: Standing) -> None:
    _, data = run(
        standing[0],
        {"kind": "video", "prompt": "waves", "seconds": 1, "width": 64, "height": 64, "ext": "gif"},
    )
    assert data


def test_it_makes_a_mesh(standing: Standing) -> None:
    job, data = run(standing[0], {"kind": "mesh", "imageUrl": picture_address()})
    assert data[:4] == b"glTF"
    assert job["result"]["mime"] == "model/gltf-binary"


def test_an_engine_it_never_named_is_not_offered_and_costs_it_no_session(
    standing: Standing,
) -> None:
    field, _ = standing
    task = {"kind": "image", "prompt": "a fox", "width": 64, "height": 64}
    foreign = field.operator.submit(
        "procedural", task, modelSource={"engine": "procedural", "files": []}
    )
    for _ in range(3):
        run(field, {**task, "ext": "png"})
    job = field.operator.job(foreign)
    assert (job["state"], job["attempts"]) == ("queued", 0)
    field.operator.call("POST", f"/jobs/{foreign}/cancel")


def test_a_removed_one_is_back_in_the_queue_by_itself(executable: Path, field: Field) -> None:
    field.start_studio()
    worker = ExistingWorker(
        executable, field.root / "existing", field.studio.url, lines=field.enrol()
    )
    with worker:
        removed = field.operator.wait_worker("idle", timeout=60)
        field.operator.call("DELETE", f"/workers/{removed['workerId']}")
        field.operator.approve_next(timeout=APPROVAL)
        back = field.operator.wait_worker("idle", timeout=APPROVAL)
        assert back["workerId"] != removed["workerId"]


def test_one_config_goes_over_to_ours_and_back_with_the_same_identity(
    executable: Path, field: Field
) -> None:
    field.start_studio()
    home = field.root / "existing"
    with ExistingWorker(executable, home, field.studio.url) as theirs:
        field.operator.approve_next(timeout=60)
        first = field.operator.wait_worker("idle", timeout=APPROVAL)
        before = identity(theirs.config)
    eventually("it is gone", lambda: not field_has_idle(field))
    with WorkerProcess(home, field.studio.url) as ours:
        assert field.operator.wait_worker("idle", timeout=60)["workerId"] == first["workerId"]
        run(field, {"kind": "image", "prompt": "a fox", "width": 64, "height": 64})
        assert field.operator.listing("/workers/pending") == []
        assert ours.stop() == 0
    assert identity(theirs.config) == before
    eventually("ours is gone", lambda: not field_has_idle(field))
    with ExistingWorker(executable, home, field.studio.url):
        assert field.operator.wait_worker("idle", timeout=60)["workerId"] == first["workerId"]
        run(field, {"kind": "image", "prompt": "a fox", "width": 64, "height": 64})
    assert identity(theirs.config) == before


def field_has_idle(field: Field) -> bool:
    return any(worker["state"] != "offline" for worker in field.operator.listing("/workers"))


def test_a_fresh_config_of_ours_loads_there(executable: Path, field: Field) -> None:
    field.start_studio()
    home = field.root / "ours"
    with WorkerProcess(home, field.studio.url) as ours:
        field.operator.approve_next()
        first = field.operator.wait_worker("idle")
        assert ours.stop() == 0
    eventually("ours is gone", lambda: not field_has_idle(field))
    with ExistingWorker(executable, home, field.studio.url):
        assert field.operator.wait_worker("idle", timeout=60)["workerId"] == first["workerId"]


def test_ours_does_not_start_beside_it_on_the_same_config(
    standing: Standing,
) -> None:
    field, theirs = standing
    ours = WorkerProcess(theirs.config.parent, field.studio.url)
    with ours:
        assert ours.wait() != 0
    assert str(theirs.pid) in ours.output
    assert field.operator.wait_worker("idle")["state"] == "idle"


def test_it_does_not_start_beside_ours_on_the_same_config(executable: Path, field: Field) -> None:
    field.start_studio()
    ours = field.enrolled_worker("shared")
    with ExistingWorker(executable, ours.config.parent, field.studio.url) as theirs:
        assert theirs.wait() == 0
    assert field.operator.wait_worker("idle")["state"] == "idle"
