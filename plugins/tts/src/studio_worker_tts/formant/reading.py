"""English text with signs, sums of money, units and abbreviations as plain words."""

from __future__ import annotations

import re
import unicodedata

from studio_worker_tts.abbreviations import SHORT, TITLES
from studio_worker_tts.formant.signs import CURRENCIES, FRACTIONS, LIGATURES, SIGNS, UNITS
from studio_worker_tts.units import is_mute, parts_of_emoji, units

_NUMBER = r"\d+(?:\.\d+)?"
_MONEY = "[" + re.escape("".join(CURRENCIES)) + "]"
_THOUSANDS = re.compile(r"(?<![\d.,])\d{1,3}(?:,\d{3})+(?![\d,])")
_LEADING_POINT = re.compile(r"(?<![\w.])\.(?=\d)")
_MINUS = re.compile(rf"(?<![\w.)\]%°-])[-\u2010-\u2013\u2212]\s?(?={_MONEY}?\d)")
_BETWEEN = re.compile(r"(?<=\d) [-\u2012\u2013\u2212] (?=\d)|(?<=\d)\u2212(?=\d)")
_TIMES = re.compile(r"(?<=\d)\s?[*x]\s?(?=\d)")
_EMPHASIS = re.compile(r"\*+(?=\w)|(?<=\w)\*+|\*{2,}")
_SCALES = {"k": "thousand", "m": "million", "bn": "billion", "b": "billion"}
_SCALE = r"(?:\s?(k|m|bn?|thousand|million|billion|trillion)\b)?"
_MONEY_FIRST = re.compile(rf"({_MONEY})\s?({_NUMBER}){_SCALE}", re.IGNORECASE)
_MONEY_LAST = re.compile(rf"({_NUMBER})\s?({_MONEY})")
_SIGN_INSIDE = re.compile(rf"({_MONEY})([-\u2212])(?=\d)")
_COMMA_FIRST = re.compile(rf"(?<={_MONEY})(\d+),(\d\d)(?!\d)")
_COMMA_LAST = re.compile(rf"(?<![\d,])(\d+),(\d\d?)(?=\s?{_MONEY})")
_UNIT = re.compile(
    rf"(?<![\w.])({_NUMBER})\s?("
    + "|".join(re.escape(unit) for unit in sorted(UNITS, key=len, reverse=True))
    + r")(?![\w²³/])(?:\.(?=\s+(?-i:[a-z\d])))?",
    re.IGNORECASE,
)
_UNIT_ALONE = re.compile(
    r"(?<![\w.])(km/h|mph|km|kg|cm|mm|mg|ml|lbs|kwh|[kmg]?hz)\b", re.IGNORECASE
)
_HASH = re.compile(r"#(?=\d)")
_SHORT_WORD = re.compile(
    r"(?<![\w.])(" + "|".join(re.escape(one) for one in [*TITLES, *SHORT]) + r")\.(?!\w)(\s*)(\w?)",
    re.IGNORECASE,
)
_NEEDS_A_NUMBER = frozenset({"no", "nos", "fig", "vol", "ch", "p", "pp", "ext", "hr", "hrs", "sec"})
_AS_WORDS = frozenset(
    {"no", "mar", "al", "max", "mon", "wed", "sat", "sun", "fig", "rep", "p", "min"}
)
_LATIN = re.compile(r"LATIN (?:SMALL|CAPITAL) LETTER ([A-Z]{1,2})(?: WITH .*)?$")


def readable(text: str) -> tuple[str, list[str], bool]:
    """Plain ``text`` in letters, digits and punctuation that English rules can read, what
    they cannot, and whether anything is left to say."""
    text = _with_abbreviations(_with_numbers(text))
    kept: list[str] = []
    out: list[str] = []
    says = False
    for unit in units(text):
        words = unit if unit.isascii() and unit.isalnum() else _spoken(unit)
        if words is None:
            out.append(unit)
            kept.append(" ")
        else:
            kept.append(words)
            says = says or any(character.isalnum() for character in words)
    return "".join(kept), out, says


def _with_abbreviations(text: str) -> str:
    return _SHORT_WORD.sub(_whole_word, text)


