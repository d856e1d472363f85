"""How fast results leave, and in how much memory: streaming body against ``files=``.

Run ``python bench/upload.py [--sizes 1,100,1024] [--rounds 5]``. Every upload runs in a
process of its own, so that its peak resident memory can be read; the receiver is a plain
socket server that counts the bytes and answers 204. Prints medians and the ratios.
"""

from __future__ import annotations

import argparse
import json
import re
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

CHILD = """
import json, resource, sys, time
from pathlib import Path
import requests
from studio_worker_core.secrets import Secret
from studio_worker_core.studio_client.http import StudioClient
from studio_worker_core.studio_client.upload import ResultUpload

way, url, path = sys.argv[1], sys.argv[2], Path(sys.argv[3])
client = StudioClient(url)
upload = ResultUpload(path, "mp4", "video/mp4", "a prompt", "j.mp4")
started = time.perf_counter()
if way == "stream":
    client.complete("w", Secret("t"), "j", upload)
else:
    with path.open("rb") as file:
        requests.post(
            f"{url}/graphics/api/workers/w/jobs/j/complete",
            data={"prompt": upload.prompt, "ext": upload.ext},
            files={"image": (upload.file_name, file, upload.mime)},
            headers={"Authorization": "Bearer t"},
            timeout=60,
        ).raise_for_status()
seconds = time.perf_counter() - started
peak_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(json.dumps({"seconds": seconds, "rss_mb": peak_kib / 1024}))
"""


def _serve(listener: socket.socket) -> None:
    buffer = bytearray(1 << 20)
    while True:
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        with connection:
            data = b""
            while b"\r\n\r\n" not in data:
                data += connection.recv(65536)
            head, _, rest = data.partition(b"\r\n\r\n")
            length = re.search(rb"(?i)content-length: (\d+)", head)
            left = int(length[1]) - len(rest) if length else 0
            while left > 0:
                left -= connection.recv_into(buffer)
            connection.sendall(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")


def _measure(way: str, url: str, path: Path) -> tuple[float, float]:
    command = [sys.executable, "-c", CHILD, way, url, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=600)
    figures = json.loads(done.stdout)
    return path.stat().st_size / 1e6 / figures["seconds"], figures["rss_mb"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", default="1,100,1024", help="MB, separated by commas")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as directory,
        socket.create_server(("127.0.0.1", 0)) as listener,
    ):
        threading.Thread(target=_serve, args=(listener,), daemon=True).start()
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        print(f"{'MB':>5} {'way':>7} {'MB/s':>8} {'peak RSS MB':>12}")
        for size in (int(text) for text in options.sizes.split(",")):
            path = Path(directory) / "result.mp4"
            with path.open("wb") as file:
                file.truncate(size * 1_000_000)
            medians = {}
            for way in ("stream", "files="):
                rounds = [_measure(way, url, path) for _ in range(options.rounds)]
                medians[way] = [statistics.median(column) for column in zip(*rounds, strict=True)]
                print(f"{size:5} {way:>7} {medians[way][0]:8.0f} {medians[way][1]:12.0f}")
            speed = medians["stream"][0] / medians["files="][0]
            memory = medians["stream"][1] / medians["files="][1]
            print(f"{size:5}   ratio {speed:7.2f}x {memory:11.2f}x")


if __name__ == "__main__":
    main()
