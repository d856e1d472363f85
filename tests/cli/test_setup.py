"""``setup`` at a terminal of its own, and told by options, against servers on real sockets."""

from __future__ import annotations

import json
import subprocess
import threading
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.cli.setup_studio import COMMAND, Conversation, Server
from tests.support.ports import refusing_port

Run = Callable[..., subprocess.CompletedProcess[str]]

PAGE = b"<!doctype html><title>Welcome to nginx!</title>"
ADDRESS, FOLDER, LIMIT = r"studio's address", r"Directory for the model files", r"Most GPU memory"


@pytest.fixture
def studio() -> Iterator[Server]:
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def nobody() -> Iterator[str]:
    """An address where nothing listens."""
    with refusing_port() as port:
        yield f"http://127.0.0.1:{port}"


@pytest.fixture
def converse(environ: dict[str, str], tmp_path: Path) -> Callable[..., Conversation]:
    def start(*options: str) -> Conversation:
        return Conversation([*COMMAND, *options], {**environ, "COLUMNS": "100"}, tmp_path)

    return start


def settings(config_file: Path) -> dict[str, object]:
    return tomllib.loads(config_file.read_text("utf-8"))


def test_three_answers_are_set_and_it_says_where_to_approve(
    converse: Callable[..., Conversation], studio: Server, config_file: Path, tmp_path: Path
) -> None:
    with converse() as talk:
        talk.answer(ADDRESS, f"{studio.url}/graphics/api/")
        talk.answer(FOLDER, str(tmp_path / "big disk"))
        talk.answer(LIMIT, "7.5")
        assert talk.end() == 0, talk.text
    kept = settings(config_file)
    assert kept["api_base_url"] == studio.url
    assert kept["models_root"] == str(tmp_path / "big disk")
    assert kept["vram_threshold_gb"] == 7.5
    assert f"approve it at {studio.url}/graphics\n" in talk.text
    assert "Next: studio-worker run\n" in talk.text
    ((method, path, secret),) = studio.asked
    assert (method, secret) == ("GET", None), "nothing is asked for, and no secret told"
    assert path.startswith("/graphics/api/workers/register-requests/")


def test_enter_keeps_what_is_set(
    converse: Callable[..., Conversation], studio: Server, config_file: Path
) -> None:
    config_file.parent.mkdir(parents=True)
    text = (
        f'# mine\napi_base_url = "{studio.url}/"\nmodels_root = "~/m"\n'
        'vram_threshold_gb = 11.123456789\nauto_start = false\nworker_id = "w-1"\n'
        'auth_token = "tok-secret"\n'
    )
    config_file.write_text(text, "utf-8")
    with converse() as talk:
        for question in (ADDRESS, FOLDER, LIMIT):
            talk.answer(question, "")
        assert talk.end() == 0, talk.text
    assert settings(config_file) == tomllib.loads(text)
    assert "approved there already, as w-1" in talk.text
    assert "tok-secret" not in talk.text


