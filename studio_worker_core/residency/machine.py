"""The models that are kept loaded, as a pure machine (original.md, Models kept loaded).

::

    Unloaded ──LoadAsked──▶ Loading ──LoadEnded──▶ Loaded ──UnloadAsked──▶ Unloading ─▶ Unloaded
                               │                      │
                               └─▶ Failed ◀── Lost ───┘

A model that waits for another one of its exclusive group to go is ``Loading`` too; its load has
not begun. While jobs use a model of a group, the others are out of memory. ``resident`` is the
wish, which a failure leaves as it is. No I/O here.
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec.structs import replace

from studio_worker_core.residency.states import (
    CallOff,
    Dropped,
    Effect,
    Event,
    Found,
    GroupFree,
    GroupUsed,
    Held,
    Load,
    LoadAsked,
    LoadEnded,
    Lost,
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


def step(models: Models, event: Event) -> tuple[Models, tuple[Effect, ...]]:
    """The next state and what to do; unloading comes before loading."""
    held, used = dict(models.held), dict(models.used)
    match event:
        case GroupUsed() | GroupFree():
            _group_changed(held, used, event)
        case Outdated(model=model) if model in held:
            held[model] = _again(held[model], event.at)
        case LoadAsked():
            _load_asked(held, event)
        case UnloadAsked():
            _unload_asked(held, event)
        case Dropped(model=model) if model in held:
            gone = replace(held[model], resident=False, dropped=True)
            held[model] = _leaving(gone, event.at)
        case Suspended():
            held = {name: _leaving(each, event.at) for name, each in held.items()}
        case Resumed():
            held |= _coming_back(held, event.at)
        case Found(model=model) if model in held and _is_taken(held, used, model):
            return models, ()
        case LoadEnded() | UnloadEnded() | Lost() | Found() if event.model in held:
            held[event.model] = _happened(held[event.model], event)
        case _:
            return models, ()
    return _settled(models, held, used)


def _group_changed(
    held: dict[str, Held], used: dict[str, str], event: GroupUsed | GroupFree
) -> None:
    group = event.group
    match event:
        case GroupUsed(model=user):
            used[group] = user
            others = {n: each for n, each in held.items() if each.group == group and n != user}
            held |= {name: _leaving(each, event.at) for name, each in others.items()}
        case GroupFree() if used.pop(group, None) is not None:
            held |= _coming_back(held, event.at, group)


def _coming_back(held: Mapping[str, Held], at: float, group: str | None = None) -> dict[str, Held]:
    """What is wished, of ``group`` or at all, on its way into memory."""
    return {
        name: _coming(each, at)
        for name, each in held.items()
        if each.resident and each.phase is not Phase.FAILED and group in (None, each.group)
    }


def _again(held: Held, at: float) -> Held:
    """Loaded anew, if it is to be there; one that failed may have been mended."""
    match held.phase:
        case Phase.LOADED if held.resident:
            return replace(_now(held, Phase.UNLOADING, at), then=Phase.LOADED)
        case Phase.FAILED if held.resident:
            return _now(held, Phase.LOADING, at)
    return held


def _load_asked(held: dict[str, Held], event: LoadAsked) -> None:
    asked = held.get(event.model) or Held(Phase.UNLOADED, event.at)
    asked = replace(asked, resident=True, group=event.group, dropped=False)
    held[event.model] = _coming(asked, event.at)
    if event.group is None:
        return
    for name, other in held.items():
        if name != event.model and other.group == event.group:
            held[name] = _leaving(replace(other, resident=False), event.at)


def _unload_asked(held: dict[str, Held], event: UnloadAsked) -> None:
    asked = held.get(event.model)
    if asked is None and not event.warm:
        return
    asked = replace(asked or Held(Phase.UNLOADED, event.at), resident=False)
    if event.warm and not asked.in_memory:
        held[event.model] = _now(replace(asked, group=event.group), Phase.UNLOADING, event.at)
    else:
        held[event.model] = _leaving(asked, event.at)


def _coming(held: Held, at: float) -> Held:
    match held.phase:
        case Phase.UNLOADED | Phase.FAILED:
            return _now(held, Phase.LOADING, at)
        case Phase.LOADING:
            return replace(held, then=None)
        case Phase.UNLOADING:
            return replace(held, then=Phase.LOADED)
        case Phase.LOADED:
            return held


def _leaving(held: Held, at: float) -> Held:
    match held.phase:
        case Phase.LOADING if held.begun:
            return replace(held, then=Phase.UNLOADED)
        case Phase.LOADED:
            return _now(held, Phase.UNLOADING, at)
        case Phase.UNLOADING:
            return replace(held, then=None)
        case Phase.FAILED if held.resident:
            return held  # only suspended: why it failed is still to be seen
        case Phase.UNLOADED:
            return held
        case _:
            return _now(held, Phase.UNLOADED, at)


def _happened(held: Held, event: LoadEnded | UnloadEnded | Lost | Found) -> Held:
    at = event.at
    match event:
        case LoadEnded(error=error, called_off=called_off) if held.begun:
            leaves = held.then is Phase.UNLOADED
            if called_off and not leaves:  # somebody has thought better of it
                return replace(held, begun=False)
            if error is None and not called_off:
                return _now(held, Phase.UNLOADING if leaves else Phase.LOADED, at)
            if leaves:
                return _now(held, Phase.UNLOADED, at)
            return _now(held, Phase.FAILED, at, error)
        case UnloadEnded() if held.phase is Phase.UNLOADING:
            again = held.then is Phase.LOADED
            return _now(held, Phase.LOADING if again else Phase.UNLOADED, at)
        case Lost(error=error) if held.phase is Phase.LOADED:
            return _now(held, Phase.FAILED, at, error)
        case Found() if held.phase is Phase.FAILED and held.resident:
            return _now(held, Phase.LOADED, at)
        case _:
            return held


def _now(held: Held, phase: Phase, at: float, error: str | None = None) -> Held:
    return replace(held, phase=phase, since=at, begun=False, then=None, error=error)


def _settled(
    before: Models, held: dict[str, Held], used: Mapping[str, str]
) -> tuple[Models, tuple[Effect, ...]]:
    """Begin what may begin, forget what is gone."""
    held = {
        name: each
        for name, each in held.items()
        if not (each.dropped and each.phase in (Phase.UNLOADED, Phase.FAILED))
    }
    effects: list[Effect] = []
    for name, each in held.items():
        was = before.held.get(name)
        has_begun = was is not None and was.phase is Phase.UNLOADING
        if each.phase is Phase.UNLOADING and not has_begun:
            effects.append(Unload(name))
        if each.then is Phase.UNLOADED and (was is None or was.then is not Phase.UNLOADED):
            effects.append(CallOff(name))
    for name, each in held.items():
        if each.phase is Phase.LOADING and not each.begun and not _is_taken(held, used, name):
            held[name] = replace(each, begun=True)
            effects.append(Load(name))
    after = Models(held, used)
    if after.residents() != before.residents():
        effects.insert(0, Save())
    return after, tuple(effects)


def _is_taken(held: Mapping[str, Held], used: Mapping[str, str], name: str) -> bool:
    """Whether another model of its group is in memory, or is to be."""
    group = held[name].group
    return group is not None and (
        used.get(group, name) != name
        or any(
            other.group == group and other.in_memory for key, other in held.items() if key != name
        )
    )
