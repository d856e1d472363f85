"""The Coqui library with one model loaded: imported here and nowhere else."""

from __future__ import annotations

import contextlib
import logging
import os
import pickle
import random
import re
import sys
import types
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from studio_worker_core.plugin import EngineFailed, InvalidTask, Place
from studio_worker_tts.coqui.fence import close_the_fence
from studio_worker_tts.coqui.text import sayable
from studio_worker_tts.espeak.coverage import Coverage
from studio_worker_tts.espeak.library import espeak_library
from studio_worker_tts.espeak.voices import choose_voice

_log = logging.getLogger("studio_worker.engines.coqui")

DEVICE_VARIABLE = "STUDIO_WORKER_DEVICE"
"""``cpu`` or ``cuda``; unset: cuda where there is one."""

_SEED = 0
_GLOBAL = re.compile(r"unsupported (?:GLOBAL|global:?(?: GLOBAL)?) (\S+)", re.IGNORECASE)


class CoquiVoice:
    """A loaded model. Equal calls give equal samples."""

    def __init__(self, tts: Any, architecture: str, device: str) -> None:
        self._tts = tts
        self._model = tts.synthesizer.tts_model
        self._is_xtts = architecture == "xtts"
        self._natural = getattr(self._model, "length_scale", None)
        self.architecture = architecture
        self.device = device
        self.sample_rate = int(tts.synthesizer.output_sample_rate)
        self.speakers: list[str] = list(tts.speakers or ())
        """Empty for a model with one voice."""
        names = list(self._model.language_manager.name_to_id)
        self.languages: list[str] = names if tts.languages else []
        """In the model's own order, its main language first; empty for a model of one."""
        self.own_language: str | None = names[0] if len(names) == 1 else None

    @property
    def adjustable(self) -> bool:
        """Whether the pace can be set."""
        return self._is_xtts or isinstance(self._natural, (int, float))

    def start(self, pace: float) -> None:
        """Before the first sentence of a job: chance starts anew, and the pace is set."""
        import torch

        torch.manual_seed(_SEED)
        np.random.seed(_SEED)
        random.seed(_SEED)
        if isinstance(self._natural, (int, float)):
            self._model.length_scale = self._natural / pace

    def sentences(self, text: str, language: str | None) -> list[str]:
        """The text cut at its sentences, by the rules of the language."""
        pieces = self._tts.synthesizer.split_into_sentences(text, language)
        return [piece.strip() for piece in pieces if piece.strip()]

    def speak(
        self, text: str, *, speaker: str | None, language: str | None, pace: float
    ) -> NDArray[np.float32]:
        """The samples of one sentence, mono, without the pause that the library adds.

        Raises:
            EngineFailed: the model cannot speak it.
        """
        if not (self._is_xtts or self._has_sounds(text, language)):
            return np.zeros(0, np.float32)
        options: dict[str, Any] = {"speed": pace} if self._is_xtts else {}
        synthesizer = self._tts.synthesizer
        try:
            spoken = self._tts.tts(
                text, speaker=speaker, language=language, split_sentences=False, **options
            )
        except (RuntimeError, ValueError, IndexError, TypeError) as error:
            raise EngineFailed(f"the model cannot speak {text[:60]!r}: {error}") from error
        pause = sys.modules[type(synthesizer).__module__].PAD_SILENCE_SAMPLES
        samples = np.asarray(spoken, np.float32)[:-pause]
        if not np.isfinite(samples).all():
            raise EngineFailed(
                "the model answered with values that are no sound (NaN); its checkpoint is "
                "damaged or does not belong to its config"
            )
        return samples

    def sayable(self, text: str, language: str | None) -> tuple[str, list[str], bool]:
        """What the model says of plain ``text``, what it does not, and whether it says any."""
        tokenizer: Any = getattr(self._model, "tokenizer", None)
        if getattr(tokenizer, "use_phonemes", False):
            coverage = _phoneme_coverage(tokenizer.phonemizer, language)
            return sayable(text, lambda _: True) if coverage is None else coverage.sayable(text)
        return sayable(text, lambda unit: self._has_sounds(unit, language))

    def _has_sounds(self, text: str, language: str | None) -> bool:
        """Whether the model's alphabet has any letter of ``text``; what it lacks is left out."""
        tokenizer: Any = getattr(self._model, "tokenizer", None)
        if self._is_xtts:
            ids = tokenizer.encode(text, language or self.languages[0])
            # The language's own token comes first.
            return len(ids) > 1 and tokenizer.tokenizer.token_to_id("[UNK]") not in ids
        characters = getattr(tokenizer, "characters", None)
        if characters is None or tokenizer.use_phonemes:
            return True
        ids = tokenizer.text_to_ids(text, language=language)
        return any(characters.id_to_char(number).isalnum() for number in ids)


