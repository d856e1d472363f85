"""How the host sees this engine."""

from __future__ import annotations

from studio_worker_core.plugin import EngineSpec, TaskKind
from studio_worker_tts import __version__
from studio_worker_tts.coqui.parts import ROLES

SPEC = EngineSpec(
    name="coqui",
    models={TaskKind.AUDIO_TTS: ["coqui:*"]},
    factory="studio_worker_tts.coqui.engine:CoquiEngine",
    version=__version__,
    summary="neural speech with any Coqui model that its model source gives as files",
    licence="MPL-2.0",
    parameters={
        "text": "up to 20,000 characters (STUDIO_WORKER_MAX_TEXT raises it)",
        "voice": "a speaker of the model; default is its first",
        "language": "a language of the model; absent is its first",
        "speed": "0.25 to 4 times the model's own pace, where its architecture can change it",
        "ext": "wav, mp3, ogg, flac, opus",
        "modelSource.files": f"roles: {', '.join(ROLES)}; model and config are needed",
    },
)
