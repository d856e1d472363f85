"""espeak-ng's C library, as bundled by ``espeakng-loader``.

All its state is global: one instance per process, one thread at a time.
"""

from __future__ import annotations

import _ctypes
import atexit
import ctypes
import functools
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

import espeakng_loader
from msgspec import Struct

from studio_worker_core.plugin import EngineFailed

_SYNCHRONOUS = 2
_DONT_EXIT = 0x8000
_POSITION_CHARACTER = 1
_UTF8 = 1
_END_PAUSE = 0x1000
_RATE = 1
_COMMANDS = "\x7f\u0530\u0557"
"""Unassigned characters that the library has a use of its own for."""
_LONGEST_HOME = 140
"""espeak-ng copies the path of its data into 160 bytes, with a file name behind it."""


class Voice(Struct, frozen=True):
    """One installed voice."""

    name: str
    identifier: str
    """Path below the voices directory; what the library is given."""
    languages: tuple[str, ...]


class _CVoice(ctypes.Structure):
    _fields_ = (
        ("name", ctypes.c_char_p),
        ("languages", ctypes.c_void_p),
        ("identifier", ctypes.c_char_p),
        ("gender", ctypes.c_ubyte),
        ("age", ctypes.c_ubyte),
        ("variant", ctypes.c_ubyte),
        ("unused1", ctypes.c_ubyte),
        ("score", ctypes.c_int),
        ("unused2", ctypes.c_void_p),
    )


_Callback = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p
)


class EspeakLibrary:
    """The library, initialised. :meth:`speak` gives 16-bit mono samples, ``sample_rate`` a
    second."""

    sample_rate: int

    def __init__(self) -> None:
        self._home = self._short_home(Path(espeakng_loader.get_data_path()).parent)
        self._pcm = bytearray()
        self._is_cancelled: Callable[[], bool] = lambda: False
        self._callback = _Callback(self._on_audio)  # must outlive the library's use of it
        self._library = self._opened()

    def restart(self) -> None:
        """Unload the library and load it again, in about 10 ms.

        What it spoke before leaves its mark on what it speaks next, and only fresh static
        memory takes that away: then the same text gives the same samples.
        """
        self.close()
        self._library = self._opened()

    def close(self) -> None:
        """Unload the library; only :meth:`restart` may follow."""
        self._library.espeak_Terminate()
        unload = getattr(_ctypes, "dlclose", None) or getattr(_ctypes, "FreeLibrary", None)
        if unload is not None:
            unload(self._library._handle)

    def _opened(self) -> ctypes.CDLL:
        library = ctypes.CDLL(espeakng_loader.get_library_path())
        _declare(library)
        home = os.fsencode(self._home)
        rate = library.espeak_Initialize(_SYNCHRONOUS, 0, home, _DONT_EXIT)
        if rate <= 0:
            raise EngineFailed(f"espeak-ng could not start with its data in {self._home}")
        self.sample_rate = int(rate)
        library.espeak_SetSynthCallback(self._callback)
        return library

    def voices(self) -> list[Voice]:
        """All voices of the data directory."""
        listed = self._library.espeak_ListVoices(None)
        voices: list[Voice] = []
        while listed[len(voices)]:
            voice = listed[len(voices)].contents
            voices.append(
                Voice(voice.name.decode(), voice.identifier.decode(), _languages(voice.languages))
            )
        return voices

    def variants(self) -> frozenset[str]:
        """Names that may follow a voice behind ``+``. The library takes any other silently."""
        directory = self._home / "espeak-ng-data" / "voices" / "!v"
        return frozenset(entry.name for entry in directory.iterdir())

    def select(self, voice: str, words_per_minute: int) -> None:
        """Speak as ``voice`` (identifier, ``+variant`` behind it) from now on."""
        if self._library.espeak_SetVoiceByName(voice.encode()) != 0:
            raise EngineFailed(f"espeak-ng does not take its own voice {voice!r}")
        self._library.espeak_SetParameter(_RATE, words_per_minute, 0)

    def phonemes(self, text: str) -> str:
        """The phonemes of ``text`` in the library's own notation. Call :meth:`restart` before
        speaking: asking leaves its mark on what is spoken next."""
        data = ctypes.create_string_buffer(_plain(text))
        position = ctypes.c_void_p(ctypes.addressof(data))
        clauses: list[str] = []
        while position.value:
            found = self._library.espeak_TextToPhonemes(ctypes.byref(position), _UTF8, 0)
            clauses.append((found or b"").decode("utf-8", "replace"))
        return " ".join(clauses)

    def speak(self, text: str, is_cancelled: Callable[[], bool], *, ends: bool = True) -> bytes:
        """Samples of ``text``, little-endian; ends early once ``is_cancelled`` says so.

        ``ends``: a sentence ends here, and a pause follows. What of a text of more than about
        40 letters in a word or 300 phonemes does not fit the library's tables is lost.
        """
        self._pcm = bytearray()
        self._is_cancelled = is_cancelled
        data = _plain(text)
        flags = _UTF8 | (_END_PAUSE if ends else 0)
        failed = self._library.espeak_Synth(
            data, len(data), 0, _POSITION_CHARACTER, 0, flags, None, None
        )
        if failed:
            raise EngineFailed(f"espeak-ng failed with its error {failed}")
        return bytes(self._pcm)

    def _on_audio(self, samples: object, count: int, _events: object) -> int:
        if samples and count > 0:
            self._pcm += ctypes.string_at(samples, count * 2)  # type: ignore[arg-type]
        return 1 if self._is_cancelled() else 0

    @staticmethod
    def _short_home(home: Path) -> Path:
        if len(os.fsencode(home)) < _LONGEST_HOME:
            return home
        directory = Path(tempfile.mkdtemp(prefix="espeak-"))
        atexit.register(shutil.rmtree, directory, ignore_errors=True)
        short = directory / "d"
        short.symlink_to(home, target_is_directory=True)
        return short


