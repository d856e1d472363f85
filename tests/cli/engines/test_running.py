"""``engines run``: one job without a studio; the file is whole or not there."""

from __future__ import annotations

import functools
import json
import os
import signal
import subprocess
import sys
import threading
import wave
from collections.abc import Callable, Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import psutil
import pytest
from PIL import Image

from tests.support.processes import ProcessUnderTest
from tests.support.waiting import command_line, eventually, has_ended

Run = Callable[..., subprocess.CompletedProcess[str]]
MODULE = ["-m", "studio_worker_core.cli.main", "engines", "run"]


def size(path: Path) -> tuple[int, int]:
    with Image.open(path) as picture:
        assert picture.format == path.suffix[1:].upper()
        return picture.size


def test_the_suffix_of_the_file_chooses_kind_and_type(cli: Run, tmp_path: Path) -> None:
    done = cli(
        *("engines", "run", "synthetic", "--prompt", "a fox", "-o", "fox.png"),
        *("--width", "48", "--height", "32", "--seed", "3"),
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == "fox.png\n"
    assert size(tmp_path / "fox.png") == (48, 32)
    assert not list(tmp_path.glob(".*")), "nothing is left beside it"


def test_the_seed_that_was_drawn_is_said_and_makes_the_picture_again(
    cli: Run, tmp_path: Path
) -> None:
    picture = ("engines", "run", "synthetic", "--prompt", "a fox", "--width", "48")
    told = cli(*picture, "-o", "first.png").stderr
    seed = told.strip().rpartition(", seed ")[2]
    assert seed.isdigit(), told
    assert cli(*picture, "--seed", seed, "-o", "again.png").returncode == 0
    assert (tmp_path / "again.png").read_bytes() == (tmp_path / "first.png").read_bytes()


def test_text_becomes_speech(cli: Run, tmp_path: Path) -> None:
    done = cli("engines", "run", "synthetic", "--text", "hello", "-o", "hello.wav", "--quiet")
    assert (done.returncode, done.stderr) == (0, "")
    with wave.open(str(tmp_path / "hello.wav")) as sound:
        assert sound.getnframes() > 1000


def test_an_answer_in_json_goes_to_standard_output_or_a_file(here: Run, tmp_path: Path) -> None:
    question = ("engines", "run", "synthetic", "--kind", "llm", "--prompt", "hi")
    shown = json.loads(here(*question).stdout)
    assert shown["choices"][0]["message"]["content"]
    assert here(*question, "-o", "answer.json").stdout == "answer.json\n"
    assert json.loads((tmp_path / "answer.json").read_text("utf-8")) == shown


def test_inputs_are_local_files(here: Run, tmp_path: Path) -> None:
    with wave.open(str(tmp_path / "in.wav"), "wb") as sound:
        sound.setparams((1, 2, 16000, 0, "NONE", ""))
        sound.writeframes(bytes(32000))
    done = here("engines", "run", "synthetic", "--kind", "audio_stt", "--input", "in.wav")
    assert json.loads(done.stdout)["duration"] == 1.0
    Image.new("RGB", (16, 16), (255, 0, 0)).save(tmp_path / "red.png")
    done = here(
        *("engines", "run", "synthetic", "--prompt", "x", "--input", "init_image=red.png"),
        *("--param", "denoise=0", "--width", "16", "--height", "16", "-o", "out.png"),
    )
    assert done.returncode == 0, done.stderr
    with Image.open(tmp_path / "out.png") as picture:
        assert picture.convert("RGB").getpixel((8, 8)) == (255, 0, 0)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--prompt", "x", "-o", "x.mp4"], "does not write '.mp4'; it writes webp"),
        (["--prompt", "x", "-o", "no/such/x.png"], "there is no directory"),
        (["--prompt", "x"], "say which with --kind"),
        (["--prompt", "x", "--kind", "image"], "say where the file goes"),
        (["-o", "x.png"], "say what to make with --prompt"),
        (["--prompt", "x", "-o", "x.png", "--param", "nonsense=1"], "has no 'nonsense'"),
        (["--prompt", "x", "-o", "x.png", "--param", "nonsense"], "not KEY=VALUE"),
        (
            ["--prompt", "x", "-o", "x.png", "--width", "0"],
            "for --width: expected a whole number of at least 1, got '0'",
        ),
        (["--prompt", "x", "-o", "x.png", "--width", "wide"], "'wide' is no whole number"),
        (
            ["--prompt", "x", "-o", "x.png", "--param", "denoise=2"],
            "for --param denoise: expected a number of at most 1, got '2'",
        ),
        (["--prompt", "x", "-o", "x.png", "--param", "denoise=nan"], "for --param denoise: nan"),
        (
            ["--prompt", "x", "-o", "x.png", "--param", "prompt=[1]"],
            "for --param prompt: expected text, got a list",
        ),
        (["--prompt", "x", "-o", "x.png", "--seed", str(2**64)], "for --seed: seed must be at"),
        (["--prompt", "x", "-o", "x.webp", "--kind", "video", "--seconds", "inf"], "is no number"),
        (["--prompt", "x", "-o", "x.webp", "--kind", "video", "--seconds", "0"], "for --seconds:"),
        (["--prompt", "x", "-o", "x.png", "--input", "none.png"], "for --input: none.png: No such"),
        (["--prompt", "x", "-o", "x.wav", "--kind", "video"], "does not write '.wav'"),
        (["--prompt", "x", "-o", "x.png", "--param", "ext=webp"], "for --param ext: x.png is to"),
        (["--prompt", "x", "-o", "-", "--param", "ext=gif"], "does not write 'gif'"),
        (["--text", "x", "-o", "x.wav", "--seed", "3"], "has no 'seed'"),
        (["--kind", "audio_stt"], "--input FILE"),
    ],
)
def test_a_mistake_in_the_command_line_is_named(
    here: Run, tmp_path: Path, arguments: list[str], said: str
) -> None:
    done = here("engines", "run", "synthetic", *arguments)
    assert done.returncode == 2
    assert said in " ".join(done.stderr.split())
    assert "`" not in done.stderr, "the words of a library"
    assert "$" not in done.stderr
    assert not list(tmp_path.glob("x.*"))


