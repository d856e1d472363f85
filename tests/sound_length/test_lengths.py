"""Lengths come from the data of a sound, whatever its header says."""

from __future__ import annotations

import struct
import wave
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from studio_worker_core.plugin import InvalidTask
from studio_worker_core.sound_length import BrokenSound, seconds_of
from studio_worker_core.synthetic.sounds import sound_seconds as heard_by_synthetic
from studio_worker_core.testing.conformance.decoding import Undecodable, decode
from studio_worker_core.wire.tasks import TaskKind
from studio_worker_studio.demo.plan import DemoJob
from studio_worker_studio.demo.verify import WrongResult, verify

RATE, SECONDS = 16_000, 2.5

KINDS = [
    ("wav", "WAV", "PCM_16"),
    ("wav", "WAVEX", "PCM_24"),
    ("wav", "WAV", "FLOAT"),
    ("wav", "WAV", "ULAW"),
    ("wav", "RF64", "PCM_16"),
    ("mp3", "MP3", "MPEG_LAYER_III"),
    ("ogg", "OGG", "VORBIS"),
    ("opus", "OGG", "OPUS"),
    ("flac", "FLAC", "PCM_16"),
]


def sound(
    path: Path, kind: str, subtype: str, *, seconds: float = SECONDS, channels: int = 1
) -> Path:
    count = int(RATE * seconds)
    tone = 0.3 * np.sin(np.arange(count) * 0.05)
    noise = 0.05 * np.random.default_rng(1).standard_normal(count)
    samples = np.stack([tone + noise] * channels, axis=1)
    soundfile.write(path, samples, RATE, format=kind, subtype=subtype)
    return path


def changed(path: Path, at: int, data: bytes) -> Path:
    content = bytearray(path.read_bytes())
    content[at : at + len(data)] = data
    path.write_bytes(content)
    return path


def plain_wave(path: Path, claim: int, *, behind: bytes = b"", riff: int | None = None) -> Path:
    """2.5 s of 16-bit sound with a header that claims ``claim`` bytes of it."""
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, RATE, 0, "NONE", ""))
        file.writeframes(struct.pack("<h", 9000) * int(RATE * SECONDS))
    changed(path, 40, struct.pack("<I", claim))
    if riff is not None:
        changed(path, 4, struct.pack("<I", riff))
    path.write_bytes(path.read_bytes() + behind)
    return path


@pytest.mark.parametrize(("ext", "kind", "subtype"), KINDS)
@pytest.mark.parametrize("channels", [1, 2])
def test_every_format_is_measured(
    tmp_path: Path, ext: str, kind: str, subtype: str, channels: int
) -> None:
    path = sound(tmp_path / f"x.{ext}", kind, subtype, channels=channels)
    assert seconds_of(path) == pytest.approx(SECONDS, abs=0.01)
    assert decode(path, ext).seconds == pytest.approx(SECONDS, abs=0.01)


@pytest.mark.parametrize(
    ("claim", "riff"),
    [
        *((0xFFFFFFFF, 0xFFFFFFFF), (0, 0), (0x7FFFFFFF, 0x7FFFFFFF), (0xFFFFFFD8, 0)),
        *((0x7FFFF000, None), (100, None), (100_000_000, None), (3, 0)),
    ],
)
def test_a_wave_files_claims_are_not_believed(tmp_path: Path, claim: int, riff: int | None) -> None:
    path = plain_wave(tmp_path / "x.wav", claim, riff=riff)
    assert seconds_of(path) == pytest.approx(SECONDS, abs=0.001)
    assert heard_by_synthetic(path) == pytest.approx(SECONDS, abs=0.001)


@pytest.mark.parametrize("claim", [0xFFFFFFFF, 0, 0x7FFFFFFF])
def test_a_header_of_a_stream_is_fine(tmp_path: Path, claim: int) -> None:
    path = plain_wave(tmp_path / "x.wav", claim)
    assert decode(path, "wav").seconds == pytest.approx(SECONDS, abs=0.001)
    job = DemoJob(name="it", engine="e", model="m", kind=TaskKind.AUDIO_TTS, task={})
    assert verify(job, path) == "2.50 s, 16000 Hz"


@pytest.mark.parametrize("claim", [100, 100_000_000])
def test_a_result_with_a_wrong_claim_is_told(tmp_path: Path, claim: int) -> None:
    path = plain_wave(tmp_path / "x.wav", claim)
    with pytest.raises(Undecodable, match=str(claim)):
        decode(path, "wav")
    job = DemoJob(name="it", engine="e", model="m", kind=TaskKind.AUDIO_TTS, task={})
    with pytest.raises(WrongResult, match=str(claim)):
        verify(job, path)


def test_chunks_behind_the_samples_are_no_sound(tmp_path: Path) -> None:
    behind = b"LIST" + struct.pack("<I", 5000) + bytes(5000)
    size = int(RATE * SECONDS) * 2
    path = plain_wave(tmp_path / "x.wav", size, behind=behind)
    assert seconds_of(path) == SECONDS
    assert decode(path, "wav").seconds == SECONDS
    assert seconds_of(plain_wave(tmp_path / "y.wav", size, behind=b"\0")) == SECONDS


