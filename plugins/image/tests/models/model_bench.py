"""Jobs for engines with real model files, in real lanes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec
from msgspec.structs import replace
from PIL import Image

from studio_worker_core.lanes.results import Result
from studio_worker_core.plugin import ImageTask, Model
from studio_worker_core.roster.roster import RosterEntry
from studio_worker_image.model_engines import model_engines
from studio_worker_image.plugin import EXTENSIONS
from tests.support.lane_bench import LaneBench

__all__ = ["ModelBench", "Picture", "entry_of", "reports_of"]

_SMALL = ImageTask(prompt="a cat", width=64, height=64, steps=2, seed=1, ext="png")


class Picture(msgspec.Struct, frozen=True):
    """What a job made."""

    image: Image.Image
    ext: str
    data: bytes
    seconds: float
    """From the offer to the result, loading included."""


def entry_of(engine: str) -> RosterEntry:
    """The roster's entry for an engine of this plugin."""
    (spec,) = [spec for spec in model_engines() if spec.name == engine]
    return RosterEntry(
        engine=engine,
        distribution="studio-worker-image",
        version="0",
        state="ready",
        kinds=spec.kinds,
        models={kind: tuple(names) for kind, names in spec.models.items()},
        extensions=EXTENSIONS,
        spec=spec,
    )


class ModelBench(LaneBench):
    """A lane bench whose jobs have model files. Small pictures unless a task says otherwise."""

    def draw(
        self,
        engine: str,
        model: Model,
        *,
        inputs: Mapping[str, Path] | None = None,
        on_progress: Callable[[float], None] = lambda _fraction: None,
        **fields: Any,
    ) -> Picture:
        """Do one job; raises what the lanes raise."""
        task = replace(_SMALL, **fields)
        request = self.request(task, model=model.name, entry=entry_of(engine), inputs=inputs)
        self.progress.clear()

        def heard(fraction: float, message: str | None) -> None:
            self.progress.append((fraction, message))
            on_progress(fraction)

        started = time.monotonic()
        result = self.lanes.run(
            replace(request, model=model),
            cancel=self.cancel,
            on_progress=heard,
            on_log=lambda level, line: self.logs.append(f"{level}: {line}"),
        )
        seconds = time.monotonic() - started
        assert isinstance(result, Result)
        with Image.open(result.path) as image:
            image.load()
            return Picture(image.convert("RGB"), result.ext, result.path.read_bytes(), seconds)

    def forget(self) -> None:
        """Start over with what was heard; the lanes stay."""
        self.progress.clear()
        self.logs.clear()
        self.cancel.clear()

    def pid_of(self, engine: str) -> int:
        """Process id of an engine's lane."""
        (pid,) = [lane.pid for lane in self.lanes.status() if lane.engine == engine]
        return pid


def reports_of(engine: str, model: Model, tasks: list[ImageTask], root: Path) -> list[Any]:
    """Progress and logs of tasks done without a lane, in a process of their own."""
    order = root / "order.json"
    spec = entry_of(engine).spec
    assert spec is not None
    order.write_bytes(msgspec.json.encode({"model": model, "tasks": tasks}, enc_hook=str))
    program = Path(__file__).with_name("engine_run.py")
    done = subprocess.run(
        [sys.executable, str(program), spec.factory, str(order)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
        capture_output=True,
        text=True,
        timeout=170,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    (report,) = [line for line in done.stdout.splitlines() if line.startswith("REPORT ")]
    found: list[Any] = json.loads(report.removeprefix("REPORT "))
    return found
