"""Which voice a task means."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable

from studio_worker_core.plugin import InvalidTask
from studio_worker_tts.espeak.library import Voice

_DEFAULT = "en-us"
_USUAL_REGION = {"en": "en-us", "pt": "pt-br", "zh": "cmn", "no": "nb", "fr": "fr-fr"}


def choose_voice(
    voices: Iterable[Voice], variants: Collection[str], *, voice: str, language: str | None
) -> str:
    """What the library is given: a voice's identifier, ``+variant`` behind it.

    ``voice`` is a name, an identifier, a language code or ``default``, with an optional
    ``+variant``; ``default`` takes the voice of ``language``.

    Raises:
        InvalidTask: no such voice, language or variant; names the near ones.
    """
    known = _by_key(voices)
    base, plus, variant = voice.partition("+")
    if plus and variant not in variants:
        raise InvalidTask(_unknown("voice variant", variant, variants))
    if base.strip().lower() not in ("", "default"):
        return _find(known, base, "voice") + plus + variant
    return _find(known, language or _DEFAULT, "language") + plus + variant


def _by_key(voices: Iterable[Voice]) -> dict[str, str]:
    known: dict[str, str] = {}
    for voice in voices:
        keys = (voice.name, voice.identifier, voice.identifier.rpartition("/")[2])
        for key in (*keys, *voice.languages):
            known.setdefault(key.lower(), voice.identifier)
    return known


def _find(known: dict[str, str], wanted: str, what: str) -> str:
    key = wanted.strip().lower().replace("_", "-")
    spaced = wanted.strip().lower()
    for candidate in (_USUAL_REGION.get(key, key), key, spaced, key.partition("-")[0]):
        if candidate in known:
            return known[candidate]
    raise InvalidTask(_unknown(what, wanted, known))


def _unknown(what: str, wanted: str, known: Collection[str]) -> str:
    near = difflib.get_close_matches(wanted.lower(), sorted(known), n=4, cutoff=0.5)
    hint = f"; near it: {', '.join(near)}" if near else ""
    return f"espeak-ng has no {what} {wanted[:80]!r}{hint}"
