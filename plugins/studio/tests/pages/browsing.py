"""A browser without JavaScript, as far as a test needs one: links, forms, cookies."""

from __future__ import annotations

import re
from html import unescape
from typing import Any

import requests

from plugins.studio.tests.support.studio_in_thread import StudioInThread

SECONDS = 120
UI = "/graphics/ui"


class Visitor:
    """One browser at one studio. A context manager."""

    def __init__(self, studio: StudioInThread) -> None:
        self.studio = studio
        self.url = studio.url.rstrip("/")
        self.http = requests.Session()
        self.http.trust_env = False

    def __enter__(self) -> Visitor:
        return self

    def __exit__(self, *_: object) -> None:
        self.http.close()

    def sign_in(self) -> Visitor:
        answer = self.post(f"{UI}/sign-in", {"token": self.studio.token})
        assert answer.ok, answer.text
        return self

    def get(self, path: str, **more: Any) -> requests.Response:
        return self.http.get(self.url + path, timeout=SECONDS, **more)

    def post(self, path: str, fields: dict[str, str], **more: Any) -> requests.Response:
        return self.http.post(self.url + path, data=fields, timeout=SECONDS, **more)

    def page(self, path: str) -> str:
        answer = self.get(f"{UI}/{path}")
        assert answer.ok, answer.text
        return answer.text

    def change(self, path: str, **fields: str) -> requests.Response:
        """Send a form of that address, with the session's secret."""
        given = {"csrf": hidden(self.page("overview"), "csrf"), **fields}
        return self.post(f"{UI}/{path}", given)


def hidden(page: str, name: str) -> str:
    found = re.search(rf'<input type="hidden" name="{name}" value="([^"]*)"', page)
    assert found, f"no hidden {name}"
    return unescape(found[1])
