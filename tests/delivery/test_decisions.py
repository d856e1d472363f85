from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from studio_worker_core.delivery.decisions import LARGE_BYTES, LONGEST_PAUSE, decide
from studio_worker_core.delivery.letters import (
    Acked,
    Acknowledge,
    Due,
    Event,
    Failed,
    Found,
    Letter,
    NotCarriedOut,
    NoteFailure,
    Phase,
    Refuse,
    SendJson,
    SessionClosed,
    SessionView,
    Upload,
    Uploaded,
    Welcomed,
)


def picture(size: int = 1000, **changes: object) -> Letter:
    return Letter(job_id="j", is_json=False, bytes=size, **changes)  # type: ignore[arg-type]


def answer(claimed_on: int | None = 1, **changes: object) -> Letter:
    return Letter(job_id="j", is_json=True, bytes=10, claimed_on=claimed_on, **changes)  # type: ignore[arg-type]


def fold(letter: Letter, *events: Event, now: float = 0.0) -> tuple[Letter, list[object]]:
    effects: list[object] = []
    for event in events:
        letter, more = decide(letter, event, now)
        effects.extend(more)
    return letter, effects


def test_a_picture_is_uploaded_and_acknowledged() -> None:
    letter, effects = fold(picture(), Due(), Uploaded())
    assert letter.phase is Phase.DELIVERED
    assert effects == [Upload(), Acknowledge()]


@pytest.mark.parametrize("status", [400, 403, 404, 409, 410, 413, 422])
def test_a_4xx_is_final_and_kept_with_the_reason(status: int) -> None:
    letter, effects = fold(picture(), Due(), Failed("complete failed", 0.5, status))
    assert letter.phase is Phase.REFUSED
    assert isinstance(effects[-1], Refuse)
    assert effects[-1].status == status
    assert "complete failed" in effects[-1].reason


def test_a_file_too_large_is_said_in_clear_words() -> None:
    _, effects = fold(picture(), Due(), Failed("complete failed: 413", 0.5, 413))
    assert "too large" in effects[-1].reason  # type: ignore[attr-defined]


@pytest.mark.parametrize("status", [None, 401, 408, 425, 429, 500, 502, 503, 301])
def test_anything_else_is_tried_again(status: int | None) -> None:
    letter, effects = fold(picture(), Due(), Failed("no", 0.5, status))
    assert letter.phase is Phase.WAITING
    assert letter.due > 0
    assert effects == [Upload(), NoteFailure("no")]


def test_pauses_double_up_to_five_minutes_with_full_jitter() -> None:
    letter = picture()
    ceilings: list[float] = []
    for _ in range(12):
        letter, _ = fold(letter, Due(), Failed("no", 1.0, 503), now=letter.due)
        before = letter.due
        ceilings.append(round(before - sum(ceilings), 3))
    assert ceilings == [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300]
    low, _ = fold(picture(), Due(), Failed("no", 0.0, 503))
    assert low.due == pytest.approx(0.1)


def test_without_credentials_it_waits_for_a_welcome() -> None:
    letter, _ = fold(picture(), Due(), Failed("no", 0.0, 401))
    assert letter.due == LONGEST_PAUSE
    letter, _ = fold(letter, Welcomed(SessionView(2)), now=3.0)
    assert letter.due == 3.0
    assert letter.failures == 0


def test_the_studio_may_ask_for_a_longer_pause() -> None:
    letter, _ = fold(picture(), Due(), Failed("no", 0.5, 429, retry_after=77.0))
    assert letter.due == 77.0
    letter, _ = fold(picture(), Due(), Failed("no", 0.5, 503, retry_after=1e9))
    assert letter.due == 3600.0


def test_a_large_file_is_not_sent_for_a_job_that_is_not_ours() -> None:
    gone = Due(SessionView(2), ours=False)
    letter, effects = fold(picture(LARGE_BYTES + 1), gone)
    assert letter.phase is Phase.REFUSED
    assert "no longer holds" in effects[0].reason  # type: ignore[attr-defined]
    assert fold(picture(LARGE_BYTES), gone)[1] == [Upload()]
    assert fold(picture(LARGE_BYTES + 1), Due(SessionView(2)))[1] == [Upload()]
    held = picture(LARGE_BYTES + 1, claimed_on=2)
    assert fold(held, gone)[1] == [Upload()]


def test_an_answer_goes_on_the_session_that_holds_its_job() -> None:
    letter, effects = fold(answer(1), Due(SessionView(1)))
    assert (letter.phase, effects) == (Phase.SENT, [SendJson(1)])
    letter, effects = fold(letter, Due(SessionView(1)), Welcomed(SessionView(1)), Found(1))
    assert effects == []  # twice on one session would be a protocol violation
    letter, effects = fold(letter, Acked())
    assert (letter.phase, effects) == (Phase.DELIVERED, [Acknowledge()])


