"""What an engine can say is said; what it cannot is refused or told."""

from __future__ import annotations

import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from plugins.tts.tests.bench import Bench
from studio_worker_core.plugin import Engine, InvalidTask
from studio_worker_tts.espeak.coverage import Coverage
from studio_worker_tts.espeak.engine import EspeakEngine
from studio_worker_tts.espeak.library import espeak_library
from studio_worker_tts.formant.engine import FormantEngine

both = pytest.mark.parametrize("make", [EspeakEngine, FormantEngine])


@both
@pytest.mark.parametrize(
    "text", ["😀", "👍🏽", "🇩🇪", "$", "€", "%", "+", "&", "a", "B", "h", "7", "½", "→", "𝔸", "٣"]
)
def test_signs_emoji_and_single_letters_are_said(
    bench: Bench, make: type[Engine], text: str
) -> None:
    assert soundfile.info(bench.speak(make(), text)).duration > 0.1
    assert bench.told == []


@both
@pytest.mark.parametrize("text", ["", " \n", "?!...", "-", "(_)"])
def test_punctuation_alone_is_nothing_to_say(bench: Bench, make: type[Engine], text: str) -> None:
    with pytest.raises(InvalidTask, match="nothing to say"):
        bench.speak(make(), text)


@both
@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("世界", "'世', '界'"),
        ("ことば", "'こ', 'と', 'ば'"),
        ("ⵣ", "'ⵣ'"),
        ("\x01", r"U\+0001"),
        ("\ue000\udc80", r"U\+E000, U\+DC80"),
    ],
)
def test_what_a_voice_cannot_say_is_refused_by_name(
    bench: Bench, make: type[Engine], text: str, named: str
) -> None:
    with pytest.raises(InvalidTask, match=f"cannot say {named}"):
        bench.speak(make(), text)


@both
def test_the_rest_is_said_and_what_is_left_out_is_told(bench: Bench, make: type[Engine]) -> None:
    part = bench.speak(make(), "Hello 世界.").read_bytes()
    (told,) = bench.told
    assert "no sounds for '世', '界'; the rest is said" in told
    assert part == bench.speak(make(), "Hello   .").read_bytes()
    assert bench.told == []


@pytest.mark.parametrize("voice", ["cmn", "yue"])
def test_a_voice_of_the_script_reads_it(bench: Bench, voice: str) -> None:
    one = bench.speak(EspeakEngine(), "你好，世界。", voice=voice).read_bytes()
    assert bench.told == []
    assert one != bench.speak(EspeakEngine(), "你好，天气。", voice=voice).read_bytes()


@pytest.mark.parametrize(
    ("voice", "text"),
    [
        ("ru", "Съешь же ещё этих мягких французских булок, да выпей чаю"),
        ("hi", "नमस्ते दुनिया, क्षेत्र में ज्ञान"),
        ("ta", "வணக்கம் உலகம்"),
        ("ko", "안녕하세요 세계, 값이 없다"),
        ("ja", "こんにちは、ちょっとまってください。コーヒー、ファイル"),
        ("lv", "labdien pasaule"),
        ("el", "Γειά σου Κόσμε"),
        ("ar", "مَرْحَبًا بالعالم"),
        ("fa", "سلام دنیا می‌خواهم"),
        ("he", "שלום עולם"),
        ("th", "สวัสดีชาวโลก"),
        ("vi", "Xin chào thế giới"),
        ("am", "ሰላም ልዑል"),
    ],
)
def test_no_letter_of_its_own_script_is_left_out(bench: Bench, voice: str, text: str) -> None:
    bench.speak(EspeakEngine(), text, voice=voice)
    assert bench.told == []


def test_every_voice_with_a_dictionary_says_the_letters_of_a_to_z() -> None:
    library = espeak_library()
    letters = "abcdefghijklmnopqrstuvwxyz ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    refusing = set()
    for voice in library.voices():
        library.select(voice.identifier, 175)
        _, out, _ = Coverage(library.phonemes).sayable(letters)
        if out:
            refusing.add(voice.identifier)
    assert refusing == {"gmq/fo", "trk/kaa", "art/xex"}


@pytest.mark.parametrize(
    ("voice", "text", "sign"),
    [("ar", "50%", "%"), ("cmn", "$5", "$"), ("ja", "-5", "−"), ("de", "a*b", "*")],
)
def test_a_sign_that_a_voice_swallows_is_told(
    bench: Bench, voice: str, text: str, sign: str
) -> None:
    bench.speak(EspeakEngine(), text, voice=voice)
    assert f"no sounds for '{sign}'; the rest is said" in bench.told[0]


@both
@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("-5", "5"),
        ("5%", "5"),
        ("$5", "5"),
        ("3 €", "3 £"),
        ("a+b", "a b"),
        ("I am 😀.", "I am 😢."),
        ("b", "c"),
        ("x²", "x"),
    ],
)
def test_a_sign_makes_a_difference(bench: Bench, make: type[Engine], one: str, other: str) -> None:
    assert bench.speak(make(), one).read_bytes() != bench.speak(make(), other).read_bytes()


