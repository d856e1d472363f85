"""The engine ``formant``."""

from __future__ import annotations

import zlib
from typing import Any

from studio_worker_core.plugin import AudioTtsTask, Engine, InvalidTask, Job, Output
from studio_worker_tts.formant.options import FormantOptions, FormantSettings
from studio_worker_tts.formant.reading import readable
from studio_worker_tts.formant.score import score_of
from studio_worker_tts.formant.synthesis import SAMPLE_RATE, render
from studio_worker_tts.formant.voices import raised, voice_named
from studio_worker_tts.plain_text import plain, refuse_or_tell
from studio_worker_tts.sentences import checked_length, checked_speed, sentences
from studio_worker_tts.sound_file import SoundFile, extension_for


class FormantEngine(Engine):
    """Nothing to load."""

    def generate(self, job: Job[Any]) -> Output:
        """Speak the text, sentence by sentence. The same job gives the same bytes.

        What has no English words is left out and told in the job's log.
        """
        task = job.task
        if not isinstance(task, AudioTtsTask):
            raise InvalidTask("formant speaks text and does nothing else")
        options = job.options or FormantOptions()
        settings = self.settings or FormantSettings()
        is_named = task.voice.strip().lower() not in ("", "default")
        name = task.voice if is_named else settings.voice
        voice = raised(voice_named(name, task.language), options.pitch)
        speed = checked_speed(task.speed)
        pieces = _pieces(job)
        ext = extension_for(task.ext)
        path = job.output(ext)
        with SoundFile(path, ext, SAMPLE_RATE) as sound:
            for index, piece in enumerate(pieces):
                job.check_cancelled()
                score = score_of(piece, voice, speed)
                if score is not None:
                    if sound.seconds:
                        sound.silence(options.pause / speed)
                    sound.write(render(score, zlib.crc32(piece.encode("utf-8", "replace"))))
                job.progress((index + 1) / len(pieces), f"sentence {index + 1}/{len(pieces)}")
        if sound.seconds == 0:
            path.unlink(missing_ok=True)
            raise InvalidTask("formant-synth finds no English words or numbers in this text")
        return path


def _pieces(job: Job[AudioTtsTask]) -> list[str]:
    text, removed = plain(checked_length(job.task.text))
    text, unsaid, says = readable(text)
    refuse_or_tell(job, "formant-synth", [*removed, *unsaid], says=says)
    return sentences(text)
