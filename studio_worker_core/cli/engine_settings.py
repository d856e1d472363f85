"""The settings of engines as ``config`` and ``engines show`` read, show and change them."""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Mapping
from typing import Any

from studio_worker_core.cli.installed import engine_settings, installed_engines
from studio_worker_core.config import ConfigStore
from studio_worker_core.engine_setup.places import EVERY_ENGINE, PLACE_SETTINGS, place_refusal
from studio_worker_core.errors import ConfigError
from studio_worker_core.processes.environment import looks_secret
from studio_worker_core.roster.options import OptionSpec, names_a_secret, refusal
from studio_worker_core.roster.roster import Roster

_YES, _NO = frozenset({"yes", "on"}), frozenset({"no", "off"})


def shown_tables(store: ConfigStore) -> dict[str, dict[str, Any]]:
    """What is set, engine by engine; a secret that was written into the file as ``***``."""
    if not store.config.engines:
        return {}
    roster = installed_engines(store)
    found: dict[str, dict[str, Any]] = {}
    for engine, table in store.config.engines.items():
        entry = roster.find(engine)
        declared = {each.name: each.type for each in entry.settings} if entry else {}
        found[engine] = {}
        for name, value in table.items():
            kind = declared.get(name, "secret" if looks_secret(name) else "text")
            hidden = kind == "secret" and not names_a_secret(value)
            found[engine][name] = "***" if hidden else value
    return found


def value_shown(store: ConfigStore, engine: str, name: str) -> Any:
    """What is in force for a setting; a secret as the config names it, else ``***``.

    Raises:
        ConfigError: there is no such engine or setting.
    """
    roster = installed_engines(store)
    setting = _setting(store, roster, engine, name)
    value = store.config.engines.get(engine, {}).get(name)
    entry = roster.find(engine)
    if value is None and entry is not None:
        value = engine_settings(store).value(entry, name)
    hidden = setting.type == "secret" and value is not None and not names_a_secret(value)
    return "***" if hidden else value


def set_engine_value(store: ConfigStore, engine: str, name: str, text: str) -> None:
    """Change a setting to what an operator typed; empty text removes it, also one that no engine
    has.

    Raises:
        ConfigError: there is no such engine or setting, or the text does not fit.
    """
    key = f"engines.{engine}.{name}"
    if not text.strip():
        store.set_value(key, None)
        return
    setting = _setting(store, installed_engines(store), engine, name)
    value = _value_of(setting, text.strip())
    where = f"engines.{engine}"
    wrong = refusal([setting], {name: value}, where)
    if wrong is None and setting in PLACE_SETTINGS:
        wrong = place_refusal({name: value}, where)
    if wrong is not None:
        raise ConfigError(wrong, path=store.path, key=key)
    store.set_value(key, value)


def complaints(store: ConfigStore) -> list[str]:
    """What does not hold in the tables of engines, a line each."""
    if not store.config.engines:
        return []
    roster = installed_engines(store)
    settings = engine_settings(store)
    found = list(settings.notes(roster.entries))
    for entry in roster.entries:
        found += [line for line in settings.complaints(entry) if line not in found]
    return found


def settings_in_words(store: ConfigStore, roster: Roster, engine: str) -> Mapping[str, Any]:
    """Setting → what is in force, for those that are set for ``engine``."""
    entry = roster.find(engine)
    if entry is None or entry.spec is None:
        return {}
    settings = engine_settings(store)
    shown: dict[str, Any] = {}
    for setting in (*entry.settings, *PLACE_SETTINGS):
        value = settings.value(entry, setting.name)
        if value == setting.default or value is None:
            continue
        hidden = setting.type == "secret" and not names_a_secret(value)
        shown[setting.name] = "***" if hidden else value
    return shown


def _setting(store: ConfigStore, roster: Roster, engine: str, name: str) -> OptionSpec:
    key = f"engines.{engine}.{name}"
    entry = roster.find(engine)
    if engine == EVERY_ENGINE:
        known: tuple[OptionSpec, ...] = PLACE_SETTINGS
    elif entry is None:
        near = difflib.get_close_matches(engine, [each.engine for each in roster.entries], 1)
        hint = f"did you mean '{near[0]}'?" if near else "'studio-worker engines list' has them all"
        raise ConfigError(f"no engine is named {engine!r}; {hint}", path=store.path, key=key)
    elif entry.spec is None:
        raise ConfigError(
            f"what '{engine}' can be set to is not known: it is {entry.state} ({entry.reason})",
            path=store.path,
            key=key,
        )
    else:
        known = (*entry.settings, *PLACE_SETTINGS)
    for setting in known:
        if setting.name == name:
            return setting
    raise ConfigError(
        str(refusal(known, {name: None}, f"engines.{engine}")), path=store.path, key=key
    )


def _value_of(setting: OptionSpec, text: str) -> Any:
    """``text`` as a value of the setting's type, if it can be one."""
    match setting.type:
        case "text":
            return text
        case "choice":
            return next((each for each in setting.choices if str(each) == text), text)
        case "true or false" if text.lower() in _YES | _NO:
            return text.lower() in _YES
    try:
        value = tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text
    return float(value) if setting.type == "number" and type(value) is int else value
