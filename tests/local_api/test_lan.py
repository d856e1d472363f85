"""The local API for other machines: real sockets at an address that is not loopback."""

from __future__ import annotations

import logging
import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, suppress
from pathlib import Path

import openai
import pytest
import requests

from studio_worker_core.config import ApiSettings, ConfigStore
from studio_worker_core.errors import ConfigError
from studio_worker_core.local_api.api import Names
from studio_worker_core.local_api.certificate import CERT_NAME, KEY_NAME, self_signed
from studio_worker_core.local_api.lan import open_lan, url_for_others
from studio_worker_core.local_api.listening import Lan
from tests.local_api.served_here import TOKEN, ServedHere
from tests.local_api.test_worker import LocalWorker, announced, command
from tests.support.ports import lasting_port

HOSTS = ("gpu-box.lan", "127.0.0.2")
SIGNED = {"authorization": f"Bearer {TOKEN}"}

Served = Callable[..., tuple[ServedHere, Lan, str]]


def own_address() -> str:
    """An address of this machine that is not loopback."""
    url = url_for_others(ApiSettings(listen="0.0.0.0"))
    name = url.removeprefix("http://").rpartition(":")[0]
    try:
        with socket.create_server((name, 0)):
            return name
    except OSError:
        pytest.skip("this machine has no address but loopback")


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    """Serves with settings; the API, the listener and this machine's address."""
    with ExitStack() as stack:

        def serve(**settings: object) -> tuple[ServedHere, Lan, str]:
            api = ApiSettings(listen="0.0.0.0", listen_port=0, hosts=HOSTS, **settings)  # type: ignore[arg-type]
            lan = open_lan(api, tmp_path)
            assert lan is not None
            names = Names(hosts=frozenset(HOSTS))
            here = stack.enter_context(ServedHere(tmp_path / "api", names, lan=lan))
            return here, lan, f"{own_address()}:{lan.listener.getsockname()[1]}"

        yield serve


def test_other_machines_are_answered_by_the_token_and_this_one_as_ever(served: Served) -> None:
    here, _, place = served()
    url = f"http://{place}"
    assert requests.get(f"{url}/v1/models", headers=SIGNED, timeout=60).status_code == 200
    for path in ("/v1/models", "/healthz", "/image"):
        assert requests.get(f"{url}{path}", timeout=60).status_code == 401
    named = {**SIGNED, "host": "gpu-box.lan"}
    assert requests.get(f"{url}/v1/models", headers=named, timeout=60).status_code == 200
    foreign = {**SIGNED, "host": "evil.example"}
    assert requests.get(f"{url}/v1/models", headers=foreign, timeout=60).status_code == 403
    assert requests.get(f"{here.url}/healthz", timeout=60).status_code == 200
    named["host"] = "evil.example"
    assert requests.get(f"{here.url}/v1/models", headers=named, timeout=60).status_code == 403


def test_a_client_trusts_the_certificate_that_was_made(
    served: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, _, place = served(tls_self_signed=True)
    port = int(place.rpartition(":")[2])
    with pytest.raises(requests.exceptions.SSLError):
        requests.get(f"https://{place}/v1/models", headers=SIGNED, timeout=60)
    trusting = ssl.create_default_context(cafile=str(tmp_path / CERT_NAME))
    with (
        socket.create_connection(("127.0.0.2", int(place.rpartition(":")[2])), 60) as line,
        trusting.wrap_socket(line, server_hostname="gpu-box.lan") as secured,
    ):
        assert secured.version() in ("TLSv1.2", "TLSv1.3")
    # By a name that is in it: every machine has 127.0.0.2, and this is the other listener.
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / CERT_NAME))
    url = f"https://127.0.0.2:{port}"
    with openai.OpenAI(base_url=f"{url}/v1", api_key=TOKEN, max_retries=0) as client:
        made = client.images.generate(
            prompt="a", model="procedural", size="32x32", response_format="url"
        )
    assert made.data
    assert str(made.data[0].url).startswith(f"{url}/files/")
    plain = requests.get(made.data[0].url, verify=str(tmp_path / CERT_NAME), timeout=60)  # type: ignore[arg-type]
    assert plain.headers["content-type"] == "image/png"


