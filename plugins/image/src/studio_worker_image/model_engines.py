"""The engines for real models, offered where their library is installed. Nothing heavy is
imported to find that out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib.util import find_spec

from studio_worker_core.plugin import EngineSpec, TaskKind
from studio_worker_image import __version__

_PARAMETERS = {
    "prompt": "the model's own language; at most 20000 characters (STUDIO_WORKER_MAX_PROMPT)",
    "negativePrompt": "used by models with classifier-free guidance",
    "width, height": "exact; drawn at the next size the model can, then cut from the middle; "
    "up to 2048 pixels (STUDIO_WORKER_MAX_SIDE)",
    "steps": "up to 150 (STUDIO_WORKER_MAX_STEPS)",
    "seed": "the same seed, the same picture on one machine; absent or below 0: drawn, and told",
    "cfgScale, samplingMethod": "the task's, else the model source's, else the model's own",
    "initImageUrl, denoise": "repaints the picture; 0 keeps it, 1 ignores it (0.75)",
    "maskUrl": "with initImageUrl: only white areas change",
    "refImageUrl": "for editing models",
    "ext": "png, webp, jpg, jpeg, avif",
}

_SD_CPP = EngineSpec(
    name="sd-cpp",
    models={TaskKind.IMAGE: ["sd-cpp:*"]},
    factory="studio_worker_image.sdcpp.engine:SdCppEngine",
    version=__version__,
    summary="GGUF and safetensors models with stable-diffusion.cpp",
    parameters=_PARAMETERS,
)

_DIFFUSERS = EngineSpec(
    name="diffusers",
    models={TaskKind.IMAGE: ["diffusers:*"]},
    factory="studio_worker_image.diffusion.engine:DiffusersEngine",
    version=__version__,
    summary="diffusers models, as a directory's files or one checkpoint, on PyTorch",
    parameters=_PARAMETERS,
)

_NEEDS: Sequence[tuple[EngineSpec, tuple[str, ...]]] = (
    (_SD_CPP, ("stable_diffusion_cpp",)),
    (_DIFFUSERS, ("torch", "diffusers", "transformers")),
)


def _is_installed(module: str) -> bool:
    return find_spec(module) is not None


def model_engines(is_installed: Callable[[str], bool] = _is_installed) -> list[EngineSpec]:
    """Those of ``sd-cpp`` and ``diffusers`` whose libraries are there.

    :param is_installed: whether a top-level module can be imported; must not import it.
    """
    return [spec for spec, modules in _NEEDS if all(map(is_installed, modules))]
