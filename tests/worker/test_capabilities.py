from __future__ import annotations

import msgspec
import pytest

from studio_worker_core import __version__
from studio_worker_core.capabilities import build_capabilities
from studio_worker_core.config import Config
from studio_worker_core.host.facts import HostFacts
from studio_worker_core.host.gpu import GpuMemory
from studio_worker_core.roster.roster import Offerings
from studio_worker_core.wire.capabilities import Capabilities, EngineInfo
from studio_worker_core.wire.codec import decode, encode
from studio_worker_core.wire.tasks import TaskKind

OFFERINGS = Offerings(
    models_per_kind={
        TaskKind.IMAGE: ["both", "paint"],
        TaskKind.VIDEO: ["both", "film"],
    },
    extensions={"png": "image/png"},
    engines=[EngineInfo(name="toy", version="1", kinds=[TaskKind.IMAGE])],
    traits={"toy.depth": 3},
)
NOTHING = Offerings(models_per_kind={}, extensions={}, engines=[], traits={})


def test_capabilities_carry_what_the_protocol_says() -> None:
    config = Config(vram_threshold_gb=6.0, auto_start=True, only_when_idle=True)
    facts = HostFacts("box", "ann", None)
    made = build_capabilities(config, facts, OFFERINGS, paused=False, presence="idle")
    assert msgspec.json.decode(encode(made)) == {
        "machineName": "box",
        "username": "ann",
        "agentVersion": __version__,
        "engine": "multi",
        "vramTotalGb": 0.0,
        "vramThresholdGb": 6.0,
        "autoEnabled": True,
        "autoStart": True,
        "supportedModels": ["both", "paint", "film"],
        "taskKinds": ["image", "video"],
        "supportedModelsPerKind": {"image": ["both", "paint"], "video": ["both", "film"]},
        "autoUpdate": False,
        "startMinimised": True,
        "onlyWhenIdle": True,
        "userPresence": "idle",
        "extensions": {"png": "image/png"},
        "modelEngines": [],
        "engines": [{"name": "toy", "version": "1", "kinds": ["image"]}],
        "features": ["cancel", "meta", "progress", "resume"],
        "traits": {"toy.depth": 3},
    }
    assert decode(Capabilities, encode(made)) == made


def test_unknown_presence_and_empty_tables_are_left_out() -> None:
    facts = HostFacts("box", "ann", None)
    made = build_capabilities(Config(), facts, NOTHING, paused=True, presence=None)
    sent = msgspec.json.decode(encode(made))
    assert sent["autoEnabled"] is False
    assert {"userPresence", "extensions", "engines", "traits"}.isdisjoint(sent)
    assert sent["supportedModels"] == []


@pytest.mark.parametrize("total", [23.6])
def test_graphics_memory_is_that_of_the_machine(total: float) -> None:
    gpu = GpuMemory(total_gb=total, free_gb=1.0, name="card")
    facts = HostFacts("x" * 2000, "ann", gpu)
    made = build_capabilities(Config(), facts, NOTHING, paused=False, presence=None)
    assert made.vram_total_gb == total
    assert decode(Capabilities, encode(made)) == made
