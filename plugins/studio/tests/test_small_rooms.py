"""Rate limit, events and tokens on their own."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from studio_worker_core.errors import ConfigError
from studio_worker_studio.auth import bearer_of, load_operator_token, matches, sha256_hex
from studio_worker_studio.notifier import LocalNotifier
from studio_worker_studio.rate_limit import RateLimit


def test_a_source_gets_its_share_each_minute() -> None:
    now = 0.0
    limit = RateLimit(2, clock=lambda: now)
    assert limit.take("a") is None
    now = 10.0
    assert limit.take("a") is None
    assert limit.take("a") == 50
    assert limit.take("b") is None
    now = 60.0
    assert limit.take("a") is None
    assert limit.take("a") == 10


def test_sources_are_forgotten_rather_than_kept_for_ever() -> None:
    limit = RateLimit(1, clock=lambda: 0.0, max_sources=2)
    for source in ("a", "b", "c"):
        assert limit.take(source) is None
    assert limit.take("a") is None
    assert limit.take("c") is not None


def test_changes_are_joined_until_a_listener_looks() -> None:
    async def listen() -> None:
        notifier = LocalNotifier()
        with notifier.listen() as bell:
            notifier.tell("jobsChanged", "job-1")
            notifier.tell("jobsChanged", "job-2")
            notifier.tell("jobsChanged", "job-1")
            notifier.tell("logs")
            assert await bell.wait() == {"jobsChanged": ["job-1", "job-2"], "logs": []}
            for number in range(500):
                notifier.tell("jobsChanged", str(number))
            changes = await bell.wait()
            assert changes is not None
            assert len(changes["jobsChanged"]) == 100
            notifier.end()
            assert await bell.wait() is None
            assert await bell.wait() is None

    asyncio.run(listen())


def test_tokens_match_by_their_hash_alone() -> None:
    assert matches("secret", sha256_hex("secret"))
    assert matches("secret", sha256_hex("secret").upper())
    assert not matches("Secret", sha256_hex("secret"))
    assert not matches(None, sha256_hex(""))


@pytest.mark.parametrize(
    ("header", "token"),
    [
        ("Bearer abc", "abc"),
        ("bearer  abc ", "abc"),
        ("Basic abc", None),
        ("Bearer", None),
        ("Bearer ", None),
        ("", None),
    ],
)
def test_the_bearer_is_read_from_its_header(header: str, token: str | None) -> None:
    assert bearer_of({"authorization": header}) == token


def test_the_operator_token_is_made_once_and_kept_private(tmp_path: Path) -> None:
    path = tmp_path / "new" / "token"
    token, made = load_operator_token(path)
    assert made
    assert len(token) == 64
    assert path.stat().st_mode & 0o777 == 0o600
    assert load_operator_token(path) == (token, False)


def test_a_token_file_that_holds_no_token_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_text("short")
    with pytest.raises(ConfigError, match="holds no operator token"):
        load_operator_token(path)
    with pytest.raises(ConfigError, match="cannot read"):
        load_operator_token(tmp_path)
