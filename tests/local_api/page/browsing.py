"""A browser without JavaScript, as far as a test needs one: links, forms, cookies."""

from __future__ import annotations

import re
from html import unescape
from typing import Any

import requests

from tests.local_api.served_here import TOKEN
from tests.support.waiting import eventually

SECONDS = 120


class Visitor:
    """One browser at one worker. A context manager.

    :param url: the local API's address.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.http = requests.Session()
        self.http.trust_env = False

    def __enter__(self) -> Visitor:
        return self

    def __exit__(self, *_: object) -> None:
        self.http.close()

    def sign_in(self, token: str = TOKEN) -> Visitor:
        said = new_code(self.url, token)
        answer = self.get(f"/ui/sign-in?code={said['code']}")
        assert answer.ok, answer.text
        return self

    def get(self, path: str, **more: Any) -> requests.Response:
        return self.http.get(self.url + path, timeout=SECONDS, **more)

    def post(self, path: str, fields: dict[str, str], **more: Any) -> requests.Response:
        return self.http.post(self.url + path, data=fields, timeout=SECONDS, **more)

    def csrf(self) -> str:
        return hidden(self.get("/ui/create").text, "csrf")

    def create(
        self, kind: str, fields: dict[str, str], files: dict[str, Any] | None = None
    ) -> requests.Response:
        """Send the form of that kind: its hidden fields, and ``fields``."""
        form = self.get(f"/ui/create/{kind}").text
        given = {"csrf": hidden(form, "csrf"), "once": hidden(form, "once")}
        return self.post(f"/ui/create/{kind}", {**given, **fields}, files=files)

    def made(self, answer: requests.Response) -> str:
        """The page of a job once it is over, given the answer to its form."""
        assert answer.ok, answer.text
        assert "?work=" in answer.url, answer.text

        def over() -> str | None:
            text = self.get(answer.url.removeprefix(self.url)).text
            return text if state_of(text) in ("done", "failed", "cancelled") else None

        return eventually("the job is over", over)


def new_code(url: str, token: str = TOKEN) -> dict[str, Any]:
    headers = {"authorization": f"Bearer {token}"}
    answer = requests.post(f"{url}/sign-in-codes", headers=headers, timeout=SECONDS)
    said: dict[str, Any] = answer.json()
    return said


def hidden(page: str, name: str) -> str:
    found = re.search(rf'<input type="hidden" name="{name}" value="([^"]*)"', page)
    assert found, f"no hidden {name}"
    return unescape(found[1])


def state_of(page: str) -> str:
    found = re.search(r'data-state="(\w+)"', page)
    return found[1] if found else ""


def link(page: str, start: str) -> str:
    """The first address in a page that begins so."""
    found = re.search(rf'(?:href|src|action)="({re.escape(start)}[^"]*)"', page)
    assert found, f"no address that begins with {start}"
    return unescape(found[1])
