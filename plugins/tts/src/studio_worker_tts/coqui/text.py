"""The text of a task as the library may see it."""

from __future__ import annotations

from collections.abc import Callable

from studio_worker_tts.units import is_mute, other_forms, units

_BRACKETS = str.maketrans("[]", "()")


def without_commands(text: str) -> str:
    """Plain ``text`` with round brackets for square ones.

    XTTS takes ``[STOP]`` and its like for tokens of its own, and the program espeak-ng what is
    in double square brackets for phonemes.
    """
    return text.translate(_BRACKETS)


def sayable(text: str, can_say: Callable[[str], bool]) -> tuple[str, list[str], bool]:
    """What a model with the alphabet ``can_say`` speaks of plain ``text``, what it does not,
    and whether anything is said."""
    kept: list[str] = []
    out: list[str] = []
    says = False
    known: dict[str, str] = {}
    for unit in units(text):
        if unit not in known:
            forms = [unit, *other_forms(unit)]
            known[unit] = unit if is_mute(unit) else next(filter(can_say, forms), "")
        kept.append(known[unit] or " ")
        if not known[unit]:
            out.append(unit)
        elif not is_mute(unit):
            says = True
    return "".join(kept), out, says
