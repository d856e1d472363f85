"""``check-update`` against a package index of the test's own."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from studio_worker_core import __version__
from tests.studio_client.servers import Answer, HttpServer
from tests.support.ports import refusing_port

Run = Callable[..., subprocess.CompletedProcess[str]]

PYPI = {
    "info": {"name": "studio-worker", "version": "99.0"},
    "releases": {
        "0.0.1": [{"yanked": False}],
        "99.0": [{"yanked": False}],
        "100.0": [{"yanked": True}],
        "101.0": [],
        "102.0rc1": [{"yanked": False}],
    },
}
SIMPLE = {"meta": {"api-version": "1.1"}, "name": "studio-worker", "versions": ["0.0.1", "99.0"]}
RELEASES = [
    {"tag_name": "v99.0", "draft": False},
    {"tag_name": "v103.0", "draft": True},
    {"tag_name": "v102.0rc1", "prerelease": True},
]


@pytest.fixture
def index() -> Iterator[HttpServer]:
    server = HttpServer()
    yield server
    server.close()


@pytest.fixture(autouse=True)
def no_index_of_this_machine(environ: dict[str, str]) -> None:
    for name in list(environ):
        if name.startswith(("PIP_", "UV_")) or name.lower().endswith("_proxy"):
            del environ[name]


def feed(here: Run, index: HttpServer, answer: Any) -> None:
    index.answer_json(answer)
    assert (
        here("config", "set", "auto_update_feed", f"{index.url}feed.json?a=s3cret").returncode == 0
    )


@pytest.mark.parametrize("answer", [PYPI, SIMPLE, RELEASES])
def test_a_newer_version_is_named_with_the_way_to_get_it(
    here: Run, index: HttpServer, answer: Any
) -> None:
    feed(here, index, answer)
    done = here("check-update")
    assert done.returncode == 0, done.stderr
    first, how, command, *_ = done.stdout.splitlines()
    assert first.lstrip("v") in (
        f"studio-worker 99.0 is available; this is {__version__}",
        f"studio-worker v99.0 is available; this is {__version__}",
    )
    assert how.startswith("Installed with ")
    assert command.startswith("  ")
    found = json.loads(here("check-update", "--json").stdout)
    assert found["newer"] is True
    assert found["current"] == __version__
    assert found["latest"].lstrip("v") == "99.0"
    assert found["source"] == f"{index.url}feed.json"
    assert found["update"]


def test_versions_to_be_tried_out_are_named_when_asked_for(here: Run, index: HttpServer) -> None:
    feed(here, index, PYPI)
    here("config", "set", "auto_update_prerelease", "true")
    assert "102.0rc1 is available" in here("check-update").stdout


def test_the_index_of_pip_is_asked_in_its_own_form(here: Run, index: HttpServer) -> None:
    index.answer_json(SIMPLE)
    done = here("check-update", PIP_INDEX_URL=f"{index.url}simple/")
    assert "99.0 is available" in done.stdout
    assert index.seen[0].path == "/simple/studio-worker/"
    assert "application/vnd.pypi.simple.v1+json" in index.seen[0].headers["accept"]


def test_the_newest_version_is_said_to_be_that(here: Run, index: HttpServer) -> None:
    feed(here, index, {"name": "studio-worker", "versions": ["0.0.1", __version__]})
    done = here("check-update")
    assert done.stdout == f"studio-worker {__version__} is the newest version\n"
    assert json.loads(here("check-update", "--json").stdout)["newer"] is False


@pytest.mark.parametrize(
    ("answer", "status", "said"),
    [
        (Answer(404, b"no"), 1, "knows no studio-worker (404)"),
        (Answer(503, b"<html>later"), 4, "answered 503; try again later"),
        (Answer(200, b"<!doctype html><title>Index</title>"), 1, "a web page (“Index”)"),
        (Answer(200, b"hello"), 1, "answers no JSON"),
        (Answer(200, b"[" * 100_000), 1, "answers no JSON"),
        (Answer(200, b'{"info":{"name":"other","version":"9"}}'), 1, "names no release"),
        (Answer(200, b'{"name":"studio-worker","versions":[1,"x"]}'), 1, "names no release"),
    ],
)
def test_an_index_without_an_answer_is_said_in_words(
    here: Run, index: HttpServer, answer: Answer, status: int, said: str
) -> None:
    feed(here, index, [])
    index.respond = lambda _: answer
    done = here("check-update")
    assert (done.returncode, done.stdout) == (status, "")
    assert said in done.stderr
    assert "s3cret" not in done.stderr
    assert "<" not in done.stderr


def test_offline_is_said_with_its_own_status(here: Run) -> None:
    with refusing_port() as port:
        here("config", "set", "auto_update_feed", f"http://127.0.0.1:{port}/feed")
        done = here("check-update")
    assert done.returncode == 4
    assert "nothing listens there (connection refused); is the package index running" in done.stderr
    here("config", "set", "auto_update_feed", "http://no-such-host.invalid/feed")
    done = here("check-update", "--json")
    assert (done.returncode, done.stdout) == (4, "")
    assert "the name of the package index cannot be looked up" in done.stderr