@functools.cache
def espeak_library() -> EspeakLibrary:
    """The one instance of this process: a second one would keep the first one's memory
    loaded, and :meth:`EspeakLibrary.restart` could not freshen it."""
    return EspeakLibrary()


def _plain(text: str) -> bytes:
    """Text the library takes as text alone: control characters are commands to it."""
    letters = (" " if ord(one) < 32 or one in _COMMANDS else one for one in text)
    return "".join(letters).encode("utf-8", "replace") + b"\0"


def _declare(library: ctypes.CDLL) -> None:
    word = ctypes.c_int
    library.espeak_Initialize.argtypes = [word, word, ctypes.c_char_p, word]
    library.espeak_Synth.argtypes = [
        *(ctypes.c_char_p, ctypes.c_size_t, ctypes.c_uint, word, ctypes.c_uint, ctypes.c_uint),
        *(ctypes.POINTER(ctypes.c_uint), ctypes.c_void_p),
    ]
    library.espeak_TextToPhonemes.argtypes = [ctypes.POINTER(ctypes.c_void_p), word, word]
    library.espeak_TextToPhonemes.restype = ctypes.c_char_p
    library.espeak_SetVoiceByName.argtypes = [ctypes.c_char_p]
    library.espeak_SetParameter.argtypes = [word] * 3
    library.espeak_SetSynthCallback.argtypes = [_Callback]
    library.espeak_SetSynthCallback.restype = None
    library.espeak_ListVoices.argtypes = [ctypes.c_void_p]
    library.espeak_ListVoices.restype = ctypes.POINTER(ctypes.POINTER(_CVoice))


def _languages(address: int) -> tuple[str, ...]:
    # A list of (priority byte, code, NUL), ended by a zero priority.
    codes: list[str] = []
    while ctypes.string_at(address, 1) != b"\0":
        code = ctypes.string_at(address + 1)
        codes.append(code.decode())
        address += len(code) + 2
    return tuple(codes)