def test_an_answer_that_will_not_do_is_asked_for_again(
    converse: Callable[..., Conversation], studio: Server, config_file: Path, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    with converse() as talk:
        talk.answer(ADDRESS, "studio.example")
        talk.wait_for("not an absolute http or https URL")
        talk.answer(ADDRESS, studio.url)
        talk.answer(FOLDER, str(tmp_path / "file"))
        talk.wait_for("is no directory")
        talk.answer(FOLDER, str(tmp_path / "models"))
        for wrong in ("much", "-1", "nan", "1e999", "\x1b[A"):
            talk.answer(LIMIT, wrong)
        talk.answer(LIMIT, "8")
        assert talk.end() == 0, talk.text
    assert "Traceback" not in talk.text
    assert settings(config_file)["vram_threshold_gb"] == 8


def test_an_address_of_no_studio_is_taken_only_when_it_is_meant(
    converse: Callable[..., Conversation], studio: Server, config_file: Path, nobody: str
) -> None:
    studio.answer = (404, "text/html", PAGE)
    with converse("--models-root", "m", "--vram-threshold", "4") as talk:
        talk.answer(ADDRESS, studio.url)
        talk.wait_for("Welcome to nginx!”.*is api_base_url the address of a studio")
        talk.answer("all the same", "")
        talk.answer(ADDRESS, nobody)
        talk.wait_for("connection refused")
        talk.answer("all the same", "y")
        assert talk.end() == 0, talk.text
    assert settings(config_file)["api_base_url"] == nobody
    assert "Most GPU memory" not in talk.text, "an option names it"


@pytest.mark.parametrize("key", ["\x03", "\x04"])
@pytest.mark.parametrize("at", [ADDRESS, FOLDER, LIMIT])
def test_an_end_at_any_question_changes_nothing(
    converse: Callable[..., Conversation], studio: Server, config_file: Path, at: str, key: str
) -> None:
    with converse() as talk:
        for question, typed in ((ADDRESS, studio.url), (FOLDER, "models"), (LIMIT, "1")):
            talk.answer(question, key if question == at else typed)
            if question == at:
                break
        assert talk.end() == (130 if key == "\x03" else 1), talk.text
    assert "nothing was changed" in talk.text
    assert "Traceback" not in talk.text
    assert not config_file.exists()


def test_without_a_terminal_the_options_are_set(
    cli: Run, studio: Server, config_file: Path
) -> None:
    done = cli(
        *("setup", "--api-base-url", studio.url, "--models-root", "~/m", "--vram-threshold", "6")
    )
    assert done.returncode == 0, done.stderr
    kept = settings(config_file)
    assert (kept["api_base_url"], kept["models_root"]) == (studio.url, "~/m")
    assert kept["vram_threshold_gb"] == 6
    assert f"{studio.url}/graphics" in done.stdout
    again = cli("--config", str(config_file), "setup", "--yes")
    assert again.returncode == 0, again.stderr
    assert settings(config_file) == kept
    assert f"studio-worker --config {config_file} run" in again.stdout


def test_without_a_terminal_and_options_it_refuses(cli: Run, config_file: Path) -> None:
    done = cli("setup")
    assert done.returncode == 3
    (line,) = done.stderr.splitlines()
    assert "--api-base-url" in line
    assert "--yes" in line
    assert not config_file.exists()


@pytest.mark.parametrize(
    ("answer", "status", "words"),
    [
        ((404, "text/html", PAGE), 5, "Welcome to nginx"),
        ((404, "text/plain", b"404 page not found"), 5, "the address of a studio"),
        ((404, "application/json", b"[]"), 5, "the address of a studio"),
        ((401, "text/plain", b""), 5, "the address of a studio"),
        ((200, "text/html", PAGE), 4, "in place of a studio"),
        ((200, "application/json", b'{"ok":true}'), 1, "the address of a studio"),
        ((302, "text/html", b""), 4, "login.example"),
        ((502, "text/html", PAGE), 4, "is the studio running"),
    ],
)
def test_who_is_no_studio_is_named_and_nothing_is_set(
    cli: Run,
    studio: Server,
    config_file: Path,
    answer: tuple[int, str, bytes],
    status: int,
    words: str,
) -> None:
    studio.answer = answer
    done = cli("setup", "--api-base-url", studio.url, "--vram-threshold", "6")
    assert done.returncode == status, done.stderr
    assert words in done.stderr
    assert "nothing was changed" in done.stderr
    assert "Traceback" not in done.stderr
    assert not config_file.exists()


@pytest.mark.parametrize(
    "option", [("--vram-threshold", "-1"), ("--models-root", "/dev/null"), ("--api-base-url", "x")]
)
def test_a_wrong_option_is_refused_before_anybody_is_asked(
    cli: Run, studio: Server, config_file: Path, option: tuple[str, str]
) -> None:
    done = cli("setup", "--api-base-url", studio.url, *option)
    assert done.returncode == 3
    assert studio.asked == []
    assert not config_file.exists()


def test_what_the_worker_is_to_the_studio_before_is_kept_and_told_to_nobody(
    cli: Run, studio: Server, config_file: Path
) -> None:
    config_file.parent.mkdir(parents=True)
    config_file.write_text(
        'api_base_url = "https://old.example/"\ninstall_id = "i-1"\nworker_id = "w-1"\n'
        'auth_token = "old"\n',
        "utf-8",
    )
    assert cli("setup", "--api-base-url", studio.url).returncode == 0
    kept = settings(config_file)
    assert "auth_token" not in kept
    registrations = kept["registrations"]
    assert isinstance(registrations, dict)
    assert registrations["https://old.example"]["auth_token"] == "old"
    assert json.loads(cli("status", "--json").stdout)["registration"]["state"] == "not registered"
    assert [secret for _, _, secret in studio.asked] == [None]
    assert cli("config", "set", "api_base_url", "https://old.example/").returncode == 0
    assert settings(config_file)["auth_token"] == "old"


def test_a_config_that_lost_its_studio_gets_none_by_itself(
    cli: Run, converse: Callable[..., Conversation], studio: Server, config_file: Path
) -> None:
    assert cli("config", "set", "api_base_url", studio.url).returncode == 0
    config_file.unlink()
    assert cli("setup", "--yes").returncode == 3
    with converse() as talk:
        talk.answer(ADDRESS, "")
        talk.answer(ADDRESS, studio.url)
        talk.answer(FOLDER, "")
        talk.answer(LIMIT, "")
        assert talk.end() == 0, talk.text
    assert "minis.gg" not in talk.text
    assert settings(config_file)["api_base_url"] == studio.url