def _whole_word(found: re.Match[str]) -> str:
    short, space, after = found.group(1), found.group(2), found.group(3)
    key = short.lower()
    if key in _NEEDS_A_NUMBER and not after.isdigit():
        return found.group()
    if key in _AS_WORDS and not (after.isdigit() or short[0].isupper()):
        return found.group()
    if key in TITLES:
        return TITLES[key] + (space or " ") + after if after else found.group()
    ends = not after or after.isupper() or "\n" in space
    return SHORT[key] + ("." if ends else "") + space + after


def _with_numbers(text: str) -> str:
    text = _LEADING_POINT.sub("0.", text)
    text = _THOUSANDS.sub(lambda found: found.group().replace(",", ""), text)
    text = _BETWEEN.sub(" minus ", text)
    text = _MINUS.sub(" minus ", _SIGN_INSIDE.sub(r"\2\1", text))
    text = _HASH.sub(" number ", text)
    text = _COMMA_LAST.sub(r"\1.\2", _COMMA_FIRST.sub(r"\1.\2", text))
    text = _MONEY_FIRST.sub(lambda m: _money(m.group(1), m.group(2), m.group(3)), text)
    text = _MONEY_LAST.sub(lambda m: _money(m.group(2), m.group(1), None), text)
    text = _UNIT.sub(_unit, text)
    text = _UNIT_ALONE.sub(_unit_alone, text)
    return _EMPHASIS.sub(" ", _TIMES.sub(" times ", text))


def _unit(found: re.Match[str]) -> str:
    number, unit = found.group(1), found.group(2).lower()
    rest = found.string[found.end() :]
    if unit == "in" and rest[:1].isspace() and not found.group().endswith("."):
        return found.group()  # the word: "5 in the morning"
    return f"{number} {UNITS[unit][number != '1']}"


def _unit_alone(found: re.Match[str]) -> str:
    one, several = UNITS[found.group().lower()]
    return one if found.string[: found.start()].lower().endswith("per ") else several


def _money(sign: str, amount: str, scale: str | None) -> str:
    one, several, hundredths = CURRENCIES[sign]
    if scale is not None:
        return f" {amount} {_SCALES.get(scale.lower(), scale)} {several} "
    whole, _, fraction = amount.partition(".")
    if not hundredths or len(fraction) != 2:
        return f" {amount} {one if amount == '1' else several} "
    parts = [f"{whole} {one if whole == '1' else several}"] if int(whole) else []
    if int(fraction):
        parts.append(f"{int(fraction)} {hundredths}")
    return f" {' and '.join(parts) or f'0 {several}'} "


def _spoken(unit: str) -> str | None:
    """One unit in ASCII; None when there are no English words for it."""
    first = unit[0]
    if first in CURRENCIES:
        return f" {CURRENCIES[first][1]} "
    for known in (SIGNS, FRACTIONS):
        if first in known:
            return f" {known[first]} "
    if is_mute(unit):
        return _punctuation(first)
    letters = _latin(unit)
    if letters is not None:
        return letters
    parts = parts_of_emoji(unit)
    if parts:
        said = [_spoken(part) for part in parts]
        return None if any(one is None for one in said) else " ".join(one or "" for one in said)
    return _named(first)


def _punctuation(character: str) -> str:
    if character.isascii():
        return character
    shape = unicodedata.normalize("NFKC", character)
    return {"\u2019": "'", "\u3002": ".", "\uff01": "!", "\uff1f": "?"}.get(
        character, shape if shape.isascii() else " "
    )


def _latin(unit: str) -> str | None:
    """Letters and digits of the English alphabet that stand for ``unit``."""
    value = unicodedata.decimal(unit[0], None)
    if value is not None:
        return str(value)
    apart = unicodedata.normalize("NFKD", unit)
    letters = ""
    for character in apart:
        if unicodedata.category(character)[0] == "M":
            continue
        named = _LATIN.match(unicodedata.name(character, ""))
        if character.isascii() and character.isalnum():
            letters += character
        elif character.lower() in LIGATURES:
            letters += LIGATURES[character.lower()]
        elif named is not None:
            letters += named.group(1).lower()
        else:
            return None
    return letters or None


def _named(character: str) -> str | None:
    """The Unicode name of a sign or picture."""
    if unicodedata.category(character)[0] != "S":
        return None
    name = unicodedata.name(character, "")
    if name.startswith("REGIONAL INDICATOR"):
        return f" {name[-1].lower()} "
    words = re.sub(r"[^A-Z0-9]+", " ", name).lower().removesuffix(" sign")
    return f" {words} " if words.strip() else None
