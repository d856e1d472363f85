"""OpenAI's own client, unmodified, against every endpoint."""

# The client is told things that its types do not foresee.
# mypy: disable-error-code="call-overload,arg-type,union-attr,index,attr-defined"

from __future__ import annotations

import base64
import io
import json
import wave

import openai
import pytest
import requests
from PIL import Image

from tests.local_api.served_here import TOKEN, ServedHere

HI = [{"role": "user", "content": "hi"}]


def opened(data: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(data))
    image.load()
    return image


def png(width: int = 32, height: int = 32, mode: str = "RGB") -> bytes:
    buffer = io.BytesIO()
    Image.new(mode, (width, height), "teal").save(buffer, "PNG")
    return buffer.getvalue()


def sound(seconds: float = 1.0) -> bytes:
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16_000)
        file.writeframes(b"\x10\x20" * int(16_000 * seconds))
    return buffer.getvalue()


def test_what_is_listed_can_be_fetched_and_used(client: openai.OpenAI) -> None:
    listed = {model.id for model in client.models.list()}
    assert {"procedural", "gpt-image-1", "tts-1", "espeak-ng", "synthetic-llm"} <= listed
    for name in listed:
        assert client.models.retrieve(name).id == name
    with pytest.raises(openai.NotFoundError) as missing:
        client.models.retrieve("no/such")
    assert missing.value.code == "model_not_found"


def test_a_picture_has_the_size_of_its_model_or_of_the_request(client: openai.OpenAI) -> None:
    made = client.images.generate(model="gpt-image-1", prompt="a fox", response_format="b64_json")
    assert made.data
    assert made.data[0].b64_json
    assert opened(base64.b64decode(made.data[0].b64_json)).size == (64, 48)
    assert made.size == "64x48"
    sized = client.images.generate(prompt="a fox", size="96x32", output_format="webp", n=2)
    pictures = [opened(base64.b64decode(each.b64_json)) for each in sized.data]
    assert [(each.format, each.size) for each in pictures] == [("WEBP", (96, 32))] * 2
    assert sized.data[0].b64_json != sized.data[1].b64_json, "another seed each time"


def test_the_same_seed_makes_the_same_picture(client: openai.OpenAI) -> None:
    asked = {"prompt": "hills", "model": "procedural", "extra_body": {"seed": 5}}
    one, two = (client.images.generate(**asked).data for _ in range(2))
    assert one[0].b64_json == two[0].b64_json
    assert one[0].seed == 5


def test_an_address_shows_the_picture_without_a_token(
    client: openai.OpenAI, here: ServedHere
) -> None:
    made = client.images.generate(prompt="a", model="procedural", response_format="url")
    assert made.data
    assert made.data[0].b64_json is None
    url = made.data[0].url
    assert url
    assert url.startswith(f"{here.url}/files/")
    shown = requests.get(url, timeout=60)
    assert shown.headers["content-type"] == "image/png"
    assert opened(shown.content).size == (64, 48)
    assert requests.get(f"{here.url}/files/{'0' * 32}.png", timeout=60).status_code == 404


def test_a_picture_is_streamed(client: openai.OpenAI) -> None:
    events = list(client.images.generate(prompt="a", model="procedural", stream=True))
    assert [event.type for event in events] == ["image_generation.completed"]
    assert events[0].b64_json


def test_edits_and_variations_start_from_the_given_picture(client: openai.OpenAI) -> None:
    mask = Image.new("RGBA", (32, 32), (0, 0, 0, 255))
    mask.paste((0, 0, 0, 0), (0, 0, 16, 32))
    buffer = io.BytesIO()
    mask.save(buffer, "PNG")
    fields = {"prompt": "snow", "model": "procedural", "size": "32x32", "extra_body": {"seed": 1}}
    whole = client.images.edit(image=png(), **fields)
    masked = client.images.edit(image=png(), mask=buffer.getvalue(), **fields)
    assert whole.data[0].b64_json != masked.data[0].b64_json
    # What the mask does not clear stays as it was.
    kept = opened(base64.b64decode(masked.data[0].b64_json)).convert("RGB").getpixel((30, 16))
    assert kept == pytest.approx(Image.new("RGB", (1, 1), "teal").getpixel((0, 0)), abs=3)
    with pytest.deprecated_call():
        varied = client.images.create_variation(image=png(), model="procedural", size="1024x1024")
    assert varied.data


def test_what_is_no_picture_is_refused(client: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError, match="is not an image"):
        client.images.edit(image=b"no picture", prompt="x", model="procedural")


@pytest.mark.parametrize(
    ("how", "kind", "begin"),
    [
        ("mp3", "audio/mpeg", (b"ID3", b"\xff")),
        ("wav", "audio/wav", (b"RIFF",)),
        ("flac", "audio/flac", (b"fLaC",)),
        ("opus", "audio/ogg", (b"OggS",)),
    ],
)
def test_speech_is_of_the_type_that_is_said(
    client: openai.OpenAI, how: str, kind: str, begin: tuple[bytes, ...]
) -> None:
    made = client.audio.speech.create(
        model="tts-1", voice="alloy", input="hello", response_format=how
    )
    assert made.response.headers["content-type"] == kind
    assert made.content.startswith(begin)


def test_pcm_is_bare_samples_of_24_khz(client: openai.OpenAI) -> None:
    def speak(how: str) -> bytes:
        return client.audio.speech.create(
            model="tts-1",
            voice="nova",
            input="one two three",
            response_format=how,
        ).content

    bare = speak("pcm")
    with wave.open(io.BytesIO(speak("wav"))) as file:
        seconds = file.getnframes() / file.getframerate()
    assert len(bare) / 2 / 24_000 == pytest.approx(seconds, abs=0.01)
    assert not bare.startswith(b"RIFF")


