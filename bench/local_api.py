"""The local API as its clients feel it: answers, first tokens, tokens a second, leaving.

A real server with real engine processes, in a process beside the one that asks. The engine
``paced`` takes a fixed time for each token, so that what the way to the client costs shows against
the same engine called bare. Prints medians and 99th percentiles of one run.
"""

from __future__ import annotations

import argparse
import base64
import http.client
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
from msgspec import Struct

from studio_worker_core.local_api.api import Names
from studio_worker_core.plugin import API_VERSION, ChatMessage, HostInfo, LlmTask
from studio_worker_core.roster.discovery import discover
from studio_worker_core.roster.roster import Roster
from studio_worker_core.testing.jobs import make_job
from tests.local_api.served_here import TOKEN, ServedHere
from tests.support.paced_engine import PacedEngine, paced_entry

_SERVE = "--serve"
_FOR_EVER = 100_000
_HEADERS = {"authorization": f"Bearer {TOKEN}", "content-type": "application/json"}


class Server(Struct):
    """The process that serves."""

    port: int
    process: subprocess.Popen[str]

    def idle_at(self) -> float:
        """When no job ran any more, on the clock that all processes share."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write("idle\n")
        self.process.stdin.flush()
        return float(self.process.stdout.readline())


def serve() -> None:
    """The body of the serving process: its port, then an answer to each line."""
    with tempfile.TemporaryDirectory(prefix="bench-") as directory:
        root = Path(directory)
        host = HostInfo(API_VERSION, "0", root / "models")
        found = discover(host, cache=root / "cache")
        roster = Roster([*found.entries, paced_entry()])
        with ServedHere(root, Names(), roster=roster) as here:
            print(here.listener.getsockname()[1], flush=True)
            for _ in sys.stdin:
                here.slots.wait_idle(60)
                print(time.monotonic(), flush=True)
        found.close()


@contextmanager
def serving() -> Iterator[Server]:
    """The server, in a process of its own."""
    process = subprocess.Popen(
        [sys.executable, "-m", "bench.local_api", _SERVE],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[1],
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        yield Server(int(process.stdout.readline()), process)
    finally:
        process.stdin.close()
        process.wait(60)


def ask(server: Server, path: str, body: Any = None) -> http.client.HTTPResponse:
    """Ask over a connection of its own; back with the head of the answer."""
    line = http.client.HTTPConnection("127.0.0.1", server.port, timeout=120)
    data = None if body is None else json.dumps(body)
    line.request("GET" if body is None else "POST", path, data, _HEADERS)
    return line.getresponse()


def chat(tokens: int, seconds: float) -> dict[str, Any]:
    """A streamed chat with the paced engine."""
    content = json.dumps([tokens, seconds])
    return {
        "model": "paced",
        "stream": True,
        "messages": [{"role": "user", "content": content}],
    }


def told(answer: http.client.HTTPResponse) -> Iterator[str]:
    """The pieces of a streamed chat."""
    for line in answer:
        if line.startswith(b"data: {"):
            delta = json.loads(line[6:])["choices"][0]["delta"]
            if delta.get("content"):
                yield delta["content"]


def models(server: Server) -> float:
    """Seconds to the first byte of the list of models."""
    started = time.monotonic()
    answer = ask(server, "/v1/models")
    answer.read(1)
    seconds = time.monotonic() - started
    answer.read()
    return seconds


def picture(server: Server) -> float:
    """Seconds for a picture of 512×512 by an engine that is loaded."""
    size = {"size": "512x512", "output_format": "webp", "response_format": "b64_json"}
    started = time.monotonic()
    body = json.loads(ask(server, "/v1/images/generations", {"prompt": "hills", **size}).read())
    seconds = time.monotonic() - started
    assert base64.b64decode(body["data"][0]["b64_json"])
    return seconds


def first_token(server: Server) -> float:
    """Seconds to the first token of an engine that has it at once."""
    started = time.monotonic()
    answer = ask(server, "/v1/chat/completions", chat(1, 0))
    next(told(answer))
    seconds = time.monotonic() - started
    answer.read()
    return seconds


def leaving(server: Server) -> float:
    """Seconds from a client's leaving in the middle until the engine is idle."""
    answer = ask(server, "/v1/chat/completions", chat(_FOR_EVER, 0.01))
    next(told(answer))
    left = time.monotonic()
    answer.close()
    return server.idle_at() - left


