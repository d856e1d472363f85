"""What the journal keeps of a job."""

from __future__ import annotations

import logging
import stat
from pathlib import Path

import pytest

from studio_worker_core import __version__
from studio_worker_core.jobs.job import Source, StopReason
from studio_worker_core.jobs.listener import Failure
from studio_worker_core.journal.journal import Journal
from studio_worker_core.journal.recipes import is_left_out, plain_url
from studio_worker_core.journal.records import LONGEST_LINE, MOST_LINES, JobQuery
from studio_worker_core.lanes.live import Inspection, Wanted
from studio_worker_core.lanes.results import Result
from studio_worker_core.secrets import Secret
from studio_worker_core.wire.models import ModelFile, ModelSource
from studio_worker_core.wire.tasks import ChatMessage, ImageTask, LlmTask
from tests.journal.conftest import LOG, PNG, JournalledWorker, entry_of


@pytest.fixture(autouse=True)
def _info() -> None:
    logging.getLogger("studio_worker").setLevel(logging.INFO)


def say(text: str, *values: object, job: str = "job-1", level: int = logging.INFO) -> None:
    LOG.log(level, text, *values, extra={"job_id": job})


def test_a_finished_job_is_kept_with_all_that_is_known_of_it(worker: JournalledWorker) -> None:
    task = ImageTask(prompt="a fox", negative_prompt="rain")
    job = worker.done(task=task, source=Source.LOCAL)
    facts = worker.facts()
    assert (facts.job_id, facts.source, facts.kind) == ("job-1", "local", "image")
    assert (facts.engine, facts.engine_version, facts.worker_version) == ("toy", "1.2", __version__)
    assert (facts.model, facts.prompt) == ("m", "a fox")
    assert (facts.seed, facts.engine_seconds, facts.peak_bytes) == (7, 0.5, 1 << 25)
    assert (facts.ext, facts.bytes, facts.sha256) == ("png", len(PNG), "ab" * 32)
    assert facts.inputs == {"init_image": "cd" * 32}
    assert (facts.status, facts.reason) == ("completed", None)
    assert (facts.accepted, facts.started, facts.finished) == (worker.now, worker.now, worker.now)
    recipe = worker.reader.recipe(facts)
    assert recipe is not None
    assert recipe.task == job.task
    assert recipe.model_source == job.model_source
    assert facts.has_thumbnail
    assert worker.reader.thumbnail(facts) == PNG
    assert worker.reader.result(facts) == worker.root / "result.png"
    (worker.root / "result.png").write_bytes(b"another try's")
    assert worker.reader.result(facts) is None


def test_it_wants_what_the_engines_process_finds(worker: JournalledWorker) -> None:
    assert worker.journal.wants(worker.job()) == Wanted(inspection=True)


@pytest.mark.parametrize(
    ("failure", "status"),
    [
        (Failure("it died", True), "failed"),
        (Failure("cancelled", False, StopReason.CANCELLED), "stopped"),
        (Failure("the worker is shutting down", True, StopReason.SHUTDOWN), "stopped"),
    ],
)
def test_a_job_without_a_result_is_kept_with_the_reason(
    worker: JournalledWorker, failure: Failure, status: str
) -> None:
    worker.failed("job-1", failure)
    facts = worker.facts()
    assert (facts.status, facts.reason, facts.seed) == (status, failure.message, 5)
    assert worker.reader.thumbnail(facts) is None
    assert worker.reader.result(facts) is None


def test_a_running_job_is_there_from_its_acceptance(worker: JournalledWorker) -> None:
    worker.journal.accepted(worker.job())
    assert (worker.facts().status, worker.facts().started) == ("running", None)
    worker.begun("job-2")
    assert worker.facts("job-2").started == worker.now


def test_jobs_are_listed_newest_first_in_pages_and_by_what_is_asked(
    worker: JournalledWorker,
) -> None:
    for number in range(5):
        worker.done(f"job-{number}")
    worker.failed("local-1", Failure("no", False))
    worker.begun("local-2", ImageTask(prompt="A %_ Wolf"), source=Source.LOCAL)

    def ids(**query: object) -> list[str]:
        return [facts.job_id for facts in worker.reader.page(JobQuery(**query))]  # type: ignore[arg-type]

    assert ids() == ["local-2", "local-1", "job-4", "job-3", "job-2", "job-1", "job-0"]
    assert ids(source="local") == ["local-2"]
    assert ids(status="failed") == ["local-1"]
    assert ids(text="wolf") == ids(text="%_") == ["local-2"]
    assert ids(text="%x") == []
    first = worker.reader.page(JobQuery(limit=3))
    assert ids(before=first[-1].number, limit=2) == ["job-3", "job-2"]
    assert worker.reader.ids_beginning("local-") == ["local-1", "local-2"]
    assert worker.reader.counts() == {
        ("studio", "completed"): 5,
        ("studio", "failed"): 1,
        ("local", "running"): 1,
    }


def test_another_try_of_a_job_stands_beside_the_first(worker: JournalledWorker) -> None:
    worker.failed("job-1", Failure("it died", True))
    worker.done("job-1")
    assert [facts.status for facts in worker.reader.page()] == ["completed", "failed"]
    assert worker.facts().status == "completed"


def test_the_lines_of_a_job_are_its_log(worker: JournalledWorker) -> None:
    say("too early")
    worker.begun()
    say("job %s: %s", "job-1", "one")
    say("\x1b[31mred\nline", level=logging.WARNING)
    LOG.info("of no job")
    say("of another", job="job-2")
    worker.done("job-2")
    log = worker.reader.log(worker.facts())
    assert [(line.level, line.target, line.message) for line in log.lines] == [
        ("info", "studio_worker.jobs", "job job-1: one"),
        ("warn", "studio_worker.jobs", "\\x1b[31mred\\nline"),
    ]
    assert log.dropped == 0
    say("delivered")
    assert worker.reader.log(worker.facts()).lines[-1].message == "delivered"


