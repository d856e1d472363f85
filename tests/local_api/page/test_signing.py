"""Nobody sees or changes anything of the page without a session."""

from __future__ import annotations

import pytest
import requests
from starlette.routing import Route

from studio_worker_core.local_api.page.page import Page
from studio_worker_core.local_api.page_parts import PageParts
from studio_worker_core.web.sessions import Sessions
from tests.local_api.page.browsing import SECONDS, Visitor, new_code
from tests.local_api.served_here import TOKEN, ServedHere

OPEN = {"/static/{name}", "/sign-in"}


def routes(here: ServedHere) -> list[tuple[str, str]]:
    page = Page(here.api, Sessions(), PageParts(history=here.history))
    page.close()
    found = []
    for route in page.app.routes:
        assert isinstance(route, Route)
        if route.path not in OPEN:
            path = "/ui" + route.path.replace("{kind}", "image")
            for method in (route.methods or set()) - {"HEAD"}:
                found.append((method, path.replace("{reference:path}", "upload/x")))
    return found


def test_every_route_asks_for_a_session(here: ServedHere) -> None:
    found = routes(here)
    assert len(found) > 12
    for method, path in found:
        for headers in ({}, {"authorization": f"Bearer {TOKEN}"}):
            answer = requests.request(
                method, here.url + path, headers=headers, allow_redirects=False, timeout=SECONDS
            )
            assert answer.status_code == 401, f"{method} {path}"
            assert "studio-worker ui" in answer.text
            assert TOKEN not in answer.text


def test_every_change_asks_for_the_token_of_its_session(here: ServedHere, visitor: Visitor) -> None:
    changes = [path for method, path in routes(here) if method == "POST"]
    assert len(changes) >= 6
    for path in changes:
        for given in ("", "wrong"):
            answer = visitor.post(path, {"csrf": given, "prompt": "x"})
            assert answer.status_code == 403, path
        wrong = visitor.http.post(visitor.url + path, data=b"{}", timeout=SECONDS)
        assert wrong.status_code in (400, 403), path


def test_a_session_opens_no_other_route_of_the_api(here: ServedHere, visitor: Visitor) -> None:
    cookie = "; ".join(f"{each.name}={each.value}" for each in visitor.http.cookies)
    for path in ("/v1/models", "/sign-in-codes", "/image"):
        answer = requests.post(here.url + path, headers={"cookie": cookie}, timeout=SECONDS)
        assert answer.status_code == 401, path


def test_the_cookie_is_for_the_page_alone(here: ServedHere) -> None:
    said = new_code(here.url)
    assert TOKEN not in str(said)
    with Visitor(here.url) as visitor:
        answer = visitor.get(f"/ui/sign-in?code={said['code']}", allow_redirects=False)
        assert (answer.status_code, answer.headers["location"]) == (303, "/ui/")
        cookie = answer.headers["set-cookie"].lower()
        for part in ("httponly", "samesite=strict", "path=/ui"):
            assert part in cookie
        assert f"studio-worker-{here.url.rpartition(':')[2]}=" in cookie
        again = visitor.get(f"/ui/sign-in?code={said['code']}", allow_redirects=False)
        assert again.status_code == 403
        assert "used" in again.text


def test_a_code_can_be_typed_and_a_session_be_ended(here: ServedHere) -> None:
    with Visitor(here.url) as visitor:
        assert visitor.post("/ui/sign-in", {"code": "nothing"}).status_code == 403
        code = new_code(here.url)["code"]
        assert visitor.post("/ui/sign-in", {"code": f" {code} "}).ok
        assert visitor.get("/ui/alive").status_code == 204
        assert visitor.post("/ui/sign-out", {"csrf": visitor.csrf()}).status_code == 200
        assert visitor.get("/ui/alive").status_code == 401


@pytest.mark.parametrize(
    "headers",
    [
        {"host": "evil.example"},
        {"origin": "http://evil.example"},
        {"origin": "http://127.0.0.1:1"},
        {"sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors"},
    ],
)
def test_other_pages_are_refused_even_with_the_cookie(
    visitor: Visitor, headers: dict[str, str]
) -> None:
    for path in ("/ui/create/image", "/ui/events", "/ui/bar"):
        assert visitor.get(path, headers=headers).status_code == 403
    refused = visitor.post("/ui/theme", {"csrf": visitor.csrf(), "theme": "dark"}, headers=headers)
    assert refused.status_code == 403
    assert "access-control-allow-origin" not in refused.headers


def test_every_answer_keeps_the_page_to_itself(visitor: Visitor) -> None:
    for path in ("/ui/create/image", "/ui/bar", "/ui/nothing", "/ui/sign-in"):
        headers = visitor.get(path).headers
        assert headers["content-security-policy"].startswith("default-src 'none'")
        assert "unsafe" not in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cache-control"] == "no-store"
    page = visitor.get("/ui/create/image").text
    assert " style=" not in page
    assert " onclick" not in page
    assert "<script>" not in page


def test_the_theme_is_remembered_and_leads_back_only_inside(visitor: Visitor) -> None:
    csrf = visitor.csrf()
    for back, to in [
        ("/ui/create/video?x=1", "/ui/create/video?x=1"),
        ("https://evil.example/", "/ui/"),
        ("//evil.example/ui/", "/ui/"),
        ("/ui/\\evil", "/ui/"),
    ]:
        fields = {"csrf": csrf, "theme": "dark", "back": back}
        answer = visitor.post("/ui/theme", fields, allow_redirects=False)
        assert answer.headers["location"] == to
    assert 'data-theme="dark"' in visitor.get("/ui/create/image").text
    visitor.post("/ui/theme", {"csrf": csrf, "theme": "pink", "back": ""})
    assert 'data-theme="dark"' in visitor.get("/ui/create/image").text
