"""Create, as it is without JavaScript: forms, redirects, whole pages."""

from __future__ import annotations

import io
import tempfile
import wave
from pathlib import Path

import pytest
from PIL import Image

from studio_worker_core.local_api.api import Names
from tests.local_api.page.browsing import Visitor, hidden, link, state_of
from tests.local_api.served_here import ServedHere

MARKUP = "<script>alert(1)</script><b>&amp;\"'"
SHOWN = "&lt;script&gt;alert(1)&lt;/script&gt;&lt;b&gt;&amp;amp;"


def picture(color: str = "red") -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (64, 48), color).save(out, "PNG")
    return out.getvalue()


def sound() -> bytes:
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16_000)
        file.writeframes(b"\0\x20" * 16_000)
    return out.getvalue()


def test_a_picture_is_made_shown_and_downloaded_under_a_telling_name(visitor: Visitor) -> None:
    fields = {
        "model": "procedural", "prompt": f"A red fox {MARKUP}", "seed": "18446744073709551615",
        "width": "64", "height": "48", "ext": "png",
    }  # fmt: skip
    page = visitor.made(visitor.create("image", fields))
    assert state_of(page) == "done", page
    assert SHOWN in page
    assert "<script>alert" not in page
    assert "18446744073709551615" in page, "a seed is text from end to end"
    file = visitor.get(link(page, "/ui/creations/"))
    assert file.headers["content-type"] == "image/png"
    assert file.headers["content-disposition"].startswith("inline")
    assert "sandbox" in file.headers["content-security-policy"]
    assert Image.open(io.BytesIO(file.content)).size == (64, 48)
    saved = visitor.get(f"{link(page, '/ui/creations/')}?download")
    name = "a-red-fox-script-alert-1-script-b-amp_18446744073709551615.png"
    assert saved.headers["content-disposition"] == f'attachment; filename="{name}"'


def test_again_is_the_same_and_another_seed_is_not(visitor: Visitor) -> None:
    fields = {"model": "procedural", "prompt": "x", "width": "64", "height": "48", "ext": "png"}
    page = visitor.made(visitor.create("image", fields))
    first = visitor.get(link(page, "/ui/creations/")).content

    def again(**more: str) -> bytes:
        action = link(page[page.index("/again") - 60 :], "/ui/creations/")
        sent = {"csrf": hidden(page, "csrf"), "once": str(len(more)) + action, **more}
        made = visitor.made(visitor.post(action, sent))
        return visitor.get(link(made, "/ui/creations/")).content

    assert again() == first
    assert again(seed="new") != first


def test_speech_is_played_with_its_waveform(visitor: Visitor) -> None:
    page = visitor.made(visitor.create("audio_tts", {"text": "Good morning", "ext": "wav"}))
    assert "<audio controls" in page
    assert 'class="wave"' in page
    path = link(page[page.index("<audio") :], "/ui/creations/")
    part = visitor.get(path, headers={"range": "bytes=0-9"})
    assert (part.status_code, len(part.content)) == (206, 10)
    assert path.endswith(".wav")
    assert "/good-morning_" in path


def test_a_video_is_played(visitor: Visitor) -> None:
    fields = {"prompt": "waves", "seconds": "0.2", "width": "64", "height": "64", "ext": "mp4"}
    page = visitor.made(visitor.create("video", {"model": "motion", **fields}))
    assert "<video controls" in page, page


def test_a_transcript_is_text_and_folded_json(visitor: Visitor) -> None:
    files = {"input": (f"{MARKUP}.wav", sound(), "audio/wav")}
    page = visitor.made(visitor.create("audio_stt", {}, files))
    assert state_of(page) == "done"
    assert 'id="answer"' in page
    assert "The whole answer" in page
    assert "<script>alert" not in page


def test_a_chat_goes_on_with_what_was_said(visitor: Visitor) -> None:
    page = visitor.made(visitor.create("llm", {"message": f"hello {MARKUP}"}))
    assert state_of(page) == "done"
    onward = link(page, "/ui/create/llm?after=")
    form = visitor.get(onward).text
    assert SHOWN in form
    assert "What was said so far" in form
    fields = {name: hidden(form, name) for name in ("csrf", "once", "after")}
    second = visitor.made(visitor.post("/ui/create/llm", {**fields, "message": "and now?"}))
    assert state_of(second) == "done"
    assert form.count('class="turn') == 2


