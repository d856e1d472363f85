"""What the roster answers."""

from __future__ import annotations

from msgspec.structs import replace

from studio_worker_core.plugin import EngineSpec, JobEvent, TaskKind
from studio_worker_core.roster.roster import Roster, RosterEntry


def entry(engine: str, **models: list[str]) -> RosterEntry:
    per_kind = {TaskKind(kind): tuple(names) for kind, names in models.items()}
    return RosterEntry(
        engine=engine,
        distribution=f"{engine}-plugin",
        version="1.5",
        state="ready",
        kinds=tuple(kind for kind in TaskKind if kind in per_kind),
        models=per_kind,
        extensions={"foo": "image/foo"} if engine == "two" else {},
        spec=EngineSpec(engine, per_kind, "m:E"),
        traits={f"{engine}.x": 1},
    )


ONE = entry("one", video=["v"], image=["b", "a"])
TWO = entry("two", image=["a", "c"])


def test_offerings_are_in_wire_order_sorted_and_unique() -> None:
    offerings = Roster([TWO, ONE]).offerings()
    assert list(offerings.models_per_kind.items()) == [
        (TaskKind.IMAGE, ["a", "b", "c"]),
        (TaskKind.VIDEO, ["v"]),
    ]
    assert [(info.name, info.version) for info in offerings.engines] == [
        ("one", "1.5"),
        ("two", "1.5"),
    ]
    assert offerings.traits == {"one.x": 1, "two.x": 1}


def test_a_withdrawn_engine_is_not_offered() -> None:
    offerings = Roster([ONE, TWO]).offerings(frozenset({"two"}))
    assert offerings.models_per_kind[TaskKind.IMAGE] == ["a", "b"]
    assert offerings.extensions == {}
    assert list(offerings.traits) == ["one.x"]


def test_a_type_comes_from_the_plugins_and_the_well_known_ones() -> None:
    roster = Roster([ONE, TWO])
    assert roster.mime_for("foo") == "image/foo"
    assert roster.mime_for(".MP4") == "video/mp4"
    assert roster.mime_for("nonsense") == "application/octet-stream"


def test_an_engine_is_found_whatever_its_state_and_a_ready_one_first() -> None:
    broken = replace(ONE, state="broken", reason="import failed", distribution="a-plugin")
    assert Roster([broken]).find("one") == broken
    assert Roster([broken, ONE]).find("one") == ONE
    assert Roster([ONE]).find("two") is None


def test_a_model_is_served_by_name_or_by_the_engines_star() -> None:
    assert ONE.serves(TaskKind.IMAGE, "a")
    assert not ONE.serves(TaskKind.IMAGE, "z")
    assert not ONE.serves(TaskKind.LLM, "a")
    assert entry("any", image=["any:*"]).serves(TaskKind.IMAGE, "whatever")


def test_a_roster_made_by_hand_takes_events_and_refreshes() -> None:
    roster = Roster([ONE])
    roster.notify(JobEvent("finished", "j", "one", "a", TaskKind.IMAGE))
    roster.refresh()
    assert roster.entries == (ONE,)
