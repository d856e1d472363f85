"""The one place that takes secrets out of whatever leaves the process as text.

Every :class:`~studio_worker_core.secrets.Secret` makes itself known here, so none can be
forgotten. Log handlers, shipped logs, errors on the terminal, the status and the texts of
frames all go through :func:`without_secrets`.
"""

from __future__ import annotations

import re
import threading

_HIDDEN = "***"
_SHORTEST = 8
"""Anything shorter is no credential, and hiding it would eat ordinary words."""
_LONGEST_KEPT = 8192
"""Characters of a text that is remembered with what became of it."""
_MOST = 32
"""A process holds a handful of credentials; the one not used for longest goes beyond so many."""
_BETWEEN = (
    r"(?:[\s\x00-\x1f\x7f]|\x1b\[[0-9;]*[A-Za-z]|\\+[nrt]"
    r"|\\+x[01][0-9a-fA-F]|\\+u00[01][0-9a-fA-F])*"
)
"""What a terminal, a wrapped line or an escaped one may put between two characters."""


class Redaction:
    """Texts to hide, in every spelling that reads as the same text: plain, percent-encoded,
    as JSON or Python escapes, and broken over lines. Safe to use from any thread."""

    def __init__(self, shortest: int = _SHORTEST) -> None:
        self._shortest = shortest
        self._lock = threading.Lock()
        self._texts: tuple[str, ...] = ()
        self._pattern: tuple[tuple[str, ...], re.Pattern[str]] | None = None
        self._last: tuple[tuple[str, ...], str, str] | None = None

    def hide(self, text: str) -> None:
        """Hide ``text`` from now on; one too short to be a secret is ignored. Cheap: nothing is
        compiled before the next :meth:`clean`. Beyond a bound the one goes that was not hidden
        for longest, so whoever uses a secret hides it again."""
        if len(text) < self._shortest or text in self._texts[-_MOST // 2 :]:
            return
        with self._lock:
            others = tuple(each for each in self._texts if each != text)
            self._texts = (*others[1 - _MOST :], text)

    def clean(self, text: str) -> str:
        """``text`` with ``***`` for each secret, also for the start of one at its very end,
        where something else has cut it. The cost grows with the text and the secrets."""
        secrets, last = self._texts, self._last
        if not secrets:
            return text
        # A log line goes to several places, which ask one after another.
        if last is not None and last[0] is secrets and last[1] == text:
            return last[2]
        cleaned = self._cleaned(secrets, text)
        if len(text) <= _LONGEST_KEPT:
            self._last = secrets, text, cleaned
        return cleaned

    def _cleaned(self, secrets: tuple[str, ...], text: str) -> str:
        text = self._pattern_of(secrets).sub(_HIDDEN, text)
        for secret in secrets:
            if secret[:_SHORTEST] not in text[-len(secret) :]:
                continue
            for length in range(min(len(secret), len(text) + 1) - 1, _SHORTEST - 1, -1):
                if text.endswith(secret[:length]):
                    return text[:-length] + _HIDDEN
        return text

    def _pattern_of(self, secrets: tuple[str, ...]) -> re.Pattern[str]:
        known = self._pattern
        if known is not None and known[0] is secrets:
            return known[1]
        # The longest first, so that a secret inside another leaves no rest behind.
        ordered = sorted(secrets, key=len, reverse=True)
        pattern = re.compile("|".join(_spellings(each) for each in ordered))
        self._pattern = secrets, pattern
        return pattern


def _spellings(secret: str) -> str:
    return _BETWEEN.join(_spelling(char) for char in secret)


def _spelling(char: str) -> str:
    code = ord(char)
    percent = "".join(f"%(?i:{byte:02x})" for byte in char.encode("utf-8", "surrogatepass"))
    ways = [percent, re.escape(char)]
    if code <= 0xFFFF:
        ways.append(rf"\\+u(?i:{code:04x})")
    if code <= 0xFF:
        ways.append(rf"\\+x(?i:{code:02x})")
    if char in "\"\\/'":
        ways.insert(0, rf"\\+{re.escape(char)}")
    return f"(?:{'|'.join(ways)})"


_known = Redaction()
hide = _known.hide
without_secrets = _known.clean
