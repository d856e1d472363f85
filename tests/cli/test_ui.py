"""``studio-worker ui``: a code for the page of a worker that runs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.local_api.test_worker import LocalWorker, announced, command


@pytest.fixture(scope="module")
def worker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalWorker]:
    with LocalWorker(tmp_path_factory.mktemp("ui") / "worker") as worker:
        announced(worker)
        yield worker


def test_the_address_signs_in_once_and_has_no_token(worker: LocalWorker) -> None:
    token = announced(worker)["token"]
    shown = command(worker, "ui", "--print")
    assert (shown.returncode, shown.stderr) == (0, "")
    address = shown.stdout.strip()
    assert token not in address
    with requests.Session() as browser:
        page = browser.get(address, timeout=120)
        assert page.ok
        assert "Create" in page.text
        assert "code" not in page.url
        assert browser.get(address, timeout=120).status_code == 403
    assert token not in worker.output


def test_the_browser_is_the_one_that_was_named(worker: LocalWorker, tmp_path: Path) -> None:
    opened = tmp_path / "opened"
    browser = tmp_path / "browser"
    browser.write_text(f'#!/bin/sh\nprintf %s "$1" > {opened}\n')
    browser.chmod(0o755)
    worker.env["BROWSER"] = str(browser)
    try:
        shown = command(worker, "ui")
    finally:
        del worker.env["BROWSER"]
    assert shown.returncode == 0, shown.stderr
    assert "it opens in your browser" in shown.stdout
    assert "/ui/sign-in?code=" in opened.read_text()


def test_without_a_browser_the_address_is_said(worker: LocalWorker) -> None:
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER"):
        worker.env.pop(name, None)
    shown = command(worker, "ui")
    assert shown.returncode == 0
    assert "No browser was found" in shown.stdout
    assert "/ui/sign-in?code=" in shown.stdout


def test_without_a_worker_it_says_what_to_do(tmp_path: Path) -> None:
    gone = LocalWorker(tmp_path / "worker")
    shown = command(gone, "ui", "--print")
    assert shown.returncode == 1
    assert "no worker runs" in shown.stderr
