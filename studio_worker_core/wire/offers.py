"""Offers read leniently: what can be used is used, and each change is told (protocol §3).

Only a worker reads like this. Whoever types a wrong number is told so instead: the studio's
queue and the command line read the structs themselves.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from studio_worker_core.wire.numbers import (
    CLAIM_NUMBERS,
    DEFAULTS_NUMBERS,
    FILE_NUMBERS,
    TASK_NUMBERS,
    Number,
    read_number,
)

_MAX_NOTES = 50
_MAX_SHOWN = 60
_MAX_WORD = 512
_MAX_BITS_SHOWN = 128

_TASK_WORDS = ("samplingMethod", "timestamps", "voice", "language")
_TASK_FLAGS = ("translate", "vad")
_OPTIONAL_URLS = ("initImageUrl", "maskUrl", "refImageUrl")
_DEFAULTS_FLAGS = ("zeroCondT", "offloadToCpu", "mmap")
_EXT = re.compile("[A-Za-z0-9]{1,16}")
_FLAG_WORDS = {"true": True, "false": False, "1": True, "0": False}


def lenient_offer(claim: Mapping[str, Any]) -> tuple[dict[str, Any], tuple[str, ...]]:
    """A decoded claim (without nulls) of which the structs can read every parameter, and a line
    for each that is not read as it came.

    Raises:
        WireError: a parameter with which the job cannot be served; the reason names it.
    """
    notes: list[str] = []
    read = dict(claim)
    _numbers(read, CLAIM_NUMBERS, "", notes)
    # Empty names mean as much as none, and are the studio's own affair.
    named = tuple(key for key in ("gameId", "assetName") if read.get(key) != "")
    _words(read, named, "", notes)
    if isinstance(task := read.get("task"), dict):
        read["task"] = _task(task, notes)
    if isinstance(source := read.get("modelSource"), dict):
        read["modelSource"] = _source(source, notes)
    hidden = len(notes) - _MAX_NOTES
    if hidden > 0:
        notes[_MAX_NOTES:] = [f"{hidden} more parameters are read in another way than they came"]
    return read, tuple(notes)


def _task(task: Mapping[str, Any], notes: list[str]) -> dict[str, Any]:
    read = dict(task)
    _numbers(read, TASK_NUMBERS, "", notes)
    _words(read, _TASK_WORDS, "", notes)
    _flags(read, _TASK_FLAGS, "", notes)
    ext = read.get("ext", "png")
    if not isinstance(ext, str) or _EXT.fullmatch(ext) is None:
        _drop(read, "ext", "", "is no file type", notes)
    for key in _OPTIONAL_URLS:
        if read.get(key) == "":
            _drop(read, key, "", "is empty", notes)
    return read


def _source(source: Mapping[str, Any], notes: list[str]) -> dict[str, Any]:
    read = dict(source)
    if isinstance(defaults := read.get("cliDefaults"), dict):
        read["cliDefaults"] = defaults = dict(defaults)
        _numbers(defaults, DEFAULTS_NUMBERS, "cliDefaults.", notes)
        _words(defaults, ("samplingMethod",), "cliDefaults.", notes, quiet_empty=True)
        _flags(defaults, _DEFAULTS_FLAGS, "cliDefaults.", notes)
    if isinstance(files := read.get("files"), list):
        read["files"] = [
            _file(file, f"files[{index}].", notes) if isinstance(file, dict) else file
            for index, file in enumerate(files)
        ]
    return read


def _file(file: Mapping[str, Any], place: str, notes: list[str]) -> dict[str, Any]:
    read = dict(file)
    _numbers(read, FILE_NUMBERS, place, notes)
    if read.get("sha256") == "":
        del read["sha256"]  # another way to say that there is none
    return read


def _numbers(
    read: dict[str, Any], table: Mapping[str, Number], place: str, notes: list[str]
) -> None:
    for key in read.keys() & table.keys():
        sent = read[key]
        found = read_number(place + key, sent, table[key])
        if found.value is None:
            del read[key]
        else:
            read[key] = found.value
        if found.why is not None:
            notes.append(_note(place + key, sent, found.why, found.value))


def _words(
    read: dict[str, Any],
    keys: tuple[str, ...],
    place: str,
    notes: list[str],
    *,
    quiet_empty: bool = False,
) -> None:
    for key in keys:
        word = read.get(key, "word")
        if word == "":
            if quiet_empty:
                del read[key]
            else:
                _drop(read, key, place, "is empty", notes)
        elif not isinstance(word, str):
            _drop(read, key, place, "is no text", notes)
        elif len(word) > _MAX_WORD:
            _drop(read, key, place, f"has more than {_MAX_WORD} characters", notes)


def _flags(read: dict[str, Any], keys: tuple[str, ...], place: str, notes: list[str]) -> None:
    for key in keys:
        sent = read.get(key, False)
        if isinstance(sent, bool):
            continue
        meant = _FLAG_WORDS.get(sent.lower() if isinstance(sent, str) else _shown(sent))
        if meant is None:
            _drop(read, key, place, "is neither true nor false", notes)
        else:
            read[key] = meant
            notes.append(_note(place + key, sent, "stands for a word", str(meant).lower()))


def _drop(read: dict[str, Any], key: str, place: str, why: str, notes: list[str]) -> None:
    notes.append(_note(place + key, read.pop(key), why, None))


def _note(name: str, sent: Any, why: str, value: Any) -> str:
    meaning = "not given" if value is None else value
    return f"{name}: {_shown(sent)} {why}; read as {meaning}"


def _shown(value: Any) -> str:
    if isinstance(value, int) and value.bit_length() > _MAX_BITS_SHOWN:
        return f"a number of {value.bit_length()} bits"
    if isinstance(value, dict | list):
        return "a list" if isinstance(value, list) else "an object"
    shown = repr(value[:_MAX_SHOWN]) if isinstance(value, str) else repr(value)
    return shown if len(shown) <= _MAX_SHOWN else f"{shown[:_MAX_SHOWN]}…"
