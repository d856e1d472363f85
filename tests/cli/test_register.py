"""``register`` and ``status`` against a studio's registration endpoints on a real socket."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
import tomllib
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from studio_worker_core.host.lock import InstanceLock
from tests.support.ports import refusing_port

Run = Callable[..., subprocess.CompletedProcess[str]]

COMMAND = [sys.executable, "-m", "studio_worker_core.cli.main"]


class Desk(ThreadingHTTPServer):
    """Takes one registration request and answers its polls with ``decision``."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.decision: dict[str, str] = {"status": "pending"}
        self.requests: list[tuple[str, str, str | None]] = []
        self.url = f"http://127.0.0.1:{self.server_address[1]}/"


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self._answer({"requestId": "rr-1", "status": "pending"})

    def do_GET(self) -> None:
        desk = self.server
        assert isinstance(desk, Desk)
        self._answer(desk.decision)

    def _answer(self, body: dict[str, str]) -> None:
        desk = self.server
        assert isinstance(desk, Desk)
        desk.requests.append((self.command, self.path, self.headers.get("Authorization")))
        data = json.dumps(body).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Say nothing."""


@pytest.fixture
def desk() -> Iterator[Desk]:
    """A studio's registration desk."""
    with Desk() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def settings(config_file: Path) -> dict[str, object]:
    """What the config file holds."""
    return tomllib.loads(config_file.read_text("utf-8"))


def test_an_approval_is_kept_and_says_what_comes_next(
    cli: Run, desk: Desk, config_file: Path
) -> None:
    desk.decision = {"status": "approved", "workerId": "w-9", "authToken": "tok-secret"}
    shown = cli("register", "--api-base-url", desk.url)
    assert shown.returncode == 0, shown.stderr
    assert "studio-worker studio approve rr-1" in shown.stdout
    assert "approved as w-9; start it with 'studio-worker run'" in shown.stdout
    assert "tok-secret" not in shown.stdout + shown.stderr
    kept = settings(config_file)
    assert (kept["worker_id"], kept["auth_token"]) == ("w-9", "tok-secret")
    assert [path for _, path, _ in desk.requests] == [
        "/graphics/api/workers/register-request",
        "/graphics/api/workers/register-requests/rr-1",
    ]
    again = cli("register")
    assert again.returncode == 0
    assert "already registered" in again.stdout
    status = json.loads(cli("status", "--json").stdout)
    assert status["registration"] == {"state": "approved"}
    assert status["worker_id"] == "w-9"


def test_a_rejection_tells_the_reason_and_the_remedy(cli: Run, desk: Desk) -> None:
    desk.decision = {"status": "rejected", "reason": "not one of ours"}
    shown = cli("register", "--api-base-url", desk.url)
    assert shown.returncode == 5
    assert "not one of ours" in shown.stderr
    assert "register --reset" in shown.stderr
    status = json.loads(cli("status", "--json").stdout)
    assert status["registration"] == {"state": "rejected", "reason": "not one of ours"}
    said = cli("status").stdout
    assert "rejected: not one of ours; 'studio-worker register --reset' asks again" in said


def test_an_unreachable_studio_is_one_clear_line(cli: Run) -> None:
    with refusing_port() as port:
        shown = cli("register", "--api-base-url", f"http://127.0.0.1:{port}/")
    assert shown.returncode == 4
    (line,) = shown.stderr.splitlines()
    assert "register" in line


@pytest.mark.parametrize("url", ["studio.example", "ftp://studio.example/", "http://", "::"])
def test_an_address_that_is_none_is_one_clear_line(cli: Run, url: str, config_file: Path) -> None:
    shown = cli("register", "--api-base-url", url)
    assert shown.returncode == 3
    (line,) = shown.stderr.splitlines()
    assert repr(url) in line
    assert not config_file.exists()


