from __future__ import annotations

import pytest

from studio_worker_core.web.guarding import POLICY, is_from_here

HOST = {"host": "127.0.0.1:4787"}


@pytest.mark.parametrize(
    ("method", "more", "passes"),
    [
        ("GET", {}, True),
        ("POST", {}, True),
        ("POST", {"origin": "http://127.0.0.1:4787", "sec-fetch-site": "same-origin"}, True),
        ("GET", {"sec-fetch-site": "none", "sec-fetch-mode": "navigate"}, True),
        ("GET", {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"}, True),
        ("GET", {"sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors"}, False),
        ("GET", {"sec-fetch-site": "same-site", "sec-fetch-mode": "cors"}, False),
        ("POST", {"sec-fetch-site": "same-site", "sec-fetch-mode": "navigate"}, False),
        ("POST", {"origin": "http://127.0.0.1:8000"}, False),
        ("GET", {"origin": "http://localhost:4787"}, False),
        ("GET", {"origin": "https://127.0.0.1:4787"}, False),
        ("GET", {"origin": "null"}, False),
        ("GET", {"origin": ""}, False),
    ],
)
def test_another_page_gets_nothing_and_changes_nothing(
    method: str, more: dict[str, str], passes: bool
) -> None:
    assert is_from_here(method, "http", HOST | more) is passes


def test_the_policy_allows_nothing_unsafe_and_nobody_else() -> None:
    assert "unsafe" not in POLICY
    assert "http" not in POLICY
    assert POLICY.startswith("default-src 'none'")
