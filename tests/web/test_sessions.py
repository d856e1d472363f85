from __future__ import annotations

from studio_worker_core.web.sessions import CODE_SECONDS, Sessions, same


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_code_opens_one_session_once() -> None:
    sessions = Sessions()
    code = sessions.new_code()
    name = sessions.open(code)
    assert name is not None
    assert sessions.find(name) is not None
    assert sessions.open(code) is None
    assert sessions.open("") is None
    assert sessions.open("no code") is None


def test_a_code_is_over_after_its_minute() -> None:
    clock = Clock()
    sessions = Sessions(clock)
    early, late = sessions.new_code(), sessions.new_code()
    clock.now += CODE_SECONDS
    assert sessions.open(early)
    clock.now += 0.1
    assert sessions.open(late) is None


def test_a_session_ends_by_signing_out_or_when_nobody_comes_for_days() -> None:
    clock = Clock()
    sessions = Sessions(clock)
    one, two = sessions.open(sessions.new_code()), sessions.open(sessions.new_code())
    assert one
    assert two
    sessions.end(one)
    assert sessions.find(one) is None
    for _ in range(5):
        clock.now += 6 * 86_400
        assert sessions.find(two), "it is used"
    clock.now += 8 * 86_400
    assert sessions.find(two) is None


def test_codes_and_sessions_are_bounded() -> None:
    sessions = Sessions()
    codes = [sessions.new_code() for _ in range(100)]
    assert sessions.open(codes[0]) is None
    assert sessions.open(codes[-1])
    names = [sessions.open(sessions.new_code()) for _ in range(100)]
    assert sessions.find(names[0] or "") is None
    assert sessions.find(names[-1] or "")


def test_secrets_are_compared_whatever_they_are() -> None:
    assert same("a", "a")
    assert not same("b", "a")
    assert not same(None, "a")
    assert not same("\ud800ü", "a")
