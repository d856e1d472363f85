"""How fast a model file comes in: the whole store against the same bytes unchecked.

Run ``python bench/download.py [--mb 500] [--rounds 5]``. A process of its own serves one file
over loopback; each round downloads it in every way, one after the other. ``store`` is
``ModelStore.ensure`` with a checksum (lock, disk check, SHA-256, fsync, rename, manifest);
``no sha256`` writes and syncs the same connection's bytes unhashed; ``requests`` is
``iter_content`` of 1 MiB with a hash. Prints medians and ratios to ``no sha256``.
"""

from __future__ import annotations

import argparse
import hashlib
import http.server
import multiprocessing
import os
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path

import requests

from studio_worker_core.downloads.addresses import AddressPolicy
from studio_worker_core.downloads.fetching import Fetcher
from studio_worker_core.downloads.transfers import TransferLine
from studio_worker_core.models.store import ModelStore
from studio_worker_core.wire.models import ModelFile, ModelSource

_CHUNK = 1 << 20


def _serve(path: str, pipe: Connection) -> None:
    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            with open(path, "rb") as file:  # noqa: PTH123 - the handler lives in a child
                size = os.fstat(file.fileno()).st_size
                self.send_response(200)
                self.send_header("Content-Length", str(size))
                self.send_header("Connection", "close")
                self.end_headers()
                self.wfile.flush()
                offset = 0
                while offset < size:
                    offset += os.sendfile(self.connection.fileno(), file.fileno(), offset, size)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            del format, args

    server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
    pipe.send(server.server_address[1])
    server.serve_forever()


def _through_store(url: str, sha256: str, directory: Path) -> None:
    file = ModelFile(role="model", url=url, filename="weights.bin", sha256=sha256)
    ModelStore(directory).ensure(ModelSource(engine="bench", files=[file]), "bench")


def _unchecked(url: str, sha256: str, directory: Path) -> None:
    del sha256
    policy = AddressPolicy(allow_loopback=True)
    with (
        (directory / "plain.bin").open("wb", buffering=0) as file,
        Fetcher().open(url, policy, TransferLine()) as response,
    ):
        while chunk := response.read1(_CHUNK):
            file.write(chunk)
        os.fsync(file.fileno())


def _with_requests(url: str, sha256: str, directory: Path) -> None:
    digest = hashlib.sha256()
    with (
        (directory / "requests.bin").open("wb") as file,
        requests.get(url, stream=True, timeout=30) as response,
    ):
        for chunk in response.iter_content(_CHUNK):
            digest.update(chunk)
            file.write(chunk)
        file.flush()
        os.fsync(file.fileno())
    if digest.hexdigest() != sha256:
        raise SystemExit("the checksum is wrong")


WAYS: dict[str, Callable[[str, str, Path], None]] = {
    "no sha256": _unchecked,
    "store": _through_store,
    "requests": _with_requests,
}


def _measure(way: str, url: str, sha256: str, root: Path, megabytes: int) -> float:
    directory = root / "round"
    directory.mkdir()
    started = time.perf_counter()
    WAYS[way](url, sha256, directory)
    seconds = time.perf_counter() - started
    shutil.rmtree(directory)
    return megabytes / seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mb", type=int, default=500)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        path, digest = root / "served.bin", hashlib.sha256()
        with path.open("wb") as file:
            for _ in range(options.mb):
                block = os.urandom(1_000_000)
                digest.update(block)
                file.write(block)
        here, there = multiprocessing.Pipe()
        server = multiprocessing.Process(target=_serve, args=(str(path), there), daemon=True)
        server.start()
        url = f"http://127.0.0.1:{here.recv()}/weights.bin"
        figures: dict[str, list[float]] = {way: [] for way in WAYS}
        for _ in range(options.rounds):
            for way in WAYS:
                figures[way].append(_measure(way, url, digest.hexdigest(), root, options.mb))
        server.terminate()
        server.join()
    medians = {way: statistics.median(speeds) for way, speeds in figures.items()}
    print(f"{'way':>10} {'MB/s':>8} {'ratio':>7}   ({options.mb} MB, {options.rounds} rounds)")
    for way, speed in medians.items():
        print(f"{way:>10} {speed:8.0f} {speed / medians['no sha256']:6.2f}x")


if __name__ == "__main__":
    main()