def test_who_speaks_no_tls_where_it_is_spoken_is_turned_away_and_others_are_served(
    served: Served, tmp_path: Path
) -> None:
    _, _, place = served(tls_self_signed=True)
    with socket.create_connection(("127.0.0.2", int(place.rpartition(":")[2])), 60) as line:
        line.sendall(b"GET /v1/models HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n")
        line.settimeout(60)
        with suppress(ConnectionResetError):
            assert not line.recv(1 << 16).startswith(b"HTTP")
    url = f"https://127.0.0.2:{place.rpartition(':')[2]}/v1/models"
    answer = requests.get(url, headers=SIGNED, verify=str(tmp_path / CERT_NAME), timeout=60)
    assert answer.ok


def test_the_log_warns_where_no_tls_is_spoken(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for tls in (False, True):
        caplog.clear()
        with caplog.at_level(logging.INFO, logger="studio_worker"):
            lan = open_lan(
                ApiSettings(listen="0.0.0.0", listen_port=0, tls_self_signed=tls), tmp_path
            )
        assert lan is not None
        lan.listener.close()
        warned = [
            each
            for each in caplog.records
            if each.levelno >= logging.WARNING and each.name == "studio_worker.local_api"
        ]
        assert bool(warned) is not tls


def test_a_certificate_is_made_once_for_its_names_and_again_when_it_cannot_serve(
    tmp_path: Path,
) -> None:
    cert, key = self_signed(tmp_path, ["a.lan", "10.0.0.1"])
    assert key.stat().st_mode & 0o077 == 0
    first = cert.read_bytes()
    assert self_signed(tmp_path, ["a.lan"])[0].read_bytes() == first
    self_signed(tmp_path, ["b.lan"])
    second = cert.read_bytes()
    assert second != first
    for spoil in (cert, key):
        spoil.write_bytes(b"nothing")
        self_signed(tmp_path, ["b.lan"])
        ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(cert, key)
    assert (tmp_path / KEY_NAME).read_bytes().startswith(b"-----BEGIN PRIVATE KEY")


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"listen": "gpu-box"}, "is no address"),
        ({"listen": "127.0.0.1"}, "this machine alone"),
        ({"listen": "203.0.113.5"}, "listened at"),
        ({"listen": "0.0.0.0", "tls_cert": "no.pem"}, "both"),
        ({"listen": "0.0.0.0", "tls_cert": "no.pem", "tls_key": "no.pem"}, "no.pem"),
    ],
)
def test_what_cannot_be_used_is_named(
    settings: dict[str, object], words: str, tmp_path: Path
) -> None:
    values = "".join(f"{key} = '{value}'\n" for key, value in settings.items())
    (tmp_path / "config.toml").write_text(f"[api]\nlisten_port = 0\n{values}", "utf-8")
    api = ConfigStore(tmp_path / "config.toml").load().api
    with pytest.raises(ConfigError, match=words):
        open_lan(api, tmp_path)


def test_a_port_that_is_taken_is_no_other_port(tmp_path: Path) -> None:
    with closing(socket.create_server(("0.0.0.0", 0))) as taken:
        api = ApiSettings(listen="0.0.0.0", listen_port=taken.getsockname()[1])
        with pytest.raises(ConfigError, match="listen_port"):
            open_lan(api, tmp_path)


def test_nothing_listens_unless_it_is_said(tmp_path: Path) -> None:
    assert open_lan(ApiSettings(), tmp_path) is None


def test_a_worker_says_where_others_reach_it_and_serves_without_when_it_cannot(
    tmp_path: Path,
) -> None:
    port = lasting_port()
    settings = f'local_api_port = 0\n[api]\nlisten = "0.0.0.0"\nlisten_port = {port}\n'
    with LocalWorker(tmp_path / "worker", settings) as worker:
        api = announced(worker)
        assert api["url"].startswith("http://127.0.0.1:")
        assert api["urlForOthers"].endswith(f":{port}")
        assert api["urlForOthers"] in command(worker, "api").stdout
        worker.wait_line("without TLS")
        signed = {"authorization": f"Bearer {api['token']}"}
        answer = requests.get(f"http://127.0.0.2:{port}/v1/models", headers=signed, timeout=60)
        assert answer.ok
    with (
        closing(socket.create_server(("0.0.0.0", port))),
        LocalWorker(tmp_path / "other", settings) as worker,
    ):
        api = announced(worker)
        worker.wait_line("other machines are not answered")
        assert requests.get(f"{api['url']}/healthz", timeout=60).ok
