"""A plugin whose engine ``dial`` has settings and a secret, and answers with what it was given."""

from __future__ import annotations

from pathlib import Path

from tests.support.plugin_builder import HEAD, build_plugin

PLUGIN = HEAD + (
    "@hookimpl\n"
    "def studio_worker_engines(host):\n"
    "    return [EngineSpec(name='dial', models={TaskKind.LLM: ['dial']},\n"
    "                       factory='dial_engine:Dial', settings='dial_settings:Settings')]\n"
)
SETTINGS = """
from typing import Annotated, Literal
from msgspec import Meta, Struct
from studio_worker_core.plugin import Secret

class Settings(Struct, frozen=True, rename="camel"):
    rate: Annotated[float, Meta(ge=0.5, le=2, description="how fast")] = 1.0
    most: Annotated[int, Meta(ge=1)] | None = None
    mood: Literal["calm", "wild"] = "calm"
    loud: bool = False
    token: Annotated[Secret | None, Meta(description="of the far service")] = None
"""
ENGINE = """
import json, os
from studio_worker_core.plugin import Engine

class Dial(Engine):
    def load(self, model):
        self.at_load = (self.settings, model.place)

    def generate(self, job):
        settings, place = self.at_load
        if job.task.messages[0].content == "tell":
            print("engine prints", settings.token.reveal(), flush=True)
            job.log("engine logs " + settings.token.reveal(), "warning")
            raise RuntimeError("engine raises " + settings.token.reveal())
        said = json.dumps({
            "pid": os.getpid(),
            "settings": repr(settings),
            "rate": settings.rate,
            "token": settings.token.reveal()[::-1] if settings.token else None,
            "device": place.device, "threads": place.threads, "memory_mb": place.memory_mb,
            "environ": {name: os.environ.get(name) for name in (
                "OMP_NUM_THREADS", "CUDA_VISIBLE_DEVICES", "CUDA_DEVICE_ORDER", "DIAL_TOKEN")},
        })
        return {"choices": [{"message": {"content": said}}]}
"""


def build_dial(site: Path, settings: str = SETTINGS) -> None:
    """Install the plugin into ``site``, as pip would."""
    build_plugin(site, "dial", PLUGIN)
    (site / "dial_settings.py").write_text(settings, "utf-8")
    (site / "dial_engine.py").write_text(ENGINE, "utf-8")