def test_interrupting_the_wait_leaves_the_request_pending(
    environ: dict[str, str], cli: Run, desk: Desk, config_file: Path
) -> None:
    with subprocess.Popen(
        [*COMMAND, "register", "--api-base-url", desk.url],
        env=environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        assert process.stdout is not None
        assert "rr-1" in process.stdout.readline()
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert errors == "studio-worker: interrupted\n"
    assert settings(config_file)["registration_request_id"] == "rr-1"
    status = json.loads(cli("status", "--json").stdout)
    since = settings(config_file)["registration_requested_at"]
    assert status["registration"] == {"state": "pending", "request_id": "rr-1", "since": since}
    said = cli("status").stdout
    assert f"since {since}" in said
    assert "studio-worker studio approve rr-1" in said


def test_another_studio_is_asked_only_with_reset_and_the_first_is_kept(
    cli: Run, desk: Desk, config_file: Path
) -> None:
    config_file.parent.mkdir(parents=True)
    config_file.write_text(
        'api_base_url = "https://old.example/"\nworker_id = "w-1"\nauth_token = "old"\n', "utf-8"
    )
    refused = cli("register", "--api-base-url", desk.url)
    assert refused.returncode == 3
    assert "--reset" in refused.stderr
    assert settings(config_file)["worker_id"] == "w-1"
    desk.decision = {"status": "approved", "workerId": "w-2", "authToken": "new"}
    assert cli("register", "--api-base-url", desk.url, "--reset").returncode == 0
    assert settings(config_file)["worker_id"] == "w-2"
    shown = cli("config", "show").stdout + cli("config", "show", "--json").stdout
    assert "https://old.example" in shown
    assert '"old"' not in shown
    assert cli("config", "set", "api_base_url", "https://old.example/").returncode == 0
    kept = settings(config_file)
    assert (kept["worker_id"], kept["auth_token"]) == ("w-1", "old")
    back = cli("register", "--api-base-url", desk.url)
    assert "already registered" in back.stdout, back.stderr
    assert settings(config_file)["auth_token"] == "new"
    assert config_file.stat().st_mode & 0o777 == 0o600


def test_a_running_worker_is_seen_and_not_registered_beside(
    cli: Run, desk: Desk, config_file: Path
) -> None:
    config_file.parent.mkdir(parents=True)
    with InstanceLock(config_file.parent / "daemon.lock"):
        running = json.loads(cli("status", "--json").stdout)["running"]
        shown = cli("register")
    assert running is not None
    assert shown.returncode == 6
    assert str(running["pid"]) in shown.stderr
    assert desk.requests == []
    assert json.loads(cli("status", "--json").stdout)["running"] is None


def test_a_reset_beside_a_running_worker_is_handed_to_it(
    cli: Run, desk: Desk, config_file: Path
) -> None:
    config_file.parent.mkdir(parents=True)
    config_file.write_text(
        f'api_base_url = "{desk.url}"\ninstall_id = "i-1"\nworker_id = "w-1"\nauth_token = "old"\n',
        "utf-8",
    )
    with InstanceLock(config_file.parent / "daemon.lock"):
        shown = cli("register", "--reset")
    assert shown.returncode == 0, shown.stderr
    assert "the running worker (process" in shown.stdout
    assert desk.requests == [], "the running worker asks"
    kept = settings(config_file)
    assert "auth_token" not in kept
    assert kept["install_id"] != "i-1"


@pytest.mark.parametrize("left", [None, "", "# nothing\n", "vram_threshold_gb = 8.0\n"])
def test_a_lost_config_never_leads_to_the_built_in_studio(
    cli: Run, config_file: Path, left: str | None
) -> None:
    assert cli("config", "set", "api_base_url", "http://127.0.0.1:9/").returncode == 0
    if left is None:
        config_file.unlink()
    else:
        config_file.write_text(left, "utf-8")
    for command in ("register", "run"):
        shown = cli(command)
        assert shown.returncode == 3
        assert "--api-base-url URL" in shown.stderr
        assert "studio.minis.gg" not in shown.stdout + shown.stderr
        assert "Traceback" not in shown.stderr
    assert cli("register", "--api-base-url", "http://127.0.0.1:9/").returncode == 4


def test_a_first_start_says_which_studio_it_asks(cli: Run) -> None:
    shown = cli("register", HTTPS_PROXY="http://127.0.0.1:9/")
    assert "the built-in one, https://studio.minis.gg/" in shown.stderr
    assert shown.returncode == 4


def test_status_tells_a_registration_elsewhere_from_one_here(cli: Run, config_file: Path) -> None:
    config_file.parent.mkdir(parents=True)
    config_file.write_text(
        'api_base_url = "https://new.example/"\nregistered_at = "https://old.example"\n'
        'worker_id = "w-1"\nauth_token = "hidden"\n',
        "utf-8",
    )
    shown = cli("status", "--json")
    found = json.loads(shown.stdout)
    elsewhere = [{"studio_url": "https://old.example", "worker_id": "w-1"}]
    assert found["registration"] == {"state": "not registered", "elsewhere": elsewhere}
    assert found["worker_id"] is None
    assert "hidden" not in shown.stdout
    assert "not registered (and registered at https://old.example as w-1)" in cli("status").stdout


def test_status_of_a_fresh_install_makes_no_files(cli: Run, config_file: Path) -> None:
    shown = cli("status")
    assert shown.returncode == 0, shown.stderr
    assert "not registered" in shown.stdout
    assert "not running" in shown.stdout
    assert not config_file.parent.exists()


def test_status_json_has_the_promised_shape(cli: Run) -> None:
    status = json.loads(cli("status", "--json", STUDIO_WORKER_PLUGINS="").stdout)
    assert status["outbox"] == {"pending": 0, "pending_bytes": 0, "refused": 0, "other_identity": 0}
    assert "synthetic" in status["engines"]["ready"]
    assert status["registration"] == {"state": "not registered"}
    assert {"config", "studio_url", "worker_id", "running", "version"} <= set(status)


def test_a_plugin_without_engines_is_not_among_those_that_are_not_ready(cli: Run) -> None:
    found = json.loads(cli("status", "--json").stdout)
    assert [e for e in found["engines"]["not_ready"] if e["state"] == "ready"] == []