def test_speech_is_streamed_as_events(client: openai.OpenAI) -> None:
    with client.audio.speech.with_streaming_response.create(
        model="tts-1", voice="alloy", input="hi", response_format="wav", stream_format="sse"
    ) as response:
        lines = [line for line in response.iter_lines() if line.startswith("data: ")]
    events = [json.loads(line[6:]) for line in lines]
    heard = b"".join(base64.b64decode(e["audio"]) for e in events if e["type"].endswith("delta"))
    assert heard.startswith(b"RIFF")
    assert events[-1]["type"] == "speech.audio.done"


def test_what_an_engine_does_not_write_or_say_is_named(client: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError, match="does not write aac"):
        client.audio.speech.create(
            model="espeak-ng", voice="alloy", input="x", response_format="aac"
        )


@pytest.mark.parametrize("how", ["json", "text", "srt", "vtt", "verbose_json"])
def test_a_transcript_comes_in_each_form(client: openai.OpenAI, how: str) -> None:
    said = client.audio.transcriptions.create(
        model="whisper-1",
        file=("a.wav", sound()),
        response_format=how,
        language="en-GB",
    )
    begin = {"srt": "1\n00:00:00,000 --> ", "vtt": "WEBVTT\n\n00:00:00.000 --> "}
    if how in begin:
        assert said.startswith(begin[how])
    elif how == "text":
        assert said.strip()
        assert not said.startswith("{")
    else:
        assert said.text
    if how == "verbose_json":
        assert said.segments


def test_a_transcript_has_words_is_streamed_and_a_file_needs_no_telling_name(
    client: openai.OpenAI,
) -> None:
    verbose = client.audio.transcriptions.create(
        model="whisper-1",
        file=("sound", sound()),
        response_format="verbose_json",
        timestamp_granularities=["word"],
    )
    assert verbose.words
    events = list(client.audio.transcriptions.create(model="whisper-1", file=sound(), stream=True))
    assert {event.type for event in events[:-1]} == {"transcript.text.delta"}
    assert events[-1].type == "transcript.text.done"
    assert "".join(event.delta for event in events[:-1]) == events[-1].text
    with pytest.deprecated_call():
        translated = client.audio.translations.create(model="whisper-1", file=("a.wav", sound()))
    assert translated.text
    with pytest.raises(openai.BadRequestError):
        client.audio.transcriptions.create(model="whisper-1", file=("a.wav", b"garbage"))


def test_a_chat_is_answered_whole_and_as_a_stream(client: openai.OpenAI) -> None:
    asked = {"model": "synthetic-llm", "messages": HI}
    whole = client.chat.completions.create(**asked)
    assert whole.choices[0].finish_reason == "stop"
    assert whole.usage.total_tokens > 0
    chunks = list(
        client.chat.completions.create(**asked, stream=True, stream_options={"include_usage": True})
    )
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert text == whole.choices[0].message.content
    assert chunks[-1].usage.total_tokens == whole.usage.total_tokens
    cut = client.chat.completions.create(**asked, max_completion_tokens=2)
    assert cut.choices[0].finish_reason == "length"


def test_an_answer_follows_a_schema(client: openai.OpenAI) -> None:
    schema = {"type": "object", "properties": {"n": {"type": "integer"}}}
    said = client.chat.completions.create(
        model="synthetic-llm",
        messages=HI,
        response_format={"type": "json_schema", "json_schema": {"name": "n", "schema": schema}},
    )
    assert isinstance(json.loads(said.choices[0].message.content or "")["n"], int)


def test_completions_and_responses_say_the_same(client: openai.OpenAI) -> None:
    plain = client.completions.create(model="synthetic-llm", prompt="hi")
    assert plain.choices[0].text
    parts = list(client.completions.create(model="synthetic-llm", prompt="hi", stream=True))
    assert "".join(part.choices[0].text for part in parts) == plain.choices[0].text
    response = client.responses.create(model="synthetic-llm", input="hi")
    assert response.output_text == plain.choices[0].text
    assert response.status == "completed"
    events = list(client.responses.create(model="synthetic-llm", input="hi", stream=True))
    deltas = [event.delta for event in events if event.type == "response.output_text.delta"]
    assert "".join(deltas) == plain.choices[0].text
    assert events[-1].type == "response.completed"
    assert [event.sequence_number for event in events] == list(range(len(events)))


def test_errors_have_one_shape(client: openai.OpenAI, here: ServedHere) -> None:
    with pytest.raises(openai.NotFoundError) as unknown:
        client.chat.completions.create(model="no-such", messages=HI)
    assert (unknown.value.code, unknown.value.param) == ("model_not_found", "model")
    signed = {"Authorization": f"Bearer {TOKEN}"}
    for method, path, status in (
        ("GET", "/v1/nothing", 404),
        ("GET", "/v1/chat/completions", 405),
        ("POST", "/v1/chat/completions", 400),
    ):
        answer = requests.request(method, here.url + path, headers=signed, data="{", timeout=60)
        assert answer.status_code == status
        assert answer.json()["error"]["message"]
    unsigned = requests.get(f"{here.url}/v1/models", timeout=60)
    assert unsigned.status_code == 401
    assert unsigned.json()["error"]["type"] == "authentication_error"
