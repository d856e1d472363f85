"""How fast espeak-ng speaks."""

from __future__ import annotations

from collections.abc import Callable

from studio_worker_tts.sentences import checked_speed

_WORDS_PER_MINUTE = 175
_SLOWEST_RATE = 80
"""espeak-ng stretches no further; it speaks up to 900 words a minute."""

SLOWEST = _SLOWEST_RATE / _WORDS_PER_MINUTE


def rate_for(speed: float | None, tell: Callable[[str], None]) -> int:
    """Words a minute for a factor of the voice's own pace.

    ``tell`` hears of a speed that is slower than the voice can speak, and which is used.

    Raises:
        InvalidTask: outside 0.25 to 4.
    """
    factor = checked_speed(speed)
    if factor < SLOWEST:
        tell(f"espeak-ng speaks no slower than speed {SLOWEST:.2f}: used instead of {factor:g}")
    return max(round(_WORDS_PER_MINUTE * factor), _SLOWEST_RATE)
