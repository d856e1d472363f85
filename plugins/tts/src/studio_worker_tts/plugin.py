"""What the host asks of this plugin. Light: the libraries load in the engine's process."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from studio_worker_core.plugin import EngineSpec, HostInfo, TaskKind, hookimpl
from studio_worker_tts import __version__
from studio_worker_tts.coqui import installed
from studio_worker_tts.coqui.spec import SPEC as COQUI

studio_worker_api = (1, 1)

_COMMON = {
    "text": "up to 20,000 characters (STUDIO_WORKER_MAX_TEXT raises it)",
    "ext": "wav, mp3, ogg, flac, opus",
}


@hookimpl
def studio_worker_engines(host: HostInfo) -> Sequence[EngineSpec]:  # noqa: ARG001 - the hook's
    """``espeak``, ``formant`` and, where its library is installed, ``coqui``."""
    return [
        EngineSpec(
            name="espeak",
            models={TaskKind.AUDIO_TTS: ["espeak-ng"]},
            factory="studio_worker_tts.espeak.engine:EspeakEngine",
            version=__version__,
            summary="espeak-ng: clear speech in more than a hundred languages, at once",
            licence="GPL-3.0-or-later",
            parameters={
                **_COMMON,
                "speed": "0.46 to 4 times the voice's own pace; 0.25 to 0.46 is spoken at 0.46",
                "voice": "a voice name, id or language code, '+f3' or another variant behind it",
                "language": "a language code such as de or pt-br",
            },
        ),
        EngineSpec(
            name="formant",
            models={TaskKind.AUDIO_TTS: ["formant-synth"]},
            factory="studio_worker_tts.formant.engine:FormantEngine",
            version=__version__,
            summary="a small formant synthesiser, 16 kHz, English spelling rules",
            licence="MIT",
            parameters={
                **_COMMON,
                "speed": "0.25 to 4 times the voice's own pace",
                "voice": "default, low, high, child or whisper",
            },
            options="studio_worker_tts.formant.options:FormantOptions",
            settings="studio_worker_tts.formant.options:FormantSettings",
        ),
        *([COQUI] if installed() else []),
    ]


@hookimpl
def studio_worker_extensions() -> Mapping[str, str]:
    """The formats the engines write."""
    return {
        "wav": "audio/wav",
        "mp3": "audio/mpeg",
        "ogg": "audio/ogg",
        "flac": "audio/flac",
        "opus": "audio/ogg",
    }