@pytest.mark.parametrize(("ext", "kind", "subtype"), [one for one in KINDS if one[0] != "wav"])
def test_half_a_file_is_half_as_long(tmp_path: Path, ext: str, kind: str, subtype: str) -> None:
    path = sound(tmp_path / f"x.{ext}", kind, subtype, seconds=20)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    assert seconds_of(path) == pytest.approx(10, rel=0.15)


def test_flac_does_not_believe_its_count(tmp_path: Path) -> None:
    path = sound(tmp_path / "x.flac", "FLAC", "PCM_16")
    content = path.read_bytes()
    for count in (0, 1, 2**36 - 1):
        packed = content[21] & 0xF0 | count >> 32
        changed(path, 21, bytes([packed]) + struct.pack(">I", count & 0xFFFFFFFF))
        assert seconds_of(path) == pytest.approx(SECONDS, abs=0.01)


@pytest.mark.parametrize(("ext", "subtype"), [("ogg", "VORBIS"), ("opus", "OPUS")])
def test_ogg_does_not_believe_a_position(tmp_path: Path, ext: str, subtype: str) -> None:
    path = sound(tmp_path / f"x.{ext}", "OGG", subtype)
    last = path.read_bytes().rindex(b"OggS")
    changed(path, last + 6, struct.pack("<q", 2**61))
    measured = seconds_of(path)
    assert measured is not None
    assert SECONDS - 0.1 < measured < SECONDS + 6


def test_mp3_does_not_believe_its_count_of_frames(tmp_path: Path) -> None:
    path = sound(tmp_path / "x.mp3", "MP3", "MPEG_LAYER_III")
    content = path.read_bytes()
    at = max(content.find(b"Xing"), content.find(b"Info"))
    assert at > 0
    changed(path, at + 8, b"\x7f\xff\xff\xff")
    assert seconds_of(path) == pytest.approx(SECONDS, abs=0.01)
    path.write_bytes(
        b"ID3\x04\0\0\0\0\x02\0" + bytes(256) + path.read_bytes() + b"TAG" + bytes(125)
    )
    assert seconds_of(path) == pytest.approx(SECONDS, abs=0.01)


def test_a_type_that_is_not_understood_has_no_length(tmp_path: Path) -> None:
    path = tmp_path / "x.webm"
    path.write_bytes(b"\x1aE\xdf\xa3" + bytes(32_000))
    assert seconds_of(path) is None
    assert heard_by_synthetic(path) == pytest.approx(2, rel=0.01)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"RIFF\xff\xff\xff\xffWAVE",
        b"RIFF....AVI LIST",
        b"RIFF\xff\xff\xff\xffWAVEfmt \x10\0\0\0\x01\0\x01\0\x01\0\0\0\x02\0\0\0\x02\0\x10\0data",
        b"OggS" + bytes(60),
        b"ID3\x04\0\0\0\0\0\0" + bytes(3000),
        b"fLaC" + bytes(60),
    ],
)
def test_what_only_begins_as_a_sound_is_refused_in_words(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x"
    path.write_bytes(content)
    with pytest.raises(BrokenSound):
        seconds_of(path)
    with pytest.raises(InvalidTask, match="the audio is broken"):
        heard_by_synthetic(path)


@pytest.mark.parametrize(
    "unit", [b"\xff", b"\xff\xfb", b"\xff\xf8\xc9\x18", b"OggS", b"\xff\xfb\x90\0"]
)
def test_a_flood_of_beginnings_is_looked_through_to_a_bound(tmp_path: Path, unit: bytes) -> None:
    for name, head in (("mp3", b"\xff\xfb\x90\0"), ("flac", b""), ("ogg", b"OggS")):
        start = head or sound(tmp_path / "x.flac", "FLAC", "PCM_16").read_bytes()
        path = tmp_path / f"x.{name}"
        path.write_bytes(start + unit * (4_000_000 // len(unit)))
        try:
            seconds = seconds_of(path)
        except BrokenSound:
            continue
        assert seconds is not None
        assert 0 <= seconds < 4_000_000


@pytest.fixture(scope="module")
def originals(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    directory = tmp_path_factory.mktemp("sounds")
    return [
        sound(directory / f"{number}.{ext}", kind, subtype, seconds=0.5)
        for number, (ext, kind, subtype) in enumerate(KINDS)
    ]


@given(
    kind=st.integers(0, len(KINDS) - 1),
    bytes_changed=st.dictionaries(st.integers(0, 300), st.integers(0, 255), max_size=12),
    kept=st.floats(0, 1),
)
def test_damage_gives_a_bounded_length_or_a_fault(
    originals: list[Path],
    tmp_path_factory: pytest.TempPathFactory,
    kind: int,
    bytes_changed: dict[int, int],
    kept: float,
) -> None:
    content = bytearray(originals[kind].read_bytes())
    for at, value in bytes_changed.items():
        content[at % len(content)] = value
    path = tmp_path_factory.getbasetemp() / "damaged"
    path.write_bytes(content[: max(1, round(len(content) * kept))])
    try:
        seconds = seconds_of(path)
    except BrokenSound:
        return
    # No byte of any format here holds more than 6,000 samples, of which 1,000 are a second.
    assert seconds is None or 0 <= seconds <= len(content) * 6
