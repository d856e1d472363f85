"""Who may see the pages, and who may change something with them."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import pytest
import requests
from starlette.routing import Route

from plugins.studio.tests.pages.browsing import SECONDS, UI, Visitor, hidden
from plugins.studio.tests.support.studio_in_thread import MakeStudio, StudioInThread
from studio_worker_studio.pages.site import Site

OPEN = ("/static/{name}", "/sign-in")


def routes(studio: StudioInThread) -> Iterator[tuple[str, str]]:
    for route in Site(studio.studio).app.routes:
        assert isinstance(route, Route)
        for method in route.methods or ():
            yield method, route.path


def test_every_route_is_closed_to_a_stranger(stranger: Visitor, studio: StudioInThread) -> None:
    seen = 0
    for method, path in routes(studio):
        if path in OPEN:
            continue
        address = stranger.url + UI + path.replace("{", "").replace("}", "").replace(":path", "")
        for headers in ({}, {"hx-request": "true"}, {"cookie": "studio-80=made-up"}):
            answer = requests.request(
                method, address, headers=headers, timeout=SECONDS, allow_redirects=False
            )
            assert answer.status_code == 401, f"{method} {path} {headers}"
            assert 'name="csrf"' not in answer.text
        seen += 1
    assert seen > 10


def test_the_operator_token_does_not_open_a_page_by_a_header(
    stranger: Visitor, studio: StudioInThread
) -> None:
    headers = {"authorization": f"Bearer {studio.token}"}
    assert stranger.get(f"{UI}/overview", headers=headers).status_code == 401


def test_every_change_wants_the_secret_of_its_session(
    visitor: Visitor, studio: StudioInThread
) -> None:
    changes = [path for method, path in routes(studio) if method == "POST" and path not in OPEN]
    assert "/sign-out" in changes
    for path in changes:
        address = UI + path.replace("{", "").replace("}", "").replace(":path", "")
        for fields in ({}, {"csrf": "x"}):
            assert visitor.post(address, fields).status_code == 403, path
    assert visitor.get(f"{UI}/overview").ok


def test_the_session_is_a_cookie_that_scripts_and_other_sites_do_not_get(
    stranger: Visitor, studio: StudioInThread
) -> None:
    answer = stranger.post(f"{UI}/sign-in", {"token": studio.token}, allow_redirects=False)
    said = answer.headers["set-cookie"]
    for word in ("HttpOnly", "SameSite=strict", f"Path={UI}"):
        assert word in said
    assert "Secure" not in said, "plain HTTP on loopback"
    assert answer.headers["location"] == f"{UI}/"
    assert studio.token not in said


def test_behind_a_proxy_with_tls_the_cookie_goes_nowhere_else(make_studio: MakeStudio) -> None:
    studio = make_studio(trusted_proxies=("127.0.0.1",))
    with Visitor(studio) as visitor:
        headers = {
            "x-forwarded-proto": "https",
            "host": "studio.example",
            "origin": "https://studio.example",
        }
        fields = {"token": studio.token}
        answer = visitor.post(f"{UI}/sign-in", fields, headers=headers, allow_redirects=False)
        assert answer.status_code == 303, answer.text
        assert "Secure" in answer.headers["set-cookie"]
        headers["origin"] = "http://studio.example"
        answer = visitor.post(f"{UI}/sign-in", fields, headers=headers, allow_redirects=False)
        assert answer.status_code == 403


@pytest.mark.parametrize("token", ["", "x", "ü", "0" * 64])
def test_a_wrong_token_is_told_and_opens_nothing(stranger: Visitor, token: str) -> None:
    answer = stranger.post(f"{UI}/sign-in", {"token": token})
    assert answer.status_code == 403
    assert "not the operator token" in answer.text
    assert not stranger.http.cookies


def test_guessing_is_slowed_down(stranger: Visitor, studio: StudioInThread) -> None:
    answers = [stranger.post(f"{UI}/sign-in", {"token": "x"}).status_code for _ in range(21)]
    assert answers == [403] * 20 + [429]
    studio.time.shift += 61
    assert stranger.sign_in().get(f"{UI}/overview").ok


def test_signing_out_ends_the_session_itself(visitor: Visitor) -> None:
    cookie = visitor.http.cookies.get_dict()
    visitor.change("sign-out")
    again = requests.get(f"{visitor.url}{UI}/overview", cookies=cookie, timeout=SECONDS)
    assert again.status_code == 401


@pytest.mark.parametrize("path", ["/", "/graphics", "/graphics/", UI, f"{UI}/"])
def test_the_short_addresses_lead_to_the_pages(visitor: Visitor, path: str) -> None:
    answer = visitor.get(path)
    assert answer.ok
    assert answer.url.endswith(f"{UI}/overview")


def test_another_site_opens_nothing_and_changes_nothing(
    visitor: Visitor, studio: StudioInThread
) -> None:
    csrf = hidden(visitor.page("overview"), "csrf")
    for headers in (
        {"origin": "http://evil.example"},
        {"origin": "null"},
        {"sec-fetch-site": "cross-site"},
        {"host": "evil.example"},
    ):
        answer = visitor.post(f"{UI}/sign-out", {"csrf": csrf}, headers=headers)
        assert answer.status_code == 403, headers
    assert visitor.get(f"{UI}/overview").ok


def test_pages_are_kept_to_themselves(visitor: Visitor) -> None:
    answer = visitor.get(f"{UI}/overview")
    policy = answer.headers["content-security-policy"]
    assert "script-src 'self'" in policy
    assert "unsafe" not in policy
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cache-control"] == "no-store"


def test_the_api_is_where_it_was(visitor: Visitor, studio: StudioInThread) -> None:
    assert visitor.get("/graphics/api/jobs").status_code == 401, "no cookie opens the API"
    answer = visitor.get("/graphics/api/nothing")
    assert (answer.status_code, answer.json()["error"]) == (404, "not_found")
    answer = studio.raw("PATCH", "/jobs")
    assert (answer.status_code, answer.json()["error"]) == (405, "method_not_allowed")
    assert visitor.get("/graphics/other").json()["error"] == "not_found"


def test_what_is_no_form_and_what_is_too_large_is_refused(visitor: Visitor) -> None:
    answer = visitor.post(f"{UI}/theme", {"theme": "x" * 1_100_000})
    assert answer.status_code in (400, 413)
    headers = {"content-type": "multipart/form-data"}
    answer = visitor.http.post(
        f"{visitor.url}{UI}/theme", data=b"nonsense", headers=headers, timeout=SECONDS
    )
    assert answer.status_code in (400, 403)
    assert "Traceback" not in answer.text


def test_the_theme_is_remembered(visitor: Visitor) -> None:
    answer = visitor.change("theme", theme="dark", back=f"{UI}/workers")
    assert answer.url.endswith(f"{UI}/workers")
    assert 'data-theme="dark"' in answer.text
    answer = visitor.change("theme", theme="light", back="//evil.example/")
    assert answer.url.startswith(visitor.url)


def test_a_studio_starts_without_its_pages() -> None:
    script = (
        "import sys, studio_worker_studio.server;"
        "print(sorted(m for m in sys.modules if m.startswith(('jinja2', 'studio_worker_core.web'))"
        " or m == 'studio_worker_studio.pages.site'))"
    )
    out = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=300
    )
    assert out.stdout.strip() == "[]"
