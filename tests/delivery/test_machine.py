from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from studio_worker_core.delivery.machine import LARGE_BYTES, step
from studio_worker_core.delivery.states import (
    LONGEST_IN_FRAME,
    Acked,
    Acknowledge,
    DeliveryPhase,
    Due,
    Event,
    Found,
    LeftOutbox,
    NotCarriedOut,
    NoteFailure,
    Refuse,
    SendFailed,
    SendJson,
    SessionClosed,
    SessionView,
    State,
    TellLoss,
    Upload,
    Uploaded,
    Welcomed,
)


def picture(size: int = 1000, **changes: object) -> State:
    return State(job_id="j", is_json=False, bytes=size, **changes)  # type: ignore[arg-type]


def answer(claimed_on: int | None = 1, **changes: object) -> State:
    return State(job_id="j", is_json=True, bytes=10, claimed_on=claimed_on, **changes)  # type: ignore[arg-type]


def fold(state: State, *events: Event, now: float = 0.0) -> tuple[State, list[object]]:
    effects: list[object] = []
    for event in events:
        state, more = step(state, event, now)
        effects.extend(more)
    return state, effects


def test_a_picture_is_uploaded_and_acknowledged() -> None:
    state, effects = fold(picture(), Due(), Uploaded())
    assert state.phase is DeliveryPhase.DELIVERED
    assert effects == [Upload(), Acknowledge()]


@pytest.mark.parametrize("status", [400, 401, 403, 404, 408, 409, 410, 413, 422, 429])
def test_a_4xx_is_final_and_kept_with_the_reason(status: int) -> None:
    state, effects = fold(picture(), Due(), SendFailed("complete failed", 0.5, status))
    assert state.phase is DeliveryPhase.REFUSED
    assert isinstance(effects[-1], Refuse)
    assert effects[-1].status == status
    assert "complete failed" in effects[-1].reason


def test_a_file_too_large_is_said_in_clear_words() -> None:
    _, effects = fold(picture(), Due(), SendFailed("complete failed: 413", 0.5, 413))
    assert "too large" in effects[-1].reason  # type: ignore[attr-defined]


@pytest.mark.parametrize("status", [None, 500, 502, 503, 301])
def test_anything_else_is_tried_again(status: int | None) -> None:
    state, effects = fold(picture(), Due(), SendFailed("no", 0.5, status))
    assert state.phase is DeliveryPhase.WAITING
    assert state.due > 0
    assert effects == [Upload(), NoteFailure("no")]


def test_pauses_double_up_to_five_minutes_with_full_jitter() -> None:
    state = picture()
    ceilings: list[float] = []
    for _ in range(12):
        state, _ = fold(state, Due(), SendFailed("no", 1.0, 503), now=state.due)
        before = state.due
        ceilings.append(round(before - sum(ceilings), 3))
    assert ceilings == [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300]
    low, _ = fold(picture(), Due(), SendFailed("no", 0.0, 503))
    assert low.due == pytest.approx(0.1)


def test_a_welcome_ends_the_pause_after_failures() -> None:
    state, _ = fold(picture(), Due(), SendFailed("no", 1.0, 503))
    assert state.due > 0
    state, _ = fold(state, Welcomed(SessionView(2)), now=3.0)
    assert state.due == 3.0
    assert state.failures == 0


def test_the_studio_may_ask_for_a_longer_pause() -> None:
    state, _ = fold(picture(), Due(), SendFailed("no", 0.5, 503, retry_after=77.0))
    assert state.due == 77.0
    state, _ = fold(picture(), Due(), SendFailed("no", 0.5, 503, retry_after=1e9))
    assert state.due == 3600.0


def test_a_large_file_is_not_sent_for_a_job_that_is_not_ours() -> None:
    gone = Due(SessionView(2), ours=False)
    state, effects = fold(picture(LARGE_BYTES + 1), gone)
    assert state.phase is DeliveryPhase.REFUSED
    assert "no longer holds" in effects[0].reason  # type: ignore[attr-defined]
    assert fold(picture(LARGE_BYTES), gone)[1] == [Upload()]
    assert fold(picture(LARGE_BYTES + 1), Due(SessionView(2)))[1] == [Upload()]
    held = picture(LARGE_BYTES + 1, claimed_on=2)
    assert fold(held, gone)[1] == [Upload()]


