"""The speaker, the language and the pace of a job, out of what the model has."""

from __future__ import annotations

import difflib
from collections.abc import Sequence

from studio_worker_core.plugin import InvalidTask
from studio_worker_tts.sentences import checked_speed

_SHOWN = 12


def speaker_for(voice: str, speakers: Sequence[str]) -> str | None:
    """The speaker for ``voice``: ``default`` is the first; None for a model with one voice.

    Raises:
        InvalidTask: the model has no such speaker.
    """
    if voice in ("", "default"):
        return speakers[0] if speakers else None
    if not speakers:
        raise InvalidTask(
            f"this model has one voice and none named '{voice[:100]}'; leave voice out, or say "
            "'default'"
        )
    found = _matching(voice, speakers)
    if found is None:
        raise InvalidTask(
            f"this model has no speaker '{voice[:100]}'; {_near(voice, speakers, 'speakers')}"
        )
    return found


def language_for(language: str | None, languages: Sequence[str], own: str | None) -> str | None:
    """The language to pass on: absent is the first; None for a model of one language.

    A model of one language takes that language's name (``own``) and no other.

    Raises:
        InvalidTask: the model does not speak it.
    """
    if not languages:
        if language and own and _base(language) != _base(own):
            raise InvalidTask(f"this model speaks '{own}', not '{language[:50]}'")
        return None
    if not language:
        return languages[0]
    found = _matching(language, languages)
    if found is None:
        # A region is a wish: en-GB is spoken by a model that has en, and the other way round.
        found = next((name for name in languages if _base(name) == _base(language)), None)
    if found is None:
        raise InvalidTask(
            f"this model does not speak '{language[:50]}'; "
            f"{_near(language, languages, 'languages')}"
        )
    return found


def pace_for(speed: float | None, *, adjustable: bool) -> float:
    """The factor of the pace, 1 for the voice's own.

    Raises:
        InvalidTask: too slow or too fast, or the architecture has no such control.
    """
    factor = checked_speed(speed)
    if factor != 1.0 and not adjustable:
        raise InvalidTask(
            f"this model cannot change its pace, so speed {factor:g} cannot be served; leave "
            "speed out, or use a VITS, Glow-TTS, FastPitch or XTTS model"
        )
    return factor


def _matching(name: str, names: Sequence[str]) -> str | None:
    """Exactly, else the one that differs in case or space alone (real names end in newlines)."""
    if name in names:
        return name
    wanted = name.strip().casefold()
    alike = [one for one in names if one.strip().casefold() == wanted]
    return alike[0] if len(alike) == 1 else None


def _near(name: str, names: Sequence[str], what: str) -> str:
    near = difflib.get_close_matches(name, names, n=3, cutoff=0.5)
    if near:
        return "did you mean " + " or ".join(f"'{one.strip()}'" for one in near) + "?"
    more = len(names) - _SHOWN
    listed = ", ".join(one.strip() for one in names[:_SHOWN])
    return f"its {what} are {listed}" + (f" and {more} more" if more > 0 else "")


def _base(language: str) -> str:
    return language.replace("_", "-").split("-")[0].casefold()
