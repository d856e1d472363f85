"""The table of protocol §2, line by line."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from studio_worker_core.registration.machine import (
    Answer,
    Approved,
    Ask,
    Effect,
    Identity,
    Keep,
    Mint,
    Minted,
    NoDecision,
    Pending,
    Poll,
    Pristine,
    Rejected,
    Requested,
    Standing,
    State,
    StudioAnswered,
    Turn,
    Unknown,
    begin,
    secret_hash,
    standing_of,
    step,
)
from studio_worker_core.secrets import Secret
from studio_worker_core.wire.registration import (
    ApprovedDecision,
    PendingDecision,
    RejectedDecision,
)

NOW = datetime(2026, 1, 2, tzinfo=UTC)
LATER = NOW + timedelta(minutes=5)
SECRET = Secret("ab" * 32)
TOKEN = Secret("letmein")

NOBODY = Identity()
MINTED = Identity(install_id="i", secret=SECRET)
WAITING = Identity(install_id="i", secret=SECRET, request_id="rr-1")
ASKED = replace(WAITING, requested_at=LATER.isoformat())
LET_IN = Identity(install_id="i", worker_id="w", auth_token=TOKEN)


def turn(identity: Identity) -> tuple[Effect, ...]:
    """What a turn does with that on disk."""
    state = begin(identity, NOW)
    after, effects = step(state, Turn())
    assert after == state
    return effects


def minted(identity: Identity, install_id: str, secret: Secret) -> Identity:
    """What is to be on disk once the new secret is there, and is kept before it is used."""
    after, (keep, *_) = step(begin(identity, NOW), Minted(install_id, secret, LATER))
    assert keep == Keep(after.identity)
    return after.identity


@pytest.mark.parametrize(
    ("identity", "expected"),
    [
        (NOBODY, (Mint(),)),
        (Identity(install_id="i"), (Mint(),)),
        (Identity(secret=SECRET), (Mint(),)),
        (Identity(install_id="i", request_id="rr-1"), (Mint(),)),
        (MINTED, (Ask("i", secret_hash(SECRET)),)),
        (WAITING, (Poll("rr-1", SECRET),)),
        (LET_IN, ()),
        (
            Identity(worker_id="w", install_id="i", secret=SECRET),
            (Ask("i", secret_hash(SECRET)),),
        ),
        (Identity(install_id="i", rejected="no"), ()),
    ],
)
def test_what_is_on_disk_decides_what_a_tick_does(
    identity: Identity, expected: tuple[Effect, ...]
) -> None:
    assert turn(identity) == expected


@pytest.mark.parametrize(
    ("identity", "answer", "after", "state"),
    [
        (MINTED, Requested("rr-1"), ASKED, Pending("rr-1", LATER)),
        (MINTED, NoDecision(), MINTED, Pristine()),
        (WAITING, PendingDecision(), WAITING, Pending("rr-1", NOW)),
        (WAITING, ApprovedDecision("w", "letmein"), LET_IN, Approved("w")),
        (WAITING, RejectedDecision("no"), Identity(install_id="i", rejected="no"), Rejected("no")),
        (WAITING, RejectedDecision(), Identity(install_id="i", rejected=""), Rejected(None)),
        (WAITING, Unknown(), Identity(install_id="i"), Pristine()),
        (WAITING, NoDecision(), WAITING, Pending("rr-1", NOW)),
    ],
)
def test_every_answer_leads_where_the_table_says(
    identity: Identity, answer: Answer, after: Identity, state: Standing
) -> None:
    effects = (Keep(after),) if after != identity else ()
    assert step(begin(identity, NOW), StudioAnswered(answer, LATER)) == (
        State(after, state),
        effects,
    )


def test_the_hash_is_the_sha_256_of_the_text() -> None:
    assert secret_hash(Secret("abc")) == hashlib.sha256(b"abc").hexdigest()


def test_minting_fills_in_what_is_missing_and_keeps_the_rest() -> None:
    new = Secret("new")
    assert minted(NOBODY, "i-2", new) == Identity(install_id="i-2", secret=new)
    assert minted(Identity(install_id="i"), "i-2", new).install_id == "i"
    assert minted(WAITING, "i-2", new) == WAITING


def test_a_request_whose_secret_is_lost_is_given_up() -> None:
    lost = Identity(install_id="i", request_id="rr-1")
    assert minted(lost, "i-2", SECRET) == MINTED


def test_no_state_or_plan_shows_a_secret() -> None:
    shown = repr([WAITING, LET_IN, turn(WAITING), begin(LET_IN, NOW)])
    assert SECRET.reveal() not in shown
    assert TOKEN.reveal() not in shown


IDENTITIES = st.builds(
    Identity,
    install_id=st.sampled_from([None, "i"]),
    request_id=st.sampled_from([None, "rr-1"]),
    secret=st.sampled_from([None, SECRET]),
    worker_id=st.sampled_from([None, "w"]),
    auth_token=st.sampled_from([None, TOKEN]),
)


@given(IDENTITIES)
def test_after_minting_there_is_always_something_to_do(identity: Identity) -> None:
    _, (_, *effects) = step(begin(identity, NOW), Minted("new", SECRET, LATER))
    assert not any(isinstance(effect, Mint) for effect in effects)
    assert tuple(effects) == turn(minted(identity, "new", SECRET))


@given(IDENTITIES)
def test_a_credential_is_only_ever_used_in_a_poll(identity: Identity) -> None:
    for effect in turn(identity):
        if isinstance(effect, Ask):
            assert SECRET not in (getattr(effect, name) for name in effect.__struct_fields__)
            assert SECRET.reveal() not in repr(effect)


@given(
    IDENTITIES,
    st.one_of(
        st.builds(Requested, st.just("rr-2")),
        st.builds(PendingDecision),
        st.builds(ApprovedDecision, st.just("w-2"), st.just("t-2")),
        st.builds(RejectedDecision),
        st.builds(Unknown),
        st.builds(NoDecision),
    ),
)
def test_the_install_id_never_changes_and_no_answer_forgets_credentials(
    identity: Identity, answer: Answer
) -> None:
    state, _ = step(begin(identity, NOW), StudioAnswered(answer, LATER))
    after = state.identity
    assert after.install_id == identity.install_id
    if identity.worker_id:
        assert after.worker_id
    if not isinstance(state.standing, Rejected):
        assert type(standing_of(after, LATER)) is type(state.standing)
