"""Models that are kept loaded, one step after another."""

from __future__ import annotations

from studio_worker_core.residency.machine import step
from studio_worker_core.residency.states import (
    CallOff,
    Dropped,
    Effect,
    Event,
    GroupFree,
    GroupUsed,
    Held,
    Load,
    LoadAsked,
    LoadEnded,
    Models,
    Outdated,
    Phase,
    Resumed,
    Save,
    Suspended,
    Unload,
    UnloadAsked,
    UnloadEnded,
)


def walked(*events: Event) -> tuple[Models, tuple[Effect, ...]]:
    """The state after ``events``, and the effects of the last."""
    models, effects = Models(), tuple[Effect, ...]()
    for event in events:
        models, effects = step(models, event)
    return models, effects


def test_loading_one_of_a_group_unloads_the_other_first() -> None:
    models, effects = walked(LoadAsked(1, "a", "g"), LoadEnded(2, "a"), LoadAsked(3, "b", "g"))
    assert effects == (Save(), Unload("a"))
    assert models.held["b"] == Held(Phase.LOADING, 3, resident=True, group="g")
    models, effects = step(models, UnloadEnded(4, "a"))
    assert effects == (Load("b"),)
    assert models.residents() == {"b"}


def test_an_unload_waits_for_the_load_that_is_under_way() -> None:
    models, effects = walked(LoadAsked(1, "a"), UnloadAsked(2, "a"))
    assert effects == (Save(), CallOff("a"))
    assert models.held["a"].phase is Phase.LOADING
    models, effects = step(models, LoadEnded(3, "a"))
    assert effects == (Unload("a"),)


def test_a_load_that_is_asked_for_again_before_it_ended_stays() -> None:
    models, effects = walked(
        LoadAsked(1, "a"), UnloadAsked(2, "a"), LoadAsked(3, "a"), LoadEnded(4, "a")
    )
    assert effects == ()
    assert models.held["a"] == Held(Phase.LOADED, 4, resident=True)


def test_a_load_that_was_called_off_and_is_wanted_again_begins_again() -> None:
    models, effects = walked(
        LoadAsked(1, "a"),
        UnloadAsked(2, "a"),
        LoadAsked(3, "a"),
        LoadEnded(4, "a", called_off=True),
    )
    assert effects == (Load("a"),)
    assert models.held["a"].phase is Phase.LOADING


def test_a_model_that_a_job_left_loaded_can_be_unloaded() -> None:
    models, effects = walked(UnloadAsked(1, "a", warm=True))
    assert effects == (Unload("a"),)
    assert models.held["a"] == Held(Phase.UNLOADING, 1)


def test_a_failure_is_shown_and_stays_wished_until_it_is_unloaded() -> None:
    models, _ = walked(LoadAsked(1, "a"), LoadEnded(2, "a", "too large"))
    assert models.held["a"] == Held(Phase.FAILED, 2, resident=True, error="too large")
    models, effects = step(models, UnloadAsked(3, "a"))
    assert models.held["a"] == Held(Phase.UNLOADED, 3)
    assert effects == (Save(),)


def test_a_deleted_model_is_forgotten_once_it_is_unloaded() -> None:
    models, effects = walked(LoadAsked(1, "a"), LoadEnded(2, "a"), Dropped(3, "a"))
    assert effects == (Save(), Unload("a"))
    models, effects = step(models, UnloadEnded(4, "a"))
    assert models == Models()


def test_what_was_suspended_comes_back_in_order() -> None:
    models, effects = walked(
        LoadAsked(1, "b"), LoadEnded(2, "b"), LoadAsked(3, "a"), LoadEnded(4, "a"), Suspended(5)
    )
    assert effects == (Unload("b"), Unload("a"))
    assert models.residents() == {"a", "b"}
    for name in ("a", "b"):
        models, _ = step(models, UnloadEnded(6, name))
    _, effects = step(models, Resumed(7))
    assert effects == (Load("b"), Load("a"))


def test_a_kept_model_makes_way_for_a_job_of_its_group_and_comes_back() -> None:
    models, effects = walked(LoadAsked(1, "a", "g"), LoadEnded(2, "a"), GroupUsed(3, "g", "b"))
    assert effects == (Unload("a"),)
    models, effects = step(models, UnloadEnded(4, "a"))
    assert (models.held["a"].phase, effects) == (Phase.UNLOADED, ())
    models, effects = step(models, GroupFree(5, "g"))
    assert effects == (Load("a"),)
    assert models.used == {}


def test_a_load_waits_for_the_job_that_uses_its_group() -> None:
    models, effects = walked(GroupUsed(1, "g", "b"), LoadAsked(2, "a", "g"))
    assert effects == (Save(),)
    assert models.held["a"].phase is Phase.LOADING
    assert step(models, GroupFree(3, "g"))[1] == (Load("a"),)


def test_what_has_another_source_is_unloaded_and_loaded_again() -> None:
    models, effects = walked(LoadAsked(1, "a"), LoadEnded(2, "a"), Outdated(3, "a"))
    assert effects == (Unload("a"),)
    models, effects = step(models, UnloadEnded(4, "a"))
    assert effects == (Load("a"),)
    assert models.residents() == {"a"}


def test_what_failed_is_tried_again_with_another_source() -> None:
    _, effects = walked(LoadAsked(1, "a"), LoadEnded(2, "a", "no such file"), Outdated(3, "a"))
    assert effects == (Load("a"),)
