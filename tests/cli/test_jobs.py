"""``studio-worker jobs``: the journal from the command line, without a worker and beside one."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import logging
import re
import subprocess
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from studio_worker_core.cli.jobs.capsules import read_capsule
from studio_worker_core.config import JournalLimits
from studio_worker_core.errors import JournalError
from studio_worker_core.jobs.job import Job, Source
from studio_worker_core.jobs.listener import Failure
from studio_worker_core.journal.journal import Journal
from studio_worker_core.journal.writing import ENDED_WITH_WORKER
from studio_worker_core.lanes.live import Inspection
from studio_worker_core.lanes.results import Result
from studio_worker_core.wire.generation import GenerationMeta
from studio_worker_core.wire.models import ModelSource
from studio_worker_core.wire.tasks import ChatMessage, ImageTask, LlmTask, Task

Run = Callable[..., subprocess.CompletedProcess[str]]

FOX = ImageTask(prompt="a red fox", width=48, height=32, ext="png")
SYNTHETIC = ModelSource(engine="synthetic")


class Past:
    """What a worker did before, in the journal beside the config file."""

    def __init__(self, config_file: Path) -> None:
        config_file.parent.mkdir(parents=True, exist_ok=True)
        self.root = config_file.parent
        self.now = 1_800_000_000.0
        self.journal = Journal(
            self.root / "journal" / "jobs.sqlite3", JournalLimits, now=lambda: self.now
        )
        self.journal.start()

    def begun(self, job_id: str, task: Task = FOX) -> Job:
        self.now += 10
        source = Source.LOCAL if job_id.startswith("local") else Source.STUDIO
        model = "synthetic-image" if isinstance(task, ImageTask) else "synthetic-llm"
        job = Job(job_id, source, model=model, task=task, model_source=SYNTHETIC)
        self.journal.accepted(job)
        self.journal.started(job)
        return job

    def done(
        self, job_id: str, data: bytes = b"result", task: Task = FOX, seed: int = 9, **inputs: str
    ) -> Path:
        job = self.begun(job_id, task)
        logging.getLogger("studio_worker.jobs").warning("half\nof it", extra={"job_id": job.job_id})
        path = self.root / f"{job_id}.png"
        path.write_bytes(data)
        result = Result(path, GenerationMeta(engine_version="0.0.1", seed=seed), 1 << 25)
        self.journal.made(job, result)
        self.now += 2.5
        digest = hashlib.sha256(data).hexdigest()
        self.journal.inspected(job, Inspection(digest, b"\x89PNG", inputs))
        self.journal.finished(job, result)
        return path

    def settled(self) -> None:
        assert self.journal.settle(60)


@pytest.fixture
def past(config_file: Path) -> Iterator[Past]:
    past = Past(config_file)
    yield past
    assert past.journal.close(60)


def as_json(done: subprocess.CompletedProcess[str]) -> Any:
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_a_journal_that_is_not_there_is_empty(cli: Run, config_file: Path) -> None:
    done = cli("jobs", "list")
    assert (done.returncode, done.stdout) == (0, "no jobs\n")
    assert as_json(cli("jobs", "list", "--json")) == []
    missing = cli("jobs", "show", "nope")
    assert missing.returncode == 1
    assert "no such job: nope (see 'studio-worker jobs list')" in missing.stderr
    assert not config_file.parent.exists()


def test_jobs_are_listed_newest_first_with_filters(cli: Run, past: Past) -> None:
    past.done("studio-job-1")
    past.journal.failed(past.begun("local-0000000001"), Failure("it\nbroke", True))
    past.done("local-0000000002")
    past.begun("local-0000000003")
    past.settled()
    listed = as_json(cli("jobs", "list", "--json"))
    assert [(job["jobId"], job["status"]) for job in listed] == [
        ("local-0000000003", "failed"),
        ("local-0000000002", "completed"),
        ("local-0000000001", "failed"),
        ("studio-job-1", "completed"),
    ]
    assert listed[0]["reason"] == ENDED_WITH_WORKER, "no worker runs"
    assert listed[3]["startedAt"].endswith("Z")

    def ids(*options: str) -> list[str]:
        return [job["jobId"] for job in as_json(cli("jobs", "list", "--json", *options))]

    assert ids("--source", "studio") == ["studio-job-1"]
    assert ids("--status", "completed", "-n", "1") == ["local-0000000002"]
    assert ids("--before", "local-0000000001") == ["studio-job-1"]
    assert ids("--search", "JOB-1") == ["studio-job-1"]
    table = cli("jobs", "list").stdout
    assert "2.5 s" in table
    assert "it\\nbroke" in table
    assert "local-0000000002" in table


def test_a_job_is_shown_by_its_id_or_its_beginning(cli: Run, past: Past) -> None:
    path = past.done("local-1234567890")
    past.done("local-1299999999")
    past.settled()
    shown = as_json(cli("jobs", "show", "local-123", "--json"))
    assert shown["jobId"] == "local-1234567890"
    assert (shown["seed"], shown["engineVersion"], shown["peakBytes"]) == (9, "0.0.1", 1 << 25)
    assert shown["task"]["prompt"] == "a red fox"
    assert shown["modelSource"]["engine"] == "synthetic"
    assert shown["file"] == str(path)
    text = cli("jobs", "show", "local-123").stdout
    assert "a red fox" in text
    assert "32 MiB" in text
    past.done("local-0000000009", seed=0)
    past.settled()
    assert re.search(r"^seed +0$", cli("jobs", "show", "local-0000000009").stdout, re.MULTILINE)
    several = cli("jobs", "show", "local-12")
    assert several.returncode == 1
    assert "2 jobs begin with 'local-12'" in several.stderr


def test_a_log_is_shown_with_its_lines_escaped(cli: Run, past: Past) -> None:
    past.done("local-1")
    past.settled()
    assert "warn  half\\nof it" in cli("jobs", "log", "local-1").stdout
    found = as_json(cli("jobs", "log", "local-1", "--json"))
    assert found["dropped"] == 0
    assert found["lines"][0]["target"] == "studio_worker.jobs"


def test_open_writes_the_path_while_the_result_is_there(cli: Run, past: Past) -> None:
    path = past.done("local-1")
    past.journal.failed(past.begun("local-2"), Failure("no such voice", False))
    past.settled()
    done = cli("jobs", "open", "local-1")
    assert (done.returncode, done.stdout) == (0, f"{path}\n")
    path.unlink()
    gone = cli("jobs", "open", "local-1")
    assert gone.returncode == 1
    assert "jobs replay local-1 -o FILE" in gone.stderr
    assert "no such voice" in cli("jobs", "open", "local-2").stderr


def test_a_capsule_holds_the_job_and_what_came_of_it(cli: Run, past: Past, tmp_path: Path) -> None:
    past.done("local-1")
    past.done("local-2").unlink()
    past.settled()
    done = cli("jobs", "export", "local-1")
    assert (done.returncode, done.stdout) == (0, "local-1.zip\n"), done.stderr
    with zipfile.ZipFile(tmp_path / "local-1.zip") as capsule:
        assert sorted(capsule.namelist()) == [
            *("capsule.json", "log.jsonl", "result.png", "thumbnail.png")
        ]
        assert capsule.read("result.png") == b"result"
        content = json.loads(capsule.read("capsule.json"))
    assert content["version"] == 1
    assert content["facts"]["seed"] == 9
    assert content["facts"]["sha256"] == hashlib.sha256(b"result").hexdigest()
    assert "file" not in content["facts"]
    assert content["recipe"]["task"]["prompt"] == "a red fox"
    assert cli("jobs", "export", "local-1").returncode == 2, "nothing is overwritten"
    without = cli("jobs", "export", "local-2", "-o", "other.zip")
    assert without.returncode == 0
    assert "without a result" in without.stderr


def test_a_replay_makes_the_same_bytes_and_says_so(cli: Run, past: Past, tmp_path: Path) -> None:
    size = ("--width", "48", "--height", "32", "--seed", "9")
    made = cli("engines", "run", "synthetic", "--prompt", "a red fox", "-o", "fox.png", *size)
    assert made.returncode == 0, made.stderr
    past.done("local-1", (tmp_path / "fox.png").read_bytes())
    past.done("local-2", b"other bytes")
    past.settled()
    same = cli("jobs", "replay", "local-1", "-o", "again.png")
    assert same.returncode == 0, same.stderr
    assert "the bytes are the same: sha256 " in same.stdout
    assert "it was made with synthetic 0.0.1; here is" in same.stderr
    assert (tmp_path / "again.png").read_bytes() == (tmp_path / "fox.png").read_bytes()
    others = cli("jobs", "replay", "local-2")
    assert others.returncode == 1
    assert "the bytes are others" in others.stdout
    assert cli("jobs", "export", "local-1", "-o", "fox.zip").returncode == 0
    capsule = cli("jobs", "replay", "fox.zip")
    assert capsule.returncode == 0, capsule.stderr
    assert "the bytes are the same" in capsule.stdout


def _picture(colour: str) -> bytes:
    made = io.BytesIO()
    Image.new("RGB", (8, 8), colour).save(made, "PNG")
    return made.getvalue()


def test_inputs_that_were_not_kept_are_asked_for_and_compared(
    cli: Run, past: Past, tmp_path: Path
) -> None:
    red = _picture("red") + b" " * 400
    url = "data:image/png;base64," + base64.b64encode(red).decode()
    task = ImageTask(prompt="a fox", width=48, height=32, ext="png", init_image_url=url)
    past.done("local-1", task=task, init_image=hashlib.sha256(red).hexdigest())
    past.settled()
    (tmp_path / "red.png").write_bytes(red)
    (tmp_path / "blue.png").write_bytes(_picture("blue"))
    asked = cli("jobs", "replay", "local-1")
    assert asked.returncode == 1
    assert "give them as they were: --input init_image=FILE" in asked.stderr
    wrong = cli("jobs", "replay", "local-1", "--input", "init_image=blue.png")
    assert wrong.returncode == 1
    assert "init_image is not what the job had" in wrong.stderr
    odd = cli("jobs", "replay", "local-1", "--input", "mask=blue.png")
    assert odd.returncode == 2
    assert "the job has no input mask" in odd.stderr
    right = cli("jobs", "replay", "local-1", "--input", "init_image=red.png", "-o", "out.png")
    assert "sha256" in right.stdout, right.stderr
    assert (tmp_path / "out.png").exists()


def test_what_cannot_be_replayed_says_why(cli: Run, past: Past, tmp_path: Path) -> None:
    past.begun("local-1", LlmTask(messages=[ChatMessage("user", "w " * 200_000)]))
    past.settled()
    long = cli("jobs", "replay", "local-1")
    assert long.returncode == 1
    assert "its task was too long to be kept" in long.stderr
    (tmp_path / "bad.zip").write_text("no zip")
    assert "is no capsule" in cli("jobs", "replay", "bad.zip").stderr
    with zipfile.ZipFile(tmp_path / "odd.zip", "w") as odd:
        odd.writestr("capsule.json", '{"version": 2}')
    assert "newer studio-worker" in cli("jobs", "replay", "odd.zip").stderr
    assert cli("jobs", "replay", "none.zip").returncode == 2
    for done in (long, cli("jobs", "replay", "bad.zip")):
        assert "Traceback" not in done.stderr


def test_a_capsule_that_is_damaged_anywhere_is_refused_in_one_line(tmp_path: Path) -> None:
    path = tmp_path / "damaged.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as capsule:
        capsule.writestr("capsule.json", json.dumps({"version": 1, "words": ["fox"] * 1000}))
    whole = path.read_bytes()
    for place in range(len(whole)):
        changed = bytes([whole[place] ^ 0x81])
        for data in (whole[:place], whole[:place] + changed + whole[place + 1 :]):
            path.write_bytes(data)
            with pytest.raises((JournalError, OSError)):
                read_capsule(path)
