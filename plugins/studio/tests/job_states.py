"""A job in each of its states, and how a command refuses one."""

from __future__ import annotations

import sys

from plugins.studio.tests.support.field_worker import FieldWorker
from plugins.studio.tests.support.studio_in_thread import StudioInThread

JOB_STATES = [
    *("queued", "claimed", "progressing", "cancelling", "file", "json"),
    *("failed", "cancelled", "removed", "retried", "deleted"),
]


REFUSED = (1, 5)


CONSOLE = (
    *(sys.executable, "-W", "error", "-c"),
    "import sys; from studio_worker_core.cli.main import main; sys.exit(main())",
)


def job_in(studio: StudioInThread, worker: FieldWorker, state: str) -> str:
    """A job that ``worker`` brought into ``state``; 'queued' ones are for nobody's engine."""
    if state == "queued":
        return str(studio.submit(model="procedural"))
    chat = {"kind": "llm", "messages": [{"role": "user", "content": "hi"}]}
    job_id = str(studio.submit(chat if state == "json" else {"kind": "image", "prompt": "p"}))
    worker.take_offer()
    if state == "json":
        worker.send("completeJson", jobId=job_id, result={"text": "hi"})
        worker.expect("completeAck")
    elif state in ("file", "removed", "deleted"):
        assert worker.complete(job_id, b"picture").status_code == 204
        if state != "file":
            studio.raw("DELETE", f"/jobs/{job_id}{'/result' if state == 'removed' else ''}")
    elif state in ("failed", "retried"):
        worker.send("fail", jobId=job_id, error="no\x1b[31m paint\nleft", retryable=False)
        worker.expect("failAck")
        if state == "retried":
            studio.raw("PUT", "/models/nobodys", json={"source": {"engine": "nobodys"}})
            studio.call("POST", f"/jobs/{job_id}/retry")
            worker.take_offer()
            worker.send("fail", jobId=job_id, error="again", retryable=True)
            worker.expect("failAck")
            worker.take_offer()
    elif state == "progressing":
        worker.send("progress", jobId=job_id, fraction=0.5, message="half\x1b[2J way")
        worker.heartbeat(job_id)
    elif state in ("cancelling", "cancelled"):
        studio.call("POST", f"/jobs/{job_id}/cancel")
        worker.expect("cancel")
        if state == "cancelled":
            worker.send("fail", jobId=job_id, error="cancelled", retryable=False, code="cancelled")
            worker.expect("failAck")
    return job_id
