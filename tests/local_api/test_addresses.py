"""A local request never makes the worker fetch an address, whatever route it comes by."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from tests.local_api.conftest import NAMES
from tests.local_api.served_here import TOKEN, ServedHere

PATHS = {
    "/image": ["initImageUrl", "refImageUrl", "maskUrl"],
    "/stt": ["inputUrl"],
    "/video": ["initImageUrl"],
    "/v1/images/generations": ["image", "image_url"],
    "/v1/audio/transcriptions": ["file", "input_url"],
}
WORDS = {"prompt": "a", "text": "a"}


@pytest.fixture(scope="module")
def trap() -> Iterator[socket.socket]:
    """Where a fetch would arrive."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)
        yield listener


@pytest.fixture(scope="module")
def here(trap: socket.socket, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedHere]:
    # The studio's own address is the one that a worker always may fetch from.
    root, studio = tmp_path_factory.mktemp("api"), address_of(trap)
    with ServedHere(root, NAMES, studio=studio) as served:
        yield served


def address_of(trap: socket.socket) -> str:
    return f"http://127.0.0.1:{trap.getsockname()[1]}/"


def requests_with(address: str) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, fields in PATHS.items():
        for field in fields:
            yield path, {**WORDS, field: address}
    chat = {"messages": [{"role": "user", "content": "a"}]}
    part = {"type": "image_url", "image_url": {"url": address}}
    parts = [{"role": "user", "content": [part]}]
    yield "/v1/chat/completions", {**chat, "images": [address]}
    yield "/v1/chat/completions", {"messages": parts}
    yield "/v1/chat/completions", {**chat, "images": [f" {address}"]}
    for image in ({"type": "input_image", "image_url": address}, part):
        yield "/v1/responses", {"input": [{"role": "user", "content": [image]}]}


def test_no_route_fetches_an_address(here: ServedHere, trap: socket.socket) -> None:
    signed = {"authorization": f"Bearer {TOKEN}"}
    for path, body in requests_with(f"{address_of(trap)}a.png"):
        answer = requests.post(f"{here.url}{path}", json=body, headers=signed, timeout=120)
        ignored = path in ("/video", "/v1/images/generations")  # it has no such field
        assert answer.status_code == (200 if ignored else 400), (path, body, answer.text)
        with pytest.raises(BlockingIOError):
            trap.accept()
