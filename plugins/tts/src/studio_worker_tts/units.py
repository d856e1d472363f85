"""Text as the units that are read as one: a letter with its marks, an emoji with its parts."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator

_JOINER = "\u200d"
_VARIATIONS = "\ufe0e\ufe0f"
_MEANT = frozenset("%‰&#@§*/\\†‡")
"""Unicode counts these as punctuation, but they are read."""


def units(text: str) -> Iterator[str]:
    """The units of ``text`` in order; joined they are ``text`` again."""
    start = 0
    while start < len(text):
        end = _end_of_unit(text, start)
        yield text[start:end]
        start = end


def parts_of_emoji(unit: str) -> list[str]:
    """The pictures of a joined emoji; empty when it is one."""
    parts = [part.strip(_VARIATIONS) for part in unit.split(_JOINER)]
    if len(parts) == 1:
        parts = [one for one in unit if one not in _VARIATIONS]
    return [part for part in parts if part] if len(parts) > 1 else []


def is_mute(unit: str) -> bool:
    """Whether nobody expects to hear it: space, punctuation, a mark that follows nothing."""
    first = unit[0]
    kind = unicodedata.category(first)
    return first not in _MEANT and (kind[0] in "ZPCM" or first.isspace() or kind in ("Sk", "Lm"))


def other_forms(unit: str) -> list[str]:
    """What else may stand for it: in plain width, with ASCII digits, without its marks."""
    forms = [unicodedata.normalize("NFKC", unit)]
    forms.append("".join(_digit(character) for character in unit))
    plain = "".join(c for c in unicodedata.normalize("NFKD", unit) if not unicodedata.combining(c))
    return [form for form in (*forms, plain) if form.strip() and form != unit]


def _end_of_unit(text: str, start: int) -> int:
    end = start + 1
    if _is_flag_letter(text[start]) and end < len(text) and _is_flag_letter(text[end]):
        return end + 1
    while end < len(text):
        character = text[end]
        if character == _JOINER and end + 1 < len(text) and _is_picture(text[start]):
            end += 2
        elif _continues(character):
            end += 1
        else:
            break
    return end


def _continues(character: str) -> bool:
    kind = unicodedata.category(character)
    return kind[0] == "M" or character in "\u200c\u200d" or _is_skin(character)


def _is_picture(character: str) -> bool:
    return unicodedata.category(character) in ("So", "Sk")


def _is_skin(character: str) -> bool:
    return "\U0001f3fb" <= character <= "\U0001f3ff"


def _is_flag_letter(character: str) -> bool:
    return "\U0001f1e6" <= character <= "\U0001f1ff"


def _digit(character: str) -> str:
    value = unicodedata.decimal(character, None)
    return character if value is None else str(value)
