"""What is wrong with a value, in the words of people and not of the library that noticed."""

from __future__ import annotations

import re

import msgspec

_TYPES = {
    "float": "a number",
    "int": "a whole number",
    "bool": "true or false",
    "str": "text",
    "object": "a table",
    "array": "a list",
    "null": "nothing",
}
_COMPARED = {
    ">=": "of at least",
    "<=": "of at most",
    ">": "greater than",
    "<": "less than",
}
_UNITS = {"text": "characters", "a list": "entries"}

_BOUND = re.compile(r"Expected `([^`]*)` (of length )?(>=|<=|>|<) (-?[0-9.e+]+)")
_TYPE = re.compile(r"Expected `([^`]*)`, got `([^`]*)`")
_PATTERN = re.compile(r"Expected `([^`]*)` matching regex '(.*)'", re.DOTALL)
_MISSING = re.compile(r"Object missing required field `([^`]*)`")
_CHOICE = re.compile(r"Invalid (?:enum )?value '?(.*?)'?", re.DOTALL)

_PATTERNS = {
    "^[A-Za-z0-9]+$": "letters and digits only",
    "^[0-9a-fA-F]{64}$": "64 hexadecimal digits",
}


def complaint(error: msgspec.ValidationError) -> str:
    """Where it is and what is wrong: ``source.files[0].role: expected text, got null``."""
    place, words = place_of(error), in_words(error)
    return f"{place}: {words}" if place else words


def in_words(error: msgspec.ValidationError) -> str:
    """What was expected and what came: ``expected a whole number of at least 1``."""
    said = str(error).rpartition(" - at `")[0] or str(error)
    if found := _BOUND.fullmatch(said):
        kinds = _kinds(found[1])
        unit = f" {_UNITS.get(kinds, 'entries')}" if found[2] else ""
        return f"expected {kinds} {_COMPARED[found[3]]} {_number(found[4])}{unit}"
    if found := _TYPE.fullmatch(said):
        return f"expected {_kinds(found[1])}, got {_kinds(found[2])}"
    if found := _PATTERN.fullmatch(said):
        return f"expected {_PATTERNS.get(found[2], f'{_kinds(found[1])} of another form')}"
    if found := _MISSING.fullmatch(said):
        return f"'{found[1]}' is missing"
    if found := _CHOICE.fullmatch(said):
        return f"'{found[1]}' is none of the known ones"
    text = re.sub(r"`([^`]*)`", lambda match: _kinds(match[1]), said)
    return text[:1].lower() + text[1:]


def place_of(error: msgspec.ValidationError) -> str:
    """Where in the data it is: ``source.files[0].role``; empty for the whole of it."""
    place = str(error).rpartition(" - at `")[2].rstrip("`") if " - at `" in str(error) else ""
    return place.removeprefix("$").removeprefix(".")


def _kinds(types: str) -> str:
    kinds = [part for part in types.split(" | ") if part != "null"] or ["null"]
    return " or ".join(_TYPES.get(kind, kind) for kind in kinds)


def _number(text: str) -> str:
    return text.removesuffix(".0")
