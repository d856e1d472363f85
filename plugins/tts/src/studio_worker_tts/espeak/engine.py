"""The engine ``espeak``: clear speech at once, in the voices of espeak-ng."""

from __future__ import annotations

from typing import Any

import numpy as np

from studio_worker_core.plugin import AudioTtsTask, Engine, InvalidTask, Job, Model, Output
from studio_worker_tts.espeak.coverage import Coverage
from studio_worker_tts.espeak.library import EspeakLibrary, espeak_library
from studio_worker_tts.espeak.pace import rate_for
from studio_worker_tts.espeak.portions import portions
from studio_worker_tts.espeak.voices import choose_voice
from studio_worker_tts.plain_text import plain, refuse_or_tell
from studio_worker_tts.sentences import checked_length, sentences
from studio_worker_tts.sound_file import SoundFile, extension_for


class EspeakEngine(Engine):
    """One espeak-ng per process."""

    def load(self, model: Model) -> None:
        """Start the library; there is only one model."""
        espeak_library()

    def generate(self, job: Job[Any]) -> Output:
        """Speak the text, sentence by sentence. The same job gives the same bytes.

        What the voice cannot say is left out and told in the job's log.
        """
        task = job.task
        if not isinstance(task, AudioTtsTask):
            raise InvalidTask("espeak speaks text and does nothing else")
        library = espeak_library()
        rate = rate_for(task.speed, lambda words: job.log(words, "warning"))
        library.restart()
        voice = choose_voice(
            library.voices(), library.variants(), voice=task.voice, language=task.language
        )
        library.select(voice, rate)
        pieces = _pieces(job, library, voice)
        library.restart()
        library.select(voice, rate)
        ext = extension_for(task.ext)
        path = job.output(ext)
        with SoundFile(path, ext, library.sample_rate) as sound:
            for index, piece in enumerate(pieces):
                for part in piece:
                    job.check_cancelled()
                    ends = part is piece[-1]
                    pcm = library.speak(part, lambda: job.cancelled, ends=ends)
                    sound.write(np.frombuffer(pcm, np.dtype("<i2")))
                job.progress((index + 1) / len(pieces), f"sentence {index + 1}/{len(pieces)}")
        job.check_cancelled()
        if sound.seconds == 0:
            path.unlink(missing_ok=True)
            raise InvalidTask(f"the voice {voice} has no sounds for this text")
        return path


def _pieces(job: Job[AudioTtsTask], library: EspeakLibrary, voice: str) -> list[list[str]]:
    """The sentences, each in portions that the library takes whole."""
    text, removed = plain(checked_length(job.task.text))
    text, unsaid, says = Coverage(library.phonemes).sayable(text)
    refuse_or_tell(job, f"the voice {voice}", [*removed, *unsaid], says=says)
    pieces = [portions(sentence, library.phonemes) for sentence in sentences(text)]
    return [piece for piece in pieces if piece]
