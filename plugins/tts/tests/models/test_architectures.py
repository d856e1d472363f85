"""Other architectures than VITS, and the files that only they have."""

from __future__ import annotations

from pathlib import Path

import pytest
import soundfile

from plugins.tts.tests.models.conftest import VoiceBench
from studio_worker_core.errors import InvalidTask

pytestmark = pytest.mark.models


def test_glow_tts_speaks_through_its_vocoder_and_without(
    fresh: VoiceBench, glow: dict[str, Path]
) -> None:
    fresh.files = glow
    with_vocoder = fresh.speak("Hello world.", speed=0.5).read_bytes()
    assert fresh.speak("Hello world.", speed=0.5).read_bytes() == with_vocoder
    fresh.files = {role: path for role, path in glow.items() if not role.startswith("vocoder")}
    assert fresh.speak("Hello world.", speed=0.5).read_bytes() != with_vocoder
    fresh.files = {role: path for role, path in fresh.files.items() if role != "stats"}
    with pytest.raises(InvalidTask, match="role 'stats'"):
        fresh.speak()


@pytest.mark.timeout(600)  # its decoder has 90 MB, on a machine that may be busy
def test_xtts_speaks_with_its_speakers_languages_and_pace(
    fresh: VoiceBench, xtts: dict[str, Path]
) -> None:
    fresh.files = xtts
    text = "Hello world."
    ana = fresh.speak(text, voice="ana florence", language="en")
    assert fresh.speak(text).read_bytes() == ana.read_bytes()
    assert fresh.speak(text, voice="Ben").read_bytes() != ana.read_bytes()
    assert fresh.speak(text, language="de").read_bytes() != ana.read_bytes()
    fast = soundfile.info(str(fresh.speak(text, speed=2.0)))
    assert fast.frames == pytest.approx(soundfile.info(str(ana)).frames / 2, rel=0.1)
    with pytest.raises(InvalidTask, match="Ana Florence, Ben"):
        fresh.speak(voice="someone")