def test_an_engine_that_is_missing_or_off_says_so(here: Run) -> None:
    asked = ("--prompt", "x", "-o", "x.png")
    done = here("engines", "run", "nonsense", *asked)
    assert done.returncode == 1
    assert "no engine or plugin is named 'nonsense'" in done.stderr
    here("engines", "disable", "synthetic")
    done = here("engines", "run", "synthetic", *asked)
    assert done.returncode == 1
    assert "disabled" in done.stderr


def test_a_failed_job_leaves_the_old_file_as_it_was(
    cli: Run, tmp_path: Path, slow_engine: str
) -> None:
    (tmp_path / "x.png").write_bytes(b"old")
    done = cli(
        *("engines", "run", "slow", "--prompt", "fail", "-o", "x.png"), PYTHONPATH=slow_engine
    )
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == "studio-worker: engine 'slow': as asked"
    assert (tmp_path / "x.png").read_bytes() == b"old"
    assert not list(tmp_path.glob(".x*"))


def test_a_file_never_gets_a_name_that_lies(cli: Run, tmp_path: Path, slow_engine: str) -> None:
    done = cli(*("engines", "run", "slow", "--prompt", "x", "-o", "x.webp"), PYTHONPATH=slow_engine)
    assert done.returncode == 1
    assert "answered png, not webp: it is in x.png" in done.stderr
    assert size(tmp_path / "x.png") == (8, 8)
    assert not (tmp_path / "x.webp").exists()