def test_an_answer_waits_while_there_is_no_session() -> None:
    letter, effects = fold(answer(1), Due(None))
    assert (letter.phase, effects) == (Phase.WAITING, [])


def test_an_answer_goes_again_on_a_session_that_resumed_its_job() -> None:
    view = SessionView(2, frozenset({"j"}))
    letter, effects = fold(
        answer(1), Due(SessionView(1)), SessionClosed(1), Welcomed(view), Due(view)
    )
    assert (letter.phase, effects) == (Phase.SENT, [SendJson(1), SendJson(2)])


def test_an_answer_that_is_not_resumed_is_set_apart_not_sent() -> None:
    view = SessionView(2, frozenset({"other"}))
    letter, effects = fold(answer(1), SessionClosed(1), Welcomed(view), Due(view))
    assert letter.phase is Phase.REFUSED
    assert [type(effect) for effect in effects] == [Refuse]


def test_an_answer_of_an_earlier_process_needs_a_resume() -> None:
    assert fold(answer(None), Due(SessionView(1)))[0].phase is Phase.REFUSED
    assert fold(answer(None), Due(SessionView(1, frozenset({"j"}))))[0].phase is Phase.SENT


def test_an_ack_during_the_upload_counts_when_the_answer_is_lost() -> None:
    letter, effects = fold(picture(), Due(), Acked(), Failed("reset", 0.5))
    assert (letter.phase, effects) == (Phase.DELIVERED, [Upload(), Acknowledge()])


def test_an_ack_for_something_never_sent_is_ignored() -> None:
    assert fold(picture(), Acked())[0].phase is Phase.WAITING
    assert fold(answer(), Acked())[0].phase is Phase.WAITING


def test_an_aborted_upload_is_no_failure() -> None:
    letter, effects = fold(picture(), Due(), Failed("stop", 0.5, 409, aborted=True))
    assert (letter.phase, letter.failures, effects) == (Phase.WAITING, 0, [Upload()])


def test_a_job_accepted_anew_counts_even_after_a_refusal() -> None:
    view = SessionView(2)
    refused, _ = fold(answer(1), Due(view))
    letter, effects = fold(refused, Found(2), Due(view))
    assert (letter.phase, effects) == (Phase.SENT, [SendJson(2)])


def test_what_the_outbox_could_not_do_is_tried_again() -> None:
    letter, _ = fold(picture(), Due(), Uploaded())
    letter, effects = fold(letter, NotCarriedOut(1.0), Due())
    assert effects == []
    letter, effects = fold(letter, Due(), now=letter.due)
    assert effects == [Acknowledge()]


_views = st.builds(SessionView, st.integers(1, 3), st.sets(st.sampled_from("jk")).map(frozenset))
_events = st.one_of(
    st.builds(Found, st.none() | st.integers(1, 3)),
    st.builds(Due, st.none() | _views, st.none() | st.booleans()),
    st.just(Uploaded()),
    st.builds(
        Failed,
        st.just("no"),
        st.floats(0, 0.999),
        st.none() | st.sampled_from([401, 404, 409, 413, 429, 500, 503]),
        st.none() | st.floats(0, 100),
        st.booleans(),
    ),
    st.just(Acked()),
    st.builds(Welcomed, _views),
    st.builds(SessionClosed, st.integers(1, 3)),
    st.builds(NotCarriedOut, st.floats(0, 0.999)),
)


@given(st.booleans(), st.integers(0, 2 * LARGE_BYTES), st.lists(_events, max_size=40))
def test_whatever_happens_a_letter_is_never_lost(
    is_json: bool, size: int, events: list[Event]
) -> None:
    letter = Letter(job_id="j", is_json=is_json, bytes=size, claimed_on=1)
    now = 0.0
    sent_on: set[int] = set()
    for event in events:
        before = letter
        letter, effects = decide(letter, event, now)
        now += 0.7
        assert len(effects) <= 1
        for effect in effects:
            match effect:
                case Acknowledge():
                    # Only a studio's word removes a result.
                    assert letter.phase is Phase.DELIVERED
                    assert isinstance(event, (Uploaded, Acked, Due, Failed))
                case Refuse():
                    assert letter.phase is Phase.REFUSED
                case Upload():
                    assert not is_json
                    assert before.phase is Phase.WAITING
                case SendJson(session=number):
                    assert is_json
                    assert before.phase is Phase.WAITING
                    assert letter.sent_on == number
                    sent_on.add(number)
        if before.phase is Phase.DELIVERED:
            assert letter.phase is Phase.DELIVERED
        assert letter.due <= now + 3600
