"""What each phoneme sounds like: formants, noise, loudness and length.

Formant frequencies are textbook averages of an adult voice (Peterson and Barney 1952, and the
targets Klatt 1980 gives for consonants).
"""

from __future__ import annotations

from msgspec import Struct

Formants = tuple[float, float, float]


class Sound(Struct, frozen=True):
    """One phoneme. Frequencies in hertz, lengths in seconds, loudness 0 to 1."""

    start: Formants
    end: Formants
    """Same as ``start`` except in a diphthong."""
    length: float
    voice: float = 0.0
    noise: float = 0.0
    noise_at: float = 0.0
    """Middle of the noise band; 0 shapes the noise by the formants (breath)."""
    noise_width: float = 1000.0
    closure: float = 0.0
    """Silence before the burst of a stop."""
    is_vowel: bool = False


def _vowel(length: float, *targets: Formants) -> Sound:
    return Sound(targets[0], targets[-1], length, voice=1.0, is_vowel=True)


def _sonorant(formants: Formants, length: float, voice: float) -> Sound:
    return Sound(formants, formants, length, voice=voice)


def _hiss(
    formants: Formants, length: float, at: float, width: float, noise: float, voice: float = 0.0
) -> Sound:
    return Sound(formants, formants, length, voice, noise, at, width)


def _stop(formants: Formants, at: float, width: float, noise: float, voice: float) -> Sound:
    return Sound(
        *(formants, formants, 0.035 if voice else 0.055, voice, noise, at, width),
        closure=0.045 if voice else 0.06,
    )


_IY, _UW, _AA, _OW = (
    (270.0, 2290.0, 3010.0),
    (300.0, 870.0, 2240.0),
    (730.0, 1090.0, 2440.0),
    (*(480.0, 900.0, 2400.0),),
)
_LIPS, _TEETH, _PALATE = (300.0, 900.0, 2300.0), (320.0, 1700.0, 2600.0), (300.0, 2000.0, 2500.0)

SOUNDS: dict[str, Sound] = {
    "IY": _vowel(0.12, _IY),
    "IH": _vowel(0.09, (390.0, 1990.0, 2550.0)),
    "EH": _vowel(0.10, (530.0, 1840.0, 2480.0)),
    "AE": _vowel(0.13, (660.0, 1720.0, 2410.0)),
    "AA": _vowel(0.13, _AA),
    "AO": _vowel(0.13, (570.0, 840.0, 2410.0)),
    "UH": _vowel(0.09, (440.0, 1020.0, 2240.0)),
    "UW": _vowel(0.12, _UW),
    "AH": _vowel(0.08, (620.0, 1190.0, 2390.0)),
    "ER": _vowel(0.12, (490.0, 1350.0, 1690.0)),
    "EY": _vowel(0.14, (480.0, 2000.0, 2550.0), _IY),
    "AY": _vowel(0.16, _AA, _IY),
    "OY": _vowel(0.16, (570.0, 840.0, 2410.0), _IY),
    "AW": _vowel(0.16, _AA, _UW),
    "OW": _vowel(0.14, _OW, _UW),
    "W": _sonorant((300.0, 610.0, 2200.0), 0.06, 0.7),
    "Y": _sonorant((260.0, 2070.0, 3020.0), 0.05, 0.7),
    "R": _sonorant((310.0, 1060.0, 1380.0), 0.06, 0.7),
    "L": _sonorant((310.0, 1050.0, 2880.0), 0.06, 0.7),
    "M": _sonorant((280.0, 1000.0, 2200.0), 0.07, 0.45),
    "N": _sonorant((280.0, 1600.0, 2600.0), 0.06, 0.45),
    "NG": _sonorant((280.0, 2100.0, 2500.0), 0.07, 0.45),
    "F": _hiss(_LIPS, 0.10, 4500.0, 3500.0, 0.10),
    "V": _hiss(_LIPS, 0.07, 4500.0, 3500.0, 0.05, 0.4),
    "TH": _hiss(_TEETH, 0.10, 5500.0, 3000.0, 0.08),
    "DH": _hiss(_TEETH, 0.05, 5500.0, 3000.0, 0.04, 0.5),
    "S": _hiss(_TEETH, 0.11, 6000.0, 1500.0, 0.32),
    "Z": _hiss(_TEETH, 0.08, 6000.0, 1500.0, 0.18, 0.35),
    "SH": _hiss(_PALATE, 0.11, 3200.0, 1200.0, 0.34),
    "ZH": _hiss(_PALATE, 0.08, 3200.0, 1200.0, 0.18, 0.35),
    "HH": Sound((500.0, 1500.0, 2500.0), (500.0, 1500.0, 2500.0), 0.06, noise=0.22),
    "P": _stop(_LIPS, 1200.0, 1500.0, 0.20, 0.0),
    "B": _stop(_LIPS, 1000.0, 1500.0, 0.10, 0.5),
    "T": _stop(_TEETH, 4500.0, 1800.0, 0.30, 0.0),
    "D": _stop(_TEETH, 4200.0, 1800.0, 0.14, 0.5),
    "K": _stop(_PALATE, 2200.0, 1000.0, 0.28, 0.0),
    "G": _stop(_PALATE, 2100.0, 1000.0, 0.14, 0.5),
    "CH": Sound(_PALATE, _PALATE, 0.09, 0.0, 0.34, 3400.0, 1300.0, closure=0.05),
    "JH": Sound(_PALATE, _PALATE, 0.07, 0.4, 0.20, 3200.0, 1300.0, closure=0.04),
}
