"""How much one studio carries: claims per second, and many workers on real sockets.

``python bench/studio.py [--workers 200] [--jobs 2000]`` prints one line per figure. The
workers and the studio share this machine's cores, so the second figure is a lower bound.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import msgspec
import psutil
import requests
from websockets.asyncio.client import connect

from studio_worker_core.wire.capabilities import Capabilities
from studio_worker_core.wire.models import ModelSource
from studio_worker_core.wire.registration import RegisterRequest
from studio_worker_core.wire.tasks import ChatMessage, LlmTask, TaskKind
from studio_worker_studio.dispatch import Lane, Wanted
from studio_worker_studio.settings import Settings
from studio_worker_studio.shapes import Shape
from studio_worker_studio.store.interface import Store
from studio_worker_studio.store.opening import open_store
from studio_worker_studio.store.records import NewJob, PendingLimits, RegistrationRecord

CAPABILITIES = {
    "machineName": "bench",
    "username": "bench",
    "agentVersion": "0",
    "engine": "multi",
    "vramTotalGb": 0.0,
    "vramThresholdGb": 8.0,
    "autoEnabled": True,
    "autoStart": False,
    "supportedModels": ["synthetic"],
    "taskKinds": ["llm"],
    "supportedModelsPerKind": {"llm": ["synthetic"]},
    "features": ["resume"],
}
TASK = LlmTask(messages=[ChatMessage("user", "hello")])
SOURCE = ModelSource(engine="synthetic")


async def claims_per_second(directory: Path, queued: int) -> tuple[float, float]:
    """Claims and durable submissions per second of the bare store."""
    opened = open_store(Settings(data=directory))
    store = opened.jobs
    started = time.perf_counter()
    for number in range(queued):
        await store.add(NewJob(f"job-{number}", "synthetic", TASK, SOURCE), 0.0)
    submitted = queued / (time.perf_counter() - started)
    lanes = [Lane(kind, "synthetic", Shape.EXISTING) for kind in (TaskKind.IMAGE, TaskKind.LLM)]
    wanted = Wanted(frozenset(lanes), vram_gb=8.0)
    started = time.perf_counter()
    while (found := await store.first_for(wanted)) is not None:
        await store.claim(found.id, "worker", 0.0)
    claimed = queued / (time.perf_counter() - started)
    opened.close()
    return claimed, submitted


class Running:
    """A studio process on a free port, which knows its workers from the start."""

    def __init__(self, data: Path, workers: int) -> None:
        data.mkdir()
        store = open_store(Settings(data=data))
        self.workers = asyncio.run(_let_in(store, workers))
        store.close()
        code = "import sys; from studio_worker_core.cli.main import main; sys.exit(main())"
        self._process = subprocess.Popen(
            [sys.executable, "-c", code, "studio", "serve", "--port", "0", "--data", str(data)],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert self._process.stdout is not None
        url = self._process.stdout.readline().split()[-1]
        self.base = url.removeprefix("http://") + "graphics/api"
        self.operator = requests.Session()
        token = (data / "operator-token").read_text("utf-8").strip()
        self.operator.headers["Authorization"] = f"Bearer {token}"

    def resident_mb(self) -> float:
        """Memory of the process in MB."""
        return float(psutil.Process(self._process.pid).memory_info().rss / 1e6)

    def cpu_seconds(self) -> float:
        """Processor time it has used."""
        times = psutil.Process(self._process.pid).cpu_times()
        return float(times.user + times.system)

    def stop(self) -> None:
        """Stop it."""
        self._process.terminate()
        self._process.communicate(timeout=30)


async def _let_in(store: Store, count: int) -> list[tuple[str, str]]:
    """Worker ids and tokens, straight from the store: registration is not measured."""
    found = []
    for number in range(count):
        request = RegisterRequest(f"i-{number}", "0" * 64, _capabilities(), "bench/0")
        limits = PendingLimits(1_000_000, 1_000_000, 1e9)
        record = await store.registrations.ask(request, "127.0.0.1", 0.0, limits)
        assert isinstance(record, RegistrationRecord)
        approved = await store.registrations.approve(record.request_id, 0.0)
        assert approved is not None
        assert approved.worker_id is not None
        token = await store.workers.mint_token(approved.worker_id)
        found.append((approved.worker_id, token or ""))
    return found


def _capabilities() -> Capabilities:
    return msgspec.convert(CAPABILITIES, Capabilities)


async def work(base: str, worker_id: str, token: str, ready: asyncio.Semaphore) -> None:
    """One fake worker: accepts whatever comes and answers at once."""
    headers = {"Authorization": f"Bearer {token}"}
    url = f"ws://{base}/workers/{worker_id}/connect"
    async with connect(url, additional_headers=headers, compression=None) as socket:
        hello = {"type": "hello", "authToken": token, "capabilities": CAPABILITIES}
        await socket.send(json.dumps(hello))
        async for message in socket:
            frame = json.loads(message)
            if frame["type"] == "welcome":
                ready.release()
            elif frame["type"] == "offer":
                job_id = frame["claim"]["jobId"]
                await socket.send(json.dumps({"type": "accept", "jobId": job_id}))
                answer = {"type": "completeJson", "jobId": job_id, "result": {"ok": True}}
                await socket.send(json.dumps(answer))


async def jobs_per_second(running: Running, jobs: int) -> tuple[float, float, float]:
    """Jobs per second over all sockets, the median of a lone job, and processor time a job."""
    ready = asyncio.Semaphore(0)
    tasks = [asyncio.create_task(work(running.base, *one, ready)) for one in running.workers]
    for _ in running.workers:
        await ready.acquire()
    trips = [await asyncio.to_thread(_one_job, running) for _ in range(50)]
    used = running.cpu_seconds()
    started = time.perf_counter()
    await asyncio.to_thread(_submit_and_wait, running, jobs)
    used = running.cpu_seconds() - used
    elapsed = time.perf_counter() - started
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    return jobs / elapsed, statistics.median(trips), used / jobs


def _one_job(running: Running) -> float:
    started = time.perf_counter()
    job_id = _submit(running)
    url = f"http://{running.base}/jobs/{job_id}"
    while running.operator.get(url, timeout=30).json()["state"] != "done":
        pass
    return time.perf_counter() - started


def _submit_and_wait(running: Running, jobs: int) -> None:
    for _ in range(jobs):
        _submit(running)
    url = f"http://{running.base}/jobs?limit=1&state="
    while any(
        running.operator.get(url + state, timeout=30).json()["items"]
        for state in ("queued", "claimed")
    ):
        time.sleep(0.005)


def _submit(running: Running) -> str:
    body = {"model": "synthetic", "task": {"kind": "llm", "messages": []}}
    answer = running.operator.post(f"http://{running.base}/jobs", json=body, timeout=30)
    return str(answer.json()["jobId"])


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--workers", type=int, default=200)
    parser.add_argument("--jobs", type=int, default=2000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        claimed, submitted = asyncio.run(claims_per_second(Path(place), options.jobs))
        print(f"store: {claimed:,.0f} claims/s, {submitted:,.0f} durable submissions/s")
        running = Running(Path(place) / "data", options.workers)
        try:
            rate, trip, cpu = asyncio.run(jobs_per_second(running, options.jobs))
            memory = running.resident_mb()
        finally:
            running.stop()
        print(f"{options.workers} workers: {rate:,.0f} jobs/s submitted, offered and answered")
        print(f"{options.workers} workers: {trip * 1000:.1f} ms median from submission to done")
        print(f"{options.workers} workers: {cpu * 1000:.2f} ms of processor time a job")
        print(f"{options.workers} workers: {memory:.0f} MB resident")
    return 0


if __name__ == "__main__":
    sys.exit(main())