def open_page(server: Server) -> http.client.HTTPResponse:
    """The events of the worker's page, as a browser that is signed in hears them."""
    code = json.loads(ask(server, "/sign-in-codes", {}).read())["code"]
    line = http.client.HTTPConnection("127.0.0.1", server.port, timeout=120)
    line.request("GET", f"/ui/sign-in?code={code}")
    cookie = str(line.getresponse().headers["set-cookie"]).partition(";")[0]
    line.close()
    line.request("GET", "/ui/events", headers={"cookie": cookie})
    return line.getresponse()


def idle_pages(server: Server, pages: int, seconds: float) -> str:
    """A row: what open pages cost the server while nothing happens."""
    process = psutil.Process(server.process.pid)
    open_page(server).close()  # what the page needs is loaded
    memory = process.memory_info().rss
    streams = [open_page(server) for _ in range(pages)]
    assert all(each.status == 200 for each in streams)
    before = sum(process.cpu_times()[:2])
    time.sleep(seconds)
    used = (sum(process.cpu_times()[:2]) - before) / seconds / pages
    each_kb = (process.memory_info().rss - memory) / pages / 1024
    for stream in streams:
        stream.close()
    return f"an open page, idle: {used:.3%} of a core, {each_kb:.0f} kB"


def rate(server: Server, tokens: int, seconds: float) -> float:
    """Tokens a second by the API, from the request to the end."""
    started = time.monotonic()
    text = "".join(told(ask(server, "/v1/chat/completions", chat(tokens, seconds))))
    assert text.endswith(f"t{tokens - 1} ")
    return tokens / (time.monotonic() - started)


def bare_rate(tokens: int, seconds: float) -> float:
    """Tokens a second of the engine alone, in this process."""
    task = LlmTask(messages=[ChatMessage("user", json.dumps([tokens, seconds]))])
    with tempfile.TemporaryDirectory(prefix="bench-") as directory:
        job = make_job(task, Path(directory))
        started = time.monotonic()
        PacedEngine().generate(job)
        return tokens / (time.monotonic() - started)


def shown(name: str, seconds: Sequence[float]) -> str:
    """A row: median and 99th percentile in milliseconds."""
    middle, late = statistics.median(seconds), sorted(seconds)[int(0.99 * (len(seconds) - 1))]
    return f"{name:<44} {middle * 1000:>8.1f} ms {late * 1000:>8.1f} ms"


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=100)
    parser.add_argument("--idle-seconds", type=float, default=10.0)
    parser.add_argument(_SERVE, action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        serve()
        return
    rows: dict[str, Callable[[Server], float]] = {
        "first byte of /v1/models": models,
        "picture of 512×512, engine loaded": picture,
        "first token, engine loaded": first_token,
        "engine idle after its client has left": leaving,
    }
    with serving() as server:
        print(f"{'':<44} {'median':>11} {'p99':>11}")
        for name, measure in rows.items():
            for _ in range(3):
                measure(server)
            print(shown(name, [measure(server) for _ in range(options.times)]))
        print(idle_pages(server, 20, options.idle_seconds))
        print(f"\n{'tokens a second, engine at':<30} {'bare':>8} {'by the API':>12} {'ratio':>7}")
        for seconds in (0.02, 0.005, 0.001):
            tokens = int(2 / seconds)
            pairs = [(bare_rate(tokens, seconds), rate(server, tokens, seconds)) for _ in range(3)]
            bare, through = (statistics.median(each) for each in zip(*pairs, strict=True))
            pace = f"{seconds * 1000:.0f} ms a token"
            print(f"{pace:<30} {bare:>8.1f} {through:>12.1f} {through / bare:>6.1%}")


if __name__ == "__main__":
    main()