@pytest.mark.parametrize(
    "text",
    ["\x0150S Hello.", "\x01+20P\x01Hello.", "Hel\x1blo.", "\u0530Hello\u0557.", "\x7fHello."],
)
def test_a_control_character_is_no_command(bench: Bench, text: str) -> None:
    spoken = bench.speak(EspeakEngine(), text).read_bytes()
    assert "no sounds for U+" in bench.told[0]
    without = "".join(" " if ord(c) < 32 or c in "\x7f\u0530\u0557" else c for c in text)
    assert spoken == bench.speak(EspeakEngine(), without).read_bytes()


@pytest.mark.parametrize("text", ["[[h@loU]]", "<break time='9s'/>hi", "<prosody rate='9'>hi"])
def test_markup_is_text(bench: Bench, text: str) -> None:
    plain = text.translate(str.maketrans("[]<>", "    "))
    length = soundfile.info(bench.speak(EspeakEngine(), text)).duration
    assert length == pytest.approx(
        soundfile.info(bench.speak(EspeakEngine(), plain)).duration, abs=1.5
    )


@both
@pytest.mark.parametrize(
    "unit", ["word ", "word", "9", "9 ", "😀", "W", "é", "$9 ", "1.", "a-", "99 ", "km "]
)
def test_long_text_without_punctuation_is_said_to_its_end(
    bench: Bench, make: type[Engine], unit: str
) -> None:
    few, many = (soundfile.info(bench.speak(make(), unit * count)).duration for count in (25, 200))
    assert 5.5 < many / few < 9.5


@pytest.mark.parametrize(("voice", "unit"), [("cmn", "世界"), ("ja", "ことば"), ("ru", "привет")])
def test_long_text_of_other_scripts_is_said_to_its_end(bench: Bench, voice: str, unit: str) -> None:
    few, many = (
        soundfile.info(bench.speak(EspeakEngine(), unit * count, voice=voice)).duration
        for count in (12, 96)
    )
    assert 5.5 < many / few < 9.5


def test_a_pace_out_of_reach_is_told_with_the_one_that_is_used(bench: Bench) -> None:
    slow = bench.speak(EspeakEngine(), "Hello there.", speed=0.25).read_bytes()
    (told,) = bench.told
    assert told == "espeak-ng speaks no slower than speed 0.46: used instead of 0.25"
    assert slow == bench.speak(EspeakEngine(), "Hello there.", speed=0.457).read_bytes()


@both
def test_the_range_that_is_declared_is_spoken(bench: Bench, make: type[Engine]) -> None:
    text = "She sells sea shells by the shore, and he said nothing at all."
    slowest = 0.46 if make is EspeakEngine else 0.25
    own = soundfile.info(bench.speak(make(), text)).duration
    for speed in (slowest, 0.7, 1.5, 3.0, 4.0):
        length = soundfile.info(bench.speak(make(), text, speed=speed)).duration
        assert length * speed == pytest.approx(own, rel=0.2), speed
        assert bench.told == []


_TEXTS = st.one_of(
    st.text(max_size=60),
    st.text(alphabet="世界aé5%$€-. 😀\u200d🏽🇩\x01\ud800[]<>&ก्क", max_size=30),
)


@both
@settings(deadline=None, max_examples=40)
@given(text=_TEXTS, voice=st.sampled_from(["en-us", "de", "cmn", "ar", "ja"]))
def test_any_text_is_a_sound_of_plausible_length_or_refused_in_words(
    long_bench: Bench, make: type[Engine], text: str, voice: str
) -> None:
    options = {"voice": voice} if make is EspeakEngine else {}
    try:
        path = long_bench.speak(make(), text, **options)
    except InvalidTask as error:
        words = str(error)
    else:
        words = ""
    if words:
        assert "cannot say" in words or "nothing to say" in words
        return
    assert 0.05 < soundfile.info(path).duration < 3.0 + 6.0 * len(text)


_WORDS = ["apple", "river", "seven", "window", "green", "10", "99%", "$3", "Dr. Who", "😀", "Q"]


@both
@settings(deadline=None, max_examples=12)
@given(
    words=st.lists(st.sampled_from(_WORDS), min_size=1, max_size=6),
    place=st.integers(0, 5),
    other=st.sampled_from(_WORDS),
)
def test_texts_that_differ_in_a_word_sound_different(
    long_bench: Bench, make: type[Engine], words: list[str], place: int, other: str
) -> None:
    changed = [*words]
    changed[place % len(words)] = other
    one, two = (long_bench.speak(make(), " and ".join(said)) for said in (words, changed))
    assert (one.read_bytes() == two.read_bytes()) == (words == changed)
