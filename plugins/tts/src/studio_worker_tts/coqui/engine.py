"""The engine ``coqui``: neural speech with any Coqui model that is given as files."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from studio_worker_core.plugin import (
    AudioTtsTask,
    Engine,
    EngineFailed,
    InvalidTask,
    Job,
    Model,
    Output,
)
from studio_worker_tts.coqui.choices import language_for, pace_for, speaker_for
from studio_worker_tts.coqui.library import CoquiVoice, load_voice
from studio_worker_tts.coqui.parts import parts_of
from studio_worker_tts.coqui.text import without_commands
from studio_worker_tts.coqui.workspace import lay_out
from studio_worker_tts.plain_text import plain, refuse_or_tell
from studio_worker_tts.sentences import checked_length, sentences
from studio_worker_tts.sound_file import SoundFile, extension_for

_PAUSE_SECONDS = 0.45
"""Between sentences, as the library has it at 22,050 Hz."""
_LONGEST_PIECE = 400


class CoquiEngine(Engine):
    """One model per process, kept loaded between jobs."""

    name = "coqui"

    def __init__(self) -> None:
        self._voice: CoquiVoice | None = None

    def load(self, model: Model) -> None:
        """Load the model from its files, onto the GPU if there is one."""
        parts = parts_of(model.files)
        with tempfile.TemporaryDirectory(prefix="studio-worker-coqui-") as home:
            files, architecture = lay_out(parts, Path(home), which=shutil.which)
            self._voice = load_voice(files, architecture, Path(home), model.place)

    def generate(self, job: Job[Any]) -> Output:
        """Speak the text, sentence by sentence. The same job gives the same bytes.

        What the model has no sounds for is left out and told in the job's log.
        """
        task = job.task
        if not isinstance(task, AudioTtsTask):
            raise InvalidTask("coqui speaks text and does nothing else")
        voice = self._voice
        if voice is None:
            raise EngineFailed("no model is loaded")
        speaker = speaker_for(task.voice, voice.speakers)
        language = language_for(task.language, voice.languages, voice.own_language)
        pace = pace_for(task.speed, adjustable=voice.adjustable)
        pieces = _pieces(job, voice, language)
        ext = extension_for(task.ext)
        path = job.output(ext)
        voice.start(pace)
        with SoundFile(path, ext, voice.sample_rate) as sound:
            for index, piece in enumerate(pieces):
                job.check_cancelled()
                samples = voice.speak(piece, speaker=speaker, language=language, pace=pace)
                if sound.seconds and len(samples):
                    sound.silence(_PAUSE_SECONDS)
                sound.write(_sixteen_bits(samples))
                job.progress((index + 1) / len(pieces), f"sentence {index + 1}/{len(pieces)}")
        job.check_cancelled()
        if not sound.seconds:
            path.unlink(missing_ok=True)
            raise InvalidTask("this model has no sounds for the characters of this text")
        return path

    def unload(self) -> None:
        """Let go of the model."""
        self._voice = None


def _pieces(job: Job[AudioTtsTask], voice: CoquiVoice, language: str | None) -> list[str]:
    """The sentences; one too long for a model's attention is cut between words."""
    text, removed = plain(checked_length(job.task.text))
    text, unsaid, says = voice.sayable(without_commands(text), language)
    refuse_or_tell(job, "this model", [*removed, *unsaid], says=says)
    pieces: list[str] = []
    for sentence in voice.sentences(text, language):
        pieces += [sentence] if len(sentence) <= _LONGEST_PIECE else sentences(sentence)
    return pieces or sentences(text)


def _sixteen_bits(samples: NDArray[np.float32]) -> NDArray[np.int16]:
    """16-bit samples; a sentence louder than full scale is made quieter, never clipped."""
    peak = float(np.abs(samples).max(initial=0.0))
    gain = 32767.0 / max(peak, 1.0)
    rounded: NDArray[np.int16] = np.rint(samples * gain).astype(np.int16)
    return rounded