@pytest.fixture
def model_source(tmp_path: Path) -> Iterator[Path]:
    """A file with the source of a model of the engine ``slow``, whose one file is served."""
    served = tmp_path / "served"
    served.mkdir()
    (served / "weights.bin").write_text("made of stone", "utf-8")
    handler = functools.partial(SimpleHTTPRequestHandler, directory=str(served))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        url = f"http://127.0.0.1:{server.server_port}/weights.bin"
        file = {"role": "model", "url": url, "filename": "weights.bin"}
        source = {"engine": "slow", "files": [file], "cliDefaults": {}}
        path = tmp_path / "stone.json"
        path.write_text(json.dumps(source), "utf-8")
        yield path
        server.shutdown()
        thread.join()


def test_the_files_of_a_model_source_are_downloaded_for_the_engine(
    cli: Run, tmp_path: Path, slow_engine: str, model_source: Path
) -> None:
    asked = ("--prompt", "x", "--model-source", str(model_source), "-o", "x.png")
    done = cli("engines", "run", "slow", *asked, PYTHONPATH=slow_engine)
    assert done.returncode == 0, done.stderr
    assert "slow: model is made of stone" in done.stderr
    done = cli(
        *("engines", "check", "slow", "--only", "models", "--model-source", str(model_source)),
        PYTHONPATH=slow_engine,
    )
    assert "1 did a job" in done.stdout


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "for --model-source: stone.json: No such file"),
        (b"{", "stone.json is not JSON"),
        (b"[1]", "stone.json is no model source: expected a table, got a list"),
        (b'{"engine": 5}', "its engine: expected text, got a whole number"),
        (b'{"engine": "other", "files": []}', "is a model for 'other', not for 'synthetic'"),
    ],
)
def test_a_model_source_that_is_none_is_said_in_words(
    here: Run, tmp_path: Path, content: bytes | None, said: str
) -> None:
    if content is not None:
        (tmp_path / "stone.json").write_bytes(content)
    asked = ("--prompt", "x", "-o", "x.png", "--model-source", "stone.json")
    done = here("engines", "run", "synthetic", *asked)
    assert done.returncode == 2
    assert said in " ".join(done.stderr.split())


def test_an_engine_for_any_speech_says_what_it_needs(cli: Run, slow_engine: str) -> None:
    done = cli("engines", "run", "slow", "--text", "x", "-o", "x.wav", PYTHONPATH=slow_engine)
    assert done.returncode == 1
    assert "--model-source FILE.json" in done.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_stops_the_job_at_once_and_leaves_nothing(
    environ: dict[str, str], tmp_path: Path, slow_engine: str, number: signal.Signals
) -> None:
    argv = [sys.executable, *MODULE, "slow", "--prompt", "wait", "-o", str(tmp_path / "x.png")]
    with ProcessUnderTest(argv, env=environ | {"PYTHONPATH": slow_engine}) as running:
        child = wait_for_engine(running)
        running.signal(number)
        assert running.wait(60) == 130
    assert "no result was written" in running.output
    assert "interrupted" in running.output
    assert has_ended(child)
    assert not list(tmp_path.glob("*x.png*"))


def wait_for_engine(running: ProcessUnderTest) -> psutil.Process:
    """The engine's process, once it runs."""

    def probe() -> psutil.Process | None:
        for process in running.descendants():
            if "studio_worker_core.lanes.child" in command_line(process):
                return process
        return None

    found = eventually("an engine process", probe)
    assert found is not None
    return found


def test_progress_is_a_bar_on_a_terminal(
    on_terminal: Callable[..., tuple[int, str]], tmp_path: Path
) -> None:
    argv = [sys.executable, *MODULE, "synthetic", "--prompt", "x", "-o", "x.png"]
    code, written = on_terminal(argv, PATH=os.environ["PATH"])
    assert code == 0
    assert "synthetic synthetic" in written
    assert "100%" in written
    assert (tmp_path / "x.png").exists()
