"""What the host asks of this plugin. Light: llama.cpp loads in the engine's process."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib.util import find_spec

from studio_worker_core.plugin import EngineSpec, HostInfo, TaskKind, hookimpl
from studio_worker_llm import __version__

studio_worker_api = (1, 1)

SPEC = EngineSpec(
    name="llama-cpp",
    models={TaskKind.LLM: ["llama-cpp:*"]},
    factory="studio_worker_llm.engine:LlamaCppEngine",
    version=__version__,
    summary="chats with any GGUF model that its model source gives as files, on llama.cpp",
    parameters={
        "messages, system": "go through the model's own template; system comes first",
        "maxTokens": "reasoning included; the context ends an answer, too",
        "temperature": "0 always takes the likeliest token",
        "topP, stop": "as asked",
        "jsonSchema": "becomes a grammar: the answer can be nothing else",
        "reasoning": "false or none: the template is asked for no reasoning; low, medium, high: "
        "handed to it as reasoning_effort",
        "chatTemplateKwargs": "handed to the template, over those of the model source",
        "images": "where the source has a projector (role text-encoder-vision); else refused",
    },
    options="studio_worker_llm.options:LlamaCppOptions",
)


def _is_installed(module: str) -> bool:
    return find_spec(module) is not None


def engines(is_installed: Callable[[str], bool] = _is_installed) -> list[EngineSpec]:
    """The engine, where its library is there.

    :param is_installed: whether a top-level module can be imported; must not import it.
    """
    return [SPEC] if is_installed("xllamacpp") else []


@hookimpl
def studio_worker_engines(host: HostInfo) -> Sequence[EngineSpec]:  # noqa: ARG001 - the hook's
    """The engine ``llama-cpp`` where its library is installed."""
    return engines()