def test_of_a_long_log_the_newest_lines_are_kept_and_of_a_long_line_the_beginning(
    worker: JournalledWorker,
) -> None:
    worker.begun()
    for number in range(MOST_LINES + 30):
        say("line %d", number)
        if number == 200:
            worker.journal.settle(60)
    say("x" * 100_000)
    log = worker.reader.log(worker.facts())
    assert len(log.lines) == MOST_LINES
    assert log.dropped == 31
    assert log.lines[0].message == "line 31"
    assert len(log.lines[-1].message) == LONGEST_LINE


class _Odd:
    def __str__(self) -> str:
        raise RuntimeError("no text")


def test_a_line_that_cannot_be_formatted_is_left_out(worker: JournalledWorker) -> None:
    worker.begun()
    record = logging.LogRecord("studio_worker.jobs", 20, "", 0, "%s", (_Odd(),), None)
    record.job_id = "job-1"
    (handler,) = [
        each
        for each in logging.getLogger("studio_worker").handlers
        if type(each).__module__ == Journal.__module__
    ]
    handler.handle(record)
    try:
        raise ValueError("it broke")
    except ValueError:
        LOG.exception("a failure", extra={"job_id": "job-1"})
    (line,) = worker.reader.log(worker.facts()).lines
    assert line.level == "error"
    assert line.message.startswith("a failure\n  Traceback")
    assert line.message.endswith("ValueError: it broke")


def test_no_secret_and_no_whole_file_is_kept(worker: JournalledWorker) -> None:
    secret = Secret("hunter2-hunter2-hunter2")
    told = secret.reveal()
    picture = "data:image/png;base64," + "A" * 100_000
    task = ImageTask(
        prompt=f"a fox with {told}",
        init_image_url=picture,
        mask_url="https://user:pass@studio.example/m.png?size=3&X-Amz-Signature=abc&token=def",
        ref_image_url="https://studio.example/r.png?size=3",
    )
    model = ModelFile("model", f"https://hub.example/m?api_key={told}", "m.gguf")
    worker.begun(task=task, model_source=ModelSource("toy", [model]))
    say("it said %s", told)
    worker.journal.failed(worker.job(), Failure(f"refused {told}", False))
    recipe = worker.reader.recipe(worker.facts())
    assert recipe is not None
    assert isinstance(recipe.task, ImageTask)
    assert recipe.task.init_image_url == plain_url(picture)
    assert is_left_out(recipe.task.init_image_url or "")
    assert recipe.task.mask_url == (
        "https://***@studio.example/m.png?size=3&X-Amz-Signature=***&token=***"
    )
    assert is_left_out(recipe.task.mask_url or "")
    assert recipe.task.ref_image_url == task.ref_image_url
    assert not is_left_out(task.ref_image_url or "")
    assert worker.journal.close(60)
    for path in worker.path.parent.iterdir():
        assert told.encode() not in path.read_bytes()
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(worker.path.parent.stat().st_mode) == 0o700


def test_a_task_that_is_too_long_is_kept_without_its_recipe(worker: JournalledWorker) -> None:
    task = LlmTask(messages=[ChatMessage("user", "word " * 100_000)])
    worker.begun(task=task)
    facts = worker.facts()
    assert facts.prompt.startswith("user: word")
    assert worker.reader.recipe(facts) is None


def test_what_became_of_a_studios_result_is_kept_also_of_an_earlier_run(
    worker: JournalledWorker,
) -> None:
    entry = entry_of(worker.root, "job-1")
    job = worker.begun()
    worker.journal.finished(job, entry)
    facts = worker.facts()
    assert (facts.sha256, facts.bytes, facts.delivery) == ("ef" * 32, 10, None)
    worker.journal.delivered(entry, "delivered", None)
    assert worker.facts().delivery == "delivered"
    worker.restart()
    worker.journal.delivered(entry, "refused", "not\nyours")
    facts = worker.facts()
    assert (facts.delivery, facts.delivery_reason) == ("refused", "not\\nyours")
    assert facts.file == str(entry.path)
    worker.journal.delivered(entry_of(worker.root, "nobody"), "lost", None)
    assert len(worker.reader.page()) == 1


def test_what_the_process_finds_late_is_kept_and_never_counts_above_the_manifest(
    worker: JournalledWorker,
) -> None:
    job = worker.begun()
    worker.journal.finished(job, entry_of(worker.root, "job-1"))
    worker.journal.inspected(job, Inspection("00" * 32, PNG))
    assert worker.facts().sha256 == "ef" * 32
    assert worker.reader.thumbnail(worker.facts()) == PNG
    worker.journal.inspected(worker.job("job-unknown"), Inspection())


def test_jobs_beyond_those_remembered_take_no_memory_and_stay_readable(
    worker: JournalledWorker,
) -> None:
    first = worker.begun("running")
    for number in range(200):
        worker.done(f"job-{number}")
    worker.journal.failed(first, Failure("at last", False))
    assert worker.facts("running").reason == "at last"
    say("too late", job="job-0")
    assert worker.reader.log(worker.facts("job-0")).lines == []
    assert len(worker.reader.page(JobQuery(limit=1000))) == 201


def test_a_job_whose_engine_was_not_asked_again_has_what_its_manifest_says(
    worker: JournalledWorker,
) -> None:
    job = worker.begun()
    worker.journal.finished(job, entry_of(worker.root, "job-1"))
    assert worker.facts().status == "completed"
    worker.journal.made(job, Result(Path("gone.png")))
    assert worker.facts().bytes == 10
