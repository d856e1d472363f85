"""What a worker finds broken when it starts, and what it does about it."""

from __future__ import annotations

import tomllib

from tests.support.fault_field import FaultField, outbox_jobs
from tests.support.http_gateway import HttpGateway, Rule
from tests.support.plugin_builder import build_plugin
from tests.support.processes import WorkerProcess
from tests.support.waiting import eventually


def test_a_plugin_broken_at_import_is_withdrawn_alone(field: FaultField) -> None:
    site = field.root / "site"
    build_plugin(site, "broken-plugin", "import a_module_nobody_has\n")
    build_plugin(site, "exiting-plugin", "import sys\nsys.exit(3)\n")
    worker = field.faulty_worker()
    for distribution in ("broken-plugin", "exiting-plugin"):
        worker.wait_line(rf"of {distribution} 1\.0 is withdrawn \(broken\)")
    assert "a_module_nobody_has" in worker.output
    names = {engine["name"] for engine in field.capabilities()["engines"]}
    assert names >= {"synthetic", "fault"}
    assert not [name for name in names if "broken" in name or "exiting" in name]
    field.finishes(field.submit("ok"))


def test_a_second_worker_on_the_same_directory_says_who_holds_it(field: FaultField) -> None:
    first = field.faulty_worker()
    with WorkerProcess(first.config.parent, field.studio.url, env=field.env) as second:
        code = second.wait()
        assert code not in (0, 1, 2), "a code of its own, so that a script can tell"
        assert f"process {first.pid} holds daemon.lock" in second.output
        assert str(first.config.parent) in second.output
        assert "Traceback" not in second.output
    field.finishes(field.submit("ok"))
    first.kill()
    with WorkerProcess(first.config.parent, field.studio.url, env=field.env) as third:
        third.wait_line("connected to the studio")


def waiting_beside(first: WorkerProcess, field: FaultField) -> WorkerProcess:
    """A worker, not started, that waits for ``first`` to end."""
    second = WorkerProcess(first.config.parent, field.studio.url, options=("-v",), env=field.env)
    second.argv.append("--wait-for-lock")
    return second


def test_a_worker_that_waits_for_the_lock_takes_over(field: FaultField) -> None:
    first = field.faulty_worker()
    with waiting_beside(first, field) as second:
        second.wait_line(f"waiting for it to end: .*{first.pid}")
        field.finishes(field.submit("ok"))
        assert first.stop() == 0
        second.wait_line("connected to the studio")
        field.finishes(field.submit("ok"))
        assert second.stop() == 0


def test_a_killed_worker_is_followed_by_the_one_that_waits(field: FaultField) -> None:
    first = field.faulty_worker()
    with waiting_beside(first, field) as second:
        second.wait_line(f"waiting for it to end: .*{first.pid}")
        first.kill()
        second.wait_line("connected to the studio")
        field.finishes(field.submit("ok"))


def test_a_worker_that_waits_for_the_lock_ends_when_told_to(field: FaultField) -> None:
    first = field.faulty_worker()
    with waiting_beside(first, field) as second:
        second.wait_line(f"waiting for it to end: .*{first.pid}")
        assert second.stop() == 0
        assert "Traceback" not in second.output
    field.finishes(field.submit("ok"))


def test_a_torn_config_is_set_aside_and_the_worker_goes_nowhere(field: FaultField) -> None:
    worker = field.faulty_worker()
    worker.stop()
    text = worker.config.read_text("utf-8")
    torn = text.replace('auth_token = "', "auth_token = ")
    worker.config.write_text(torn, "utf-8")
    worker.env["STUDIO_WORKER_CONFIG"] = str(worker.config)
    seen = len(worker.lines)
    worker.start()
    worker.wait_line(r"was set aside\. What it held is in .*config\.toml\.corrupt-", after=seen)
    assert worker.wait() == 3
    worker.start()
    assert worker.wait() == 3, "nor does the next start"
    (aside,) = worker.config.parent.glob("config.toml.corrupt-*")
    assert aside.read_text("utf-8") == torn
    assert tomllib.loads(text)["auth_token"] not in worker.output
    aside.unlink()
    worker.config.write_text(text, "utf-8")
    worker.start()
    field.operator.wait_worker("idle")


def test_a_corrupt_manifest_is_set_aside_and_the_job_done_again(field: FaultField) -> None:
    with HttpGateway(field.studio.url) as gateway:
        worker = field.faulty_worker(url=gateway.url)
        down = gateway.add(Rule("/complete", status=503, times=10_000))
        job_id = field.submit("ok")
        manifest = eventually("a result on disk", lambda: outbox_jobs(worker))[0]
        worker.kill()
        manifest.write_bytes(b'{"job": "tor')
        down.times = 0
        seen = len(worker.lines)
        worker.start()
        worker.wait_line(rf"set .*{job_id} aside as .*corrupt", after=seen)
        (aside,) = (worker.outbox / "corrupt").iterdir()
        assert (aside / "manifest.json").read_bytes() == b'{"job": "tor'
        assert (aside / "result.png").read_bytes().startswith(b"\x89PNG")
        # To the studio this worker has lost it, so it is offered again.
        field.finishes(job_id)
        eventually("an empty outbox", lambda: not outbox_jobs(worker))
