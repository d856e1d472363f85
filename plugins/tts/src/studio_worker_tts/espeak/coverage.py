"""What a voice can say, found out by asking for its phonemes.

Of a letter it does not know the library says the script ("Chinese letter"), or spells the
number; of many signs nothing. Neither is reading the text.
"""

from __future__ import annotations

import functools
import re
import unicodedata
from collections.abc import Callable

from studio_worker_tts.units import is_mute, other_forms, parts_of_emoji, units

_LANGUAGE_SWITCH = re.compile(r"\([a-z-]+\)")
_STRESS_AND_PAUSES = re.compile(r"[',_|:!;\s]")
_SPELLED_NUMBER = re.compile(r"_\|.+_\|.+_:[_|]*$")
"""A character read as its hexadecimal number: digits with pauses, and one at the end."""
_FAR_AND_NEAR = (-37, -17, -2, -1, 1, 2, 17, 37)
_ONLY_NAMED = (("\U00020042", "\U00020123", "\U0002a6d0"), ("\u30fc", "\u301c"))
"""Where these sound alike, what sounds so is told by its script's name."""
_MINUS = re.compile(r"(?<![\w.,)\]%°-])[-\u2010-\u2013](?=[.,]?\d)")
_CONTEXT = 12
"""Characters on both sides that decide whether a sign is read."""


class Coverage:
    """The reach of one voice; ``phonemes`` asks the library, with that voice selected."""

    def __init__(self, phonemes: Callable[[str], str]) -> None:
        self._phonemes = functools.cache(phonemes)
        self._readings: dict[str, str] = {}

    def sayable(self, text: str) -> tuple[str, list[str], bool]:
        """What the voice can say of plain ``text``, what it cannot, and whether anything is said.

        What is known under another form (full width, another script's digits, a joined emoji)
        is put in the form that the voice knows.
        """
        text = self._with_minus(text)
        kept: list[str] = []
        out: list[str] = []
        says = False
        position = 0
        for unit in units(text):
            end = position + len(unit)
            if is_mute(unit):
                kept.append(unit)
            else:
                reading = self._reading(unit)
                if not reading and self._is_heard(text, position, end):
                    reading = unit  # silent alone, but it changes its word
                elif reading == unit and self._is_sign(unit):
                    reading = self._set_apart(text, position, end)
                kept.append(reading or " ")
                says = says or bool(reading)
                if not reading:
                    out.append(unit)
            position = end
        return "".join(kept), out, says

    def _with_minus(self, text: str) -> str:
        """A hyphen before a number as the sign it stands for, where only that is read."""
        if self._sounds("-5") != self._sounds("5"):
            return text
        return _MINUS.sub("\u2212", text)

    def _reading(self, unit: str) -> str:
        """The unit, or another form of it that the voice knows; empty when there is none."""
        found = self._readings.get(unit)
        if found is None:
            forms = [unit, *other_forms(unit)]
            found = next((form for form in forms if self._knows(form)), "")
            parts = parts_of_emoji(unit)
            if not found and all(map(self._knows, parts)):
                found = " ".join(["", *parts, ""]) if parts else ""
            self._readings[unit] = found
        return found

    def _knows(self, form: str) -> bool:
        if form.isascii() and form.isdigit():
            return True
        sounds = self._sounds(form)
        if form.isascii() or not sounds:
            return bool(sounds)
        if _SPELLED_NUMBER.search(_LANGUAGE_SWITCH.sub("", self._phonemes(form))):
            return False
        named = any({self._sounds(one) for one in alike} == {sounds} for alike in _ONLY_NAMED)
        return not named and not any(self._is_just_named(c, sounds) for c in form)

    def _is_just_named(self, character: str, sounds: str) -> bool:
        """Whether all the letters around it sound the same: then the script was named."""
        script = _script(character)
        if self._sounds(character) != sounds or not script:
            return False
        around = [chr((ord(character) + step) % 0x110000) for step in _FAR_AND_NEAR]
        alike = [one for one in around if _script(one) == script]
        same = [self._sounds(one) == sounds for one in alike]
        return len(same) > 1 and all(same)

    def _is_heard(self, text: str, start: int, end: int) -> bool:
        """Whether a letter that says nothing alone, like a small kana, changes its word."""
        if unicodedata.category(text[start])[0] != "L":
            return False
        before, after = _context(text, start, end)
        whole = self._sounds(before + text[start:end] + after)
        alone = self._sounds(text[start:end])
        return whole != self._sounds(before + after) and not (alone and alone in whole)

    def _set_apart(self, text: str, start: int, end: int) -> str:
        """The sign, with spaces around where it is swallowed without; empty when it always is."""
        unit = text[start:end]
        before, after = _context(text, start, end)
        without = self._sounds(f"{before} {after}")
        for form in (unit, f" {unit} "):
            if self._sounds(before + form + after) != without:
                return form
        return ""

    @staticmethod
    def _is_sign(unit: str) -> bool:
        return unicodedata.category(unit[0])[0] in "SP"

    def _sounds(self, text: str) -> str:
        return _STRESS_AND_PAUSES.sub("", _LANGUAGE_SWITCH.sub("", self._phonemes(text)))


def _context(text: str, start: int, end: int) -> tuple[str, str]:
    before = text[max(0, start - _CONTEXT) : start]
    after = text[end : end + _CONTEXT]
    return re.split(r"\s", before)[-1], re.split(r"\s", after)[0]


@functools.lru_cache(4096)
def _script(character: str) -> str:
    if unicodedata.category(character)[0] not in "LNS":
        return ""
    return unicodedata.name(character, "").split(" ")[0]