def test_an_answer_goes_on_the_session_that_holds_its_job() -> None:
    state, effects = fold(answer(1), Due(SessionView(1)))
    assert (state.phase, effects) == (DeliveryPhase.SENT, [SendJson(1)])
    state, effects = fold(state, Due(SessionView(1)), Welcomed(SessionView(1)), Found(1))
    assert effects == []  # twice on one session would be a protocol violation
    state, effects = fold(state, Acked())
    assert (state.phase, effects) == (DeliveryPhase.DELIVERED, [Acknowledge()])


def test_an_answer_waits_while_there_is_no_session() -> None:
    state, effects = fold(answer(1), Due(None))
    assert (state.phase, effects) == (DeliveryPhase.WAITING, [])


def test_an_answer_goes_again_on_a_session_that_resumed_its_job() -> None:
    view = SessionView(2, frozenset({"j"}))
    state, effects = fold(
        answer(1), Due(SessionView(1)), SessionClosed(1), Welcomed(view), Due(view)
    )
    assert (state.phase, effects) == (DeliveryPhase.SENT, [SendJson(1), SendJson(2)])


def test_an_answer_that_is_not_resumed_is_set_apart_not_sent() -> None:
    view = SessionView(2, frozenset({"other"}))
    state, effects = fold(answer(1), SessionClosed(1), Welcomed(view), Due(view))
    assert state.phase is DeliveryPhase.REFUSED
    assert [type(effect) for effect in effects] == [Refuse]


def test_an_answer_of_an_earlier_process_needs_a_resume() -> None:
    assert fold(answer(None), Due(SessionView(1)))[0].phase is DeliveryPhase.REFUSED
    assert fold(answer(None), Due(SessionView(1, frozenset({"j"}))))[0].phase is DeliveryPhase.SENT


def test_an_ack_during_the_upload_counts_when_the_answer_is_lost() -> None:
    state, effects = fold(picture(), Due(), Acked(), SendFailed("reset", 0.5))
    assert (state.phase, effects) == (DeliveryPhase.DELIVERED, [Upload(), Acknowledge()])


def test_an_ack_for_something_never_sent_is_ignored() -> None:
    assert fold(picture(), Acked())[0].phase is DeliveryPhase.WAITING
    assert fold(answer(), Acked())[0].phase is DeliveryPhase.WAITING


def test_an_aborted_upload_is_no_failure() -> None:
    state, effects = fold(picture(), Due(), SendFailed("stop", 0.5, 409, aborted=True))
    assert (state.phase, state.failures, effects) == (DeliveryPhase.WAITING, 0, [Upload()])


def test_a_job_accepted_anew_counts_even_after_a_refusal() -> None:
    view = SessionView(2)
    refused, _ = fold(answer(1), Due(view))
    state, effects = fold(refused, Found(2), Due(view))
    assert (state.phase, effects) == (DeliveryPhase.SENT, [SendJson(2)])


def test_what_the_outbox_could_not_do_is_tried_again() -> None:
    state, _ = fold(picture(), Due(), Uploaded())
    state, effects = fold(state, NotCarriedOut(1.0), Due())
    assert effects == []
    state, effects = fold(state, Due(), now=state.due)
    assert effects == [Acknowledge()]


def test_what_is_lost_is_told_on_the_session_that_holds_it() -> None:
    view = SessionView(1)
    state, effects = fold(picture(claimed_on=1), LeftOutbox("torn"), Due(view))
    assert (state.phase, effects) == (DeliveryPhase.LOST, [TellLoss("torn", True, 1)])


