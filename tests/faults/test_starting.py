"""What a worker finds broken when it starts, and what it does about it."""

from __future__ import annotations

from typing import Any

from studio_worker_core.config import ConfigStore
from studio_worker_core.testing.http_gateway import HttpGateway, Rule
from studio_worker_core.testing.plugin_builder import build_plugin
from studio_worker_core.testing.processes import WorkerProcess, eventually


def test_a_plugin_broken_at_import_is_withdrawn_alone(field: Any) -> None:
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


def test_a_second_worker_on_the_same_directory_says_who_holds_it(field: Any) -> None:
    first = field.faulty_worker()
    with WorkerProcess(first.config.parent, field.studio.url, env=field.env) as second:
        code = second.wait()
        assert code not in (0, 1, 2), "a code of its own, so that a script can tell"
        assert f"process {first.pid} holds worker.lock" in second.output
        assert str(first.config.parent) in second.output
        assert "Traceback" not in second.output
    field.finishes(field.submit("ok"))
    first.kill()
    with WorkerProcess(first.config.parent, field.studio.url, env=field.env) as third:
        third.wait_line("connected to the studio")


def test_a_corrupt_config_is_set_aside_and_the_worker_asks_anew(field: Any) -> None:
    worker = field.faulty_worker()
    worker.stop()
    text = worker.config.read_text("utf-8")
    torn = text.replace('auth_token = "', "auth_token = ")
    worker.config.write_text(torn, "utf-8")
    worker.env["STUDIO_WORKER_CONFIG"] = str(worker.config)
    seen = len(worker.lines)
    worker.start()
    worker.wait_line(r"set aside as .*config\.toml\.corrupt-", after=seen)
    (aside,) = worker.config.parent.glob("config.toml.corrupt-*")
    assert aside.read_text("utf-8") == torn
    token = str(ConfigStore(worker.config).config.auth_token)
    assert token not in worker.output
    worker.stop()
    aside.unlink()
    worker.config.write_text(text, "utf-8")
    worker.start()
    field.operator.wait_worker("idle")


def test_a_corrupt_manifest_is_set_aside_and_the_job_done_again(
    field: Any, results_of: Any
) -> None:
    with HttpGateway(field.studio.url) as gateway:
        worker = field.faulty_worker(url=gateway.url)
        down = gateway.add(Rule("/complete", status=503, times=10_000))
        job_id = field.submit("ok")
        manifest = eventually("a result on disk", lambda: results_of(worker))[0]
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
        eventually("an empty outbox", lambda: not results_of(worker))