def load_voice(
    files: Mapping[str, Path], architecture: str, home: Path, place: Place
) -> CoquiVoice:
    """Load a model from private copies: role → file, ``config`` already rewritten.

    Raises:
        InvalidTask: a file holds code.
        EngineFailed: a file is damaged, does not fit the others, or the library is not usable.
    """
    close_the_fence(home)
    load = _imported()
    is_xtts = architecture == "xtts"
    try:
        with _nothing_is_saved():
            tts = load(
                # XTTS finds its vocabulary and speakers beside its checkpoint.
                model_path=str(files["model"].parent if is_xtts else files["model"]),
                config_path=str(files["config"]),
                vocoder_path=_text(files.get("vocoder")),
                vocoder_config_path=_text(files.get("vocoder-config")),
                progress_bar=False,
            )
    except (InvalidTask, EngineFailed, MemoryError):
        raise
    except Exception as error:  # foreign code, fed with files from afar
        raise _explained(error) from error
    device = _move(tts, place)
    return CoquiVoice(tts, architecture, device)


def _imported() -> Any:
    try:
        import torch

        _let_torchaudio_in()
        from TTS.api import TTS
    except (ImportError, OSError) as error:
        raise EngineFailed(
            f"the Coqui library cannot be imported: {error}; "
            "pip install 'studio-worker[coqui]' installs it"
        ) from error
    # Old checkpoints keep the trainer's books in these; neither runs anything.
    from collections import defaultdict

    torch.serialization.add_safe_globals([dict, defaultdict])
    return TTS


def _let_torchaudio_in() -> None:
    """Do without torchaudio's compiled part where it was built for another PyTorch.

    The package index has it linked against CUDA only; the library needs its Python part.
    """
    try:
        import torchaudio
    except OSError:
        for name in [name for name in sys.modules if name.split(".")[0] == "torchaudio"]:
            del sys.modules[name]
        stand_in: Any = types.ModuleType("torchaudio._extension")
        stand_in._IS_TORCHAUDIO_EXT_AVAILABLE = stand_in._IS_ALIGN_AVAILABLE = False
        stand_in._check_cuda_version = lambda: None
        stand_in.fail_if_no_align = lambda function: function
        sys.modules["torchaudio._extension"] = stand_in
        import torchaudio  # noqa: F401


@contextlib.contextmanager
def _nothing_is_saved() -> Iterator[None]:
    """The library writes converted XTTS checkpoints back over the file it was given."""
    import torch

    save = torch.save
    torch.save = lambda *_, **__: None
    try:
        yield
    finally:
        torch.save = save


def _move(tts: Any, place: Place) -> str:
    import torch

    if place.device == "mps":
        raise EngineFailed("coqui works on cpu and cuda, not on mps")
    wish = os.environ.get(DEVICE_VARIABLE, "").lower() if place.device == "auto" else place.device
    if place.threads is not None:
        torch.set_num_threads(place.threads)
    if wish == "cpu" or not torch.cuda.is_available():
        if wish.startswith("cuda"):
            raise EngineFailed(f"the device is to be {wish}, but PyTorch finds no CUDA device")
        return "cpu"
    try:
        tts.to("cuda")
    except torch.OutOfMemoryError as error:
        if wish:
            raise EngineFailed(f"the model does not fit into the GPU's memory: {error}") from error
        _log.warning("the model does not fit into the GPU's memory; it runs on the CPU")
        tts.to("cpu")
        torch.cuda.empty_cache()
        return "cpu"
    return "cuda"


def _explained(error: Exception) -> InvalidTask | EngineFailed:
    """What went wrong in words for an operator; PyTorch's own advise to let code run."""
    text = str(error)
    refused = _GLOBAL.search(text)
    if refused is not None:
        return InvalidTask(
            "a checkpoint of the model holds more than weights, and a file that brings code is "
            f"refused: it refers to {refused.group(1)}"
        )
    if isinstance(error, pickle.UnpicklingError) or "weights_only" in text:
        return EngineFailed(
            "a checkpoint of the model is damaged, or no checkpoint at all "
            f"({type(error).__name__} while its weights were read)"
        )
    if isinstance(error, FileNotFoundError) and "espeak" in text:
        return EngineFailed(f"its text cannot be turned into phonemes: {text}")
    if "state_dict" in text or isinstance(error, KeyError):
        return EngineFailed(
            f"its checkpoint does not belong to its config: {' '.join(text.split())[:300]}"
        )
    return EngineFailed(f"the files are no Coqui model: {text[:300]} ({type(error).__name__})")


def _phoneme_coverage(phonemizer: Any, language: str | None) -> Coverage | None:
    """What espeak-ng reads in the language of the model; None for other phonemizers."""
    if phonemizer.name() != "espeak":
        return None
    library = espeak_library()
    try:
        voice = choose_voice(
            library.voices(), (), voice="default", language=language or phonemizer.language
        )
    except InvalidTask:
        return None
    library.select(voice, 175)
    return Coverage(library.phonemes)


def _text(path: Path | None) -> str | None:
    return str(path) if path is not None else None