def test_what_is_lost_without_a_session_is_told_on_the_one_that_resumes_it() -> None:
    state, effects = fold(picture(claimed_on=1), LeftOutbox("torn"), SessionClosed(1), Due(None))
    assert effects == []
    resumed = Due(SessionView(2, frozenset({state.job_id})))
    assert fold(state, resumed)[1] == [TellLoss("torn", True, 2)]
    assert fold(state, Due(SessionView(2)))[1] == [TellLoss("torn", True, None)]


@pytest.mark.parametrize("status", [400, 401, 413, 422, 429])
def test_a_refused_result_of_a_held_job_is_answered_with_fail(status: int) -> None:
    refused, _ = fold(picture(claimed_on=1), Due(), SendFailed("no", 0.5, status))
    assert fold(refused, LeftOutbox("no"), Due(SessionView(1)))[1] == [TellLoss("no", True, 1)]


@pytest.mark.parametrize("status", [404, 409, 410])
def test_no_frame_mentions_a_job_that_the_studio_does_not_hold(status: int) -> None:
    refused, _ = fold(picture(claimed_on=1), Due(), SendFailed("no", 0.5, status))
    (effect,) = fold(refused, LeftOutbox("no"))[1]
    assert isinstance(effect, TellLoss)
    assert effect.session is None


def test_an_upload_that_was_acknowledged_is_delivered_even_if_its_file_went_bad() -> None:
    state, _ = fold(picture(), Due(), Acked(), LeftOutbox("torn"))
    assert state.phase is DeliveryPhase.DELIVERED


_views = st.builds(SessionView, st.integers(1, 3), st.sets(st.sampled_from("jk")).map(frozenset))
_events = st.one_of(
    st.builds(Found, st.none() | st.integers(1, 3)),
    st.builds(Due, st.none() | _views, st.none() | st.booleans()),
    st.just(Uploaded()),
    st.builds(
        SendFailed,
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
def test_whatever_happens_a_result_is_never_lost(
    is_json: bool, size: int, events: list[Event]
) -> None:
    state = State(job_id="j", is_json=is_json, bytes=size, claimed_on=1)
    now = 0.0
    sent_on: set[int] = set()
    for event in events:
        before = state
        state, effects = step(state, event, now)
        now += 0.7
        assert len(effects) <= 1
        for effect in effects:
            match effect:
                case Acknowledge():
                    # Only a studio's word removes a result.
                    assert state.phase is DeliveryPhase.DELIVERED
                    assert isinstance(event, (Uploaded, Acked, Due, SendFailed))
                case Refuse():
                    assert state.phase is DeliveryPhase.REFUSED
                case Upload():
                    assert not is_json
                    assert before.phase is DeliveryPhase.WAITING
                case SendJson(session=number):
                    assert is_json
                    assert before.phase is DeliveryPhase.WAITING
                    assert state.sent_on == number
                    sent_on.add(number)
        if before.phase is DeliveryPhase.DELIVERED:
            assert state.phase is DeliveryPhase.DELIVERED
        assert state.due <= now + 3600


@given(
    size=st.integers(1, 4 * LONGEST_IN_FRAME),
    claimed_on=st.sampled_from([1, 2, None]),
    session=st.none()
    | st.builds(
        SessionView,
        number=st.sampled_from([1, 2]),
        resumed=st.sampled_from([frozenset[str](), frozenset({"j"})]),
        takes_json_files=st.booleans(),
    ),
)
def test_a_json_answer_goes_only_the_way_its_studio_takes(
    size: int, claimed_on: int | None, session: SessionView | None
) -> None:
    state = State(job_id="j", is_json=True, bytes=size, claimed_on=claimed_on)
    after, effects = step(state, Due(session), 0.0)
    if session is None:
        assert (after, effects) == (state, ())
    elif not state.held_by(session):
        assert after.phase is DeliveryPhase.REFUSED
        assert after.unheld
    elif size <= LONGEST_IN_FRAME:
        assert effects == (SendJson(session.number),)
    elif session.takes_json_files:
        assert effects == (Upload(),)
    else:
        assert after.phase is DeliveryPhase.REFUSED
        assert not after.retryable
        assert f"({size} bytes)" in (after.reason or "")