def test_what_is_wrong_is_said_at_its_field_and_nothing_typed_is_lost(visitor: Visitor) -> None:
    files = {"init_image": ("photo.png", picture(), "image/png"), "mask": ("m.txt", b"no", "x/y")}
    fields = {"prompt": "keep me", "width": "99999", "seed": "abc", "cfg_scale": "3"}
    answer = visitor.create("image", fields, files)
    assert answer.status_code == 422
    page = answer.text
    assert "Seed: a whole number is needed." in page
    assert "Mask: " in page
    assert "keep me" in page
    assert 'value="3"' in page
    assert "photo.png" in page
    assert 'role="alert"' in page
    kept = hidden(page, "kept_init_image")
    assert visitor.get(link(page, "/ui/kept/")).headers["content-type"] == "image/png"
    fields |= {"seed": "1", "kept_init_image": kept}
    answer = visitor.create("image", fields)
    assert "Width: " in answer.text
    assert "16384" in answer.text
    fields |= {"width": "64", "height": "48", "model": "procedural", "kept_init_image": kept}
    page = visitor.made(visitor.create("image", fields))
    assert state_of(page) == "done"
    onward = visitor.get(link(page, "/ui/create/image?from=")).text
    assert "result." in onward, "the result is the next one's input"


def test_a_form_that_is_sent_twice_starts_one_job(visitor: Visitor) -> None:
    form = visitor.get("/ui/create/image").text
    fields = {"csrf": hidden(form, "csrf"), "once": hidden(form, "once"), "prompt": "x",
              "width": "64", "height": "64"}  # fmt: skip
    first = visitor.post("/ui/create/image", fields)
    assert visitor.post("/ui/create/image", fields).url == first.url
    visitor.made(first)


def test_a_failure_is_said_in_words(visitor: Visitor) -> None:
    fields = {"model": "procedural", "prompt": "x", "width": "16384", "height": "16384"}
    page = visitor.made(visitor.create("image", fields))
    assert state_of(page) == "failed"
    assert "Traceback" not in page
    assert "Try again" in page


def test_a_job_is_cancelled_by_its_id(visitor: Visitor) -> None:
    long = {"model": "motion", "prompt": "x", "seconds": "60", "width": "1024", "height": "1024"}
    running = visitor.create("video", long)
    waiting = visitor.create("image", {"prompt": "y", "width": "64", "height": "64"})
    csrf = visitor.csrf()
    for answer in (waiting, running):
        name = answer.url.rpartition("=")[2]
        assert visitor.post(f"/ui/creations/{name}/cancel", {"csrf": csrf}).ok
    assert state_of(visitor.made(running)) == "cancelled"
    assert state_of(visitor.made(waiting)) == "cancelled"


@pytest.mark.parametrize(
    "path",
    ["/ui/create/nothing", "/ui/creations/x", "/ui/creations/x/file/y", "/ui/kept/a/b", "/ui/%00"],
)
def test_what_is_not_there_is_said_on_a_page(visitor: Visitor, path: str) -> None:
    answer = visitor.get(path)
    assert answer.status_code == 404
    assert answer.headers["content-type"].startswith("text/html")
    assert (
        visitor.get(path, headers={"hx-request": "true"})
        .headers["content-type"]
        .startswith("text/plain")
    )


def test_a_model_brings_its_own_size_and_types(visitor: Visitor) -> None:
    fields = {"csrf": visitor.csrf(), "model": "procedural", "prompt": "stays"}
    part = visitor.post("/ui/create/image/fields", fields).text
    assert 'value="64"' in part
    assert 'value="48"' in part
    assert "stays" in part
    assert "<html" not in part
    assert '<option value="wav"' not in part


def test_nothing_is_left_of_it_after_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))

    with ServedHere(tmp_path, Names()) as here, Visitor(here.url) as visitor:
        visitor.sign_in()
        files = {"init_image": ("photo.png", picture(), "image/png")}
        fields = {"prompt": "x", "width": "64", "height": "64", "model": "procedural"}
        visitor.made(visitor.create("image", fields, files))
        assert list((tmp_path / "tmp").glob("studio-worker-*"))
    assert not list((tmp_path / "tmp").glob("studio-worker-*"))
