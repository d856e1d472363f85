"""Every setting as a field of a form: its group, its words, its default, what wins over it."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from studio_worker_core.config import Config, value_of
from studio_worker_core.config.described import (
    AT_START,
    SettingInfo,
    SettingType,
    described,
    table_words,
)
from studio_worker_core.config.winning import VARIABLES
from studio_worker_core.downloads.addresses import shown_url
from studio_worker_core.local_api.page.forms import FormField, Widget
from studio_worker_core.local_api.page.words import Words

_GROUPS = (
    ("Studio", ("api_base_url", "ws_reconnect_attempts")),
    ("When it works", ("paused", "only_when_idle", "shutdown_grace_seconds")),
    ("Memory", ("vram_threshold_gb", "memory_max_gb")),
    ("Models", ("models_root",)),
    ("Local API", ("local_api_port", "api")),
    ("Limits of a job", ("limits",)),
    ("Inputs", ("inputs",)),
    ("Outbox", ("outbox",)),
    ("Job journal", ("journal",)),
    ("Plugins", ("plugins",)),
    ("Updates", ("auto_update_feed", "auto_update_prerelease")),
)
"""Titles, and the keys and tables below each; what is in none comes after them."""
REST = "For the studio and the original worker"
"""The title of what is in no group."""
_LABELS = {
    "api_base_url": "Address of the studio",
    "vram_threshold_gb": "Most GPU memory of a job",
    "memory_max_gb": "Most main memory",
    "models_root": "Folder of the models",
    "local_api_port": "Port on this machine",
    "ws_reconnect_attempts": "Attempts to connect",
    "paused": "Start paused",
    "only_when_idle": "Only while nobody uses this machine",
    "shutdown_grace_seconds": "Time for a running job at the end",
    "api.enabled": "Answer programs of this machine",
    "api.aliases": "Further names of models",
    "api.voices": "Further names of voices",
    "api.listen": "Address for other machines",
    "api.listen_port": "Port for other machines",
    "api.hosts": "Names of this machine",
    "api.tls_cert": "Certificate",
    "api.tls_key": "Key of the certificate",
    "api.tls_self_signed": "Make a certificate",
    "limits.load_seconds": "Loading a model",
    "limits.idle_seconds": "Without any progress",
    "limits.total_seconds": "The work itself",
    "limits.memory_gb": "Main memory of an engine",
    "limits.output_mb": "Size of the result",
    "limits.crash_pause_seconds": "Pause after crashes",
    "limits.keep_warm": "Engines that stay warm",
    "limits.warm_seconds": "How long they stay warm",
    "outbox.max_gb": "Results that wait",
    "outbox.min_free_gb": "Free disk, at least",
    "outbox.refused_days": "Refused results are kept",
    "outbox.refused_max_gb": "Refused results take",
    "journal.max_jobs": "Jobs that are kept",
    "journal.max_mb": "Disk that they take",
    "inputs.max_mb": "Largest input",
    "inputs.seconds": "Time to fetch one",
    "inputs.allow_private": "Fetch from private networks",
    "inputs.max_megapixels": "Pixels of a picture",
    "plugins.disabled": "Left out",
    "plugins.environment": "Variables for engines",
    "auto_update_feed": "Where releases are looked for",
    "auto_update_prerelease": "Versions to be tried out, too",
}
_UNITS = {
    "_seconds": "s",
    "_secs": "s",
    "_gb": "GB",
    "_mb": "MB",
    "_days": "days",
    "_megapixels": "MP",
}
_WIDGETS: Mapping[SettingType, Widget] = {
    "true or false": "tick",
    "whole number": "whole",
    "number": "number",
}
_FORMS: Mapping[SettingType, str] = {
    "list": "Several are separated by commas.",
    "pairs": "As name = value; several are separated by commas.",
}
_SET = ("secret", "other")
"""Types that are not shown, only whether there is something."""


class Group(Struct, frozen=True):
    """Settings that belong together."""

    title: str
    about: str
    fields: tuple[FormField, ...]


class Known(Struct, frozen=True):
    """A setting that is not changed on the page."""

    key: str
    text: str
    words: str


def groups(environment: Mapping[str, str] = os.environ) -> tuple[Group, ...]:
    """The settings that a person may change, the rest of them last."""
    left = {info.key: info for info in described() if _is_asked(info)}
    made = []
    for title, names in _GROUPS:
        chosen = [info for info in left.values() if {info.key, info.table} & set(names)]
        chosen.sort(key=lambda info: names.index(info.key if info.key in names else info.table))
        about = next((table_words()[name] for name in names if name in table_words()), "")
        made.append(_group(title, about, chosen, environment))
        for info in chosen:
            del left[info.key]
    for table in dict.fromkeys(info.table for info in left.values()):
        chosen = [info for info in left.values() if info.table == table]
        title = _words_of(table) if table else REST
        made.append(_group(title, table_words().get(table, ""), chosen, environment))
    return tuple(group for group in made if group.fields)


def known(config: Config) -> tuple[Known, ...]:
    """The settings that the worker or a command writes, and those that have no form; of a secret
    only whether there is one."""
    found = []
    for info in described():
        if _is_asked(info):
            continue
        value = value_of(config, info.key)
        text = ("set" if value else "") if info.type in _SET else shown(value)
        found.append(Known(info.key, text, info.words))
    return tuple(found)


def texts(config: Config) -> dict[str, str]:
    """What the fields say, by key."""
    return {info.key: shown(value_of(config, info.key)) for info in described() if _is_asked(info)}


def changes(before: str, given: Mapping[str, str]) -> dict[str, str]:
    """What a form changes, by key.

    :param before: what :func:`sealed` made when the form was shown: what somebody else changed
        meanwhile stays.
    """
    try:
        old = json.loads(before)
    except (ValueError, RecursionError):
        old = None
    if not isinstance(old, dict):
        return {}
    found = {}
    for info in described():
        if not _is_asked(info) or not isinstance(old.get(info.key), str):
            continue
        text = given.get(info.key, "").replace("\r\n", "\n").strip()
        if info.type == "true or false":
            text = "true" if text else "false"
        if text != old[info.key]:
            found[info.key] = text
    return found


def sealed(config: Config) -> str:
    """What the fields say, for :func:`changes`."""
    return json.dumps(texts(config))


def waiting(now: Config, started: Config) -> tuple[str, ...]:
    """Keys that have changed since the start, and count from the next one on."""
    return tuple(key for key in AT_START if value_of(now, key) != value_of(started, key))


def label_of(key: str) -> str:
    """What people call a setting."""
    return _LABELS.get(key) or _words_of(key.rpartition(".")[2])


def shown(value: Any) -> str:
    """A setting as it is typed; credentials in an address are left out."""
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case float():
            return f"{value:g}" if abs(value) < 1e6 else str(value)
        case tuple() | list():
            return ", ".join(map(shown, value))
        case dict():
            return ", ".join(f"{name} = {shown(each)}" for name, each in value.items())
        case str() if "://" in value and "@" in value:
            return shown_url(value)
    return str(value)


def _is_asked(info: SettingInfo) -> bool:
    return not info.is_ours and info.type not in _SET


def _group(
    title: str, about: str, infos: Iterable[SettingInfo], environment: Mapping[str, str]
) -> Group:
    return Group(title, about, tuple(_field(info, environment) for info in infos))


def _field(info: SettingInfo, environment: Mapping[str, str]) -> FormField:
    unit = _unit_of(info.key)
    parts = [info.words, _FORMS.get(info.type, ""), f"Default: {_default(info, unit)}."]
    if info.key in AT_START:
        parts.append("Counts from the next start on.")
    variable = VARIABLES.get(info.key)
    if variable is not None and environment.get(variable, "").strip():
        parts.append(f"{variable} is set, and wins: {environment[variable].strip()[:80]}.")
    words = Words(label_of(info.key), " ".join(filter(None, parts)), unit, code=info.key)
    field = FormField(info.key, _WIDGETS.get(info.type, "text"), words)
    # That nothing is below 0, and the bounds of the machine's integers, tell nobody anything.
    high = "" if info.most is None or info.most > 1e9 else f"{info.most:g}"
    low = f"{info.least:g}" if info.least is not None and (info.least or high) else ""
    return msgspec.structs.replace(field, low=low, high=high)


def _unit_of(key: str) -> str:
    if key == "memory_max_gb":
        return "GiB"
    name = f"_{key.rpartition('.')[2]}"
    return next((unit for end, unit in _UNITS.items() if name.endswith(end)), "")


def _default(info: SettingInfo, unit: str) -> str:
    if info.type == "true or false":
        return "yes" if info.default else "no"
    text = shown(info.default)
    if isinstance(info.default, Path | str) or not text:
        return text or "not set"
    return f"{text} {unit}".strip()


def _words_of(name: str) -> str:
    for end in _UNITS:
        name = name.removesuffix(end) if name != end[1:] else name
    text = name.replace("_", " ").capitalize()
    return text.replace("Vram", "GPU memory").replace("Api", "API")
