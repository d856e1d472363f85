"""The engine ``espeak``: clear speech at once, in the voices of espeak-ng."""

from __future__ import annotations

from typing import Any

import numpy as np

from studio_worker_core.plugin import AudioTtsTask, Engine, InvalidTask, Job, Model, Output
from studio_worker_tts.espeak.library import espeak_library
from studio_worker_tts.espeak.voices import choose_voice
from studio_worker_tts.sentences import checked_speed, sentences
from studio_worker_tts.sound_file import SoundFile, extension_for

__all__ = ["EspeakEngine"]

_WORDS_PER_MINUTE = 175
_SLOWEST_RATE, _FASTEST_RATE = 80, 450
"""What espeak-ng's rate parameter can do without losing sounds."""


class EspeakEngine(Engine):
    """One espeak-ng per process."""

    def load(self, model: Model) -> None:
        """Start the library; there is only one model."""
        espeak_library()

    def generate(self, job: Job[Any]) -> Output:
        """Speak the text, sentence by sentence. The same job gives the same bytes."""
        task = job.task
        if not isinstance(task, AudioTtsTask):
            raise InvalidTask("espeak speaks text and does nothing else")
        library = espeak_library()
        pieces = sentences(task.text)
        rate = self._rate(task.speed)
        library.restart()
        voice = choose_voice(
            library.voices(), library.variants(), voice=task.voice, language=task.language
        )
        library.select(voice, rate)
        ext = extension_for(task.ext)
        path = job.output(ext)
        with SoundFile(path, ext, library.sample_rate) as sound:
            for index, piece in enumerate(pieces):
                job.check_cancelled()
                pcm = library.speak(piece, lambda: job.cancelled)
                sound.write(np.frombuffer(pcm, np.dtype("<i2")))
                job.progress((index + 1) / len(pieces), f"sentence {index + 1}/{len(pieces)}")
        job.check_cancelled()
        if sound.seconds == 0:
            path.unlink(missing_ok=True)
            raise InvalidTask(f"the voice {voice} has no sounds for this text")
        return path

    @staticmethod
    def _rate(speed: float | None) -> int:
        wanted = round(_WORDS_PER_MINUTE * checked_speed(speed))
        return min(max(wanted, _SLOWEST_RATE), _FASTEST_RATE)
