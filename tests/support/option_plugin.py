"""A plugin whose engine ``knobs`` has parameters of its own, and answers with what it got."""

from __future__ import annotations

from pathlib import Path

from tests.support.plugin_builder import HEAD, build_plugin

PLUGIN = HEAD + (
    "@hookimpl\n"
    "def studio_worker_engines(host):\n"
    "    return [EngineSpec(name='knobs', models={TaskKind.LLM: ['knobs']},\n"
    "                       factory='knobs_engine:Knobs', options='knobs_options:Options')]\n"
)
OPTIONS = """
from enum import Enum
from typing import Annotated, Literal
from msgspec import Meta, Struct

class Mood(Enum):
    CALM = "calm"
    WILD = "wild"

class Options(Struct, frozen=True, rename="camel"):
    warmth: Annotated[float, Meta(ge=0, le=1, description="0 is cold")] = 0.5
    max_turns: Annotated[int, Meta(ge=1, lt=10)] = 3
    mood: Mood = Mood.CALM
    edge: Literal["hard", "soft"] = "hard"
    loud: bool = False
    name: Annotated[str, Meta(max_length=8)] | None = None
"""
ENGINE = """
import msgspec
from studio_worker_core.plugin import Engine

class Knobs(Engine):
    def generate(self, job):
        said = msgspec.json.encode(job.options).decode()
        return {"choices": [{"message": {"content": said}}]}
"""


def build_knobs(site: Path, options: str = OPTIONS) -> None:
    """Install the plugin into ``site``, as pip would."""
    build_plugin(site, "knobs", PLUGIN)
    (site / "knobs_options.py").write_text(options, "utf-8")
    (site / "knobs_engine.py").write_text(ENGINE, "utf-8")
