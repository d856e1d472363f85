"""From a model's files to a pipeline of the library, ready on its device."""

from __future__ import annotations

import inspect
import tempfile
from pathlib import Path
from typing import Any

from studio_worker_core.plugin import EngineFailed, InvalidTask
from studio_worker_image.diffusion.assembly import assemble, check_index, unpack_configs
from studio_worker_image.diffusion.layout import DirectoryModel, SingleFileModel
from studio_worker_image.painting.headers import Shapes, tensor_shapes

_FAMILIES = (
    ("double_blocks.", "FluxPipeline"),
    ("joint_blocks.", "StableDiffusion3Pipeline"),
    ("conditioner.embedders.1.", "StableDiffusionXLPipeline"),
    ("cond_stage_model.", "StableDiffusionPipeline"),
)


def pipeline_class_of(shapes: Shapes | None) -> str:
    """The pipeline class of a single-file checkpoint, by its tensors.

    Raises:
        InvalidTask: it belongs to no family known here.
    """
    for part, name in _FAMILIES:
        if any(part in tensor for tensor in shapes or ()):
            return name
    raise InvalidTask(
        "the checkpoint's family cannot be told from its tensors; give the component configs "
        "with it (role 'config', a .zip with model_index.json)"
    )


def load_pipeline(diffusers: Any, model: SingleFileModel | DirectoryModel, dtype: Any) -> Any:
    """Load a pipeline into memory, with its LoRAs. No network, no pickles, no code of others.

    Raises:
        InvalidTask: the files do not make a model.
        EngineFailed: the library cannot load them.
    """
    with tempfile.TemporaryDirectory(prefix="diffusers-", ignore_cleanup_errors=True) as made:
        directory = Path(made)
        try:
            if isinstance(model, DirectoryModel):
                pipeline = _from_directory(diffusers, assemble(model, directory), dtype)
            else:
                pipeline = _from_single_file(diffusers, model, directory, dtype)
            for number, path in enumerate(model.loras):
                pipeline.load_lora_weights(
                    str(path.parent), weight_name=path.name, adapter_name=f"lora{number}"
                )
            if model.loras:
                pipeline.set_adapters([f"lora{number}" for number in range(len(model.loras))])
        except (InvalidTask, EngineFailed):
            raise
        except Exception as error:  # foreign code: whatever a broken model makes it raise
            raise EngineFailed(_said(error, model)) from error
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def _from_directory(diffusers: Any, directory: Path, dtype: Any) -> Any:
    _class(diffusers, check_index(directory))
    return diffusers.DiffusionPipeline.from_pretrained(
        str(directory), dtype=dtype, use_safetensors=True, local_files_only=True
    )


def _from_single_file(diffusers: Any, model: SingleFileModel, directory: Path, dtype: Any) -> Any:
    options: dict[str, Any] = {"dtype": dtype, "local_files_only": True}
    if model.config is not None:
        configs = unpack_configs(model.config, directory)
        options["config"] = str(configs)
        name = check_index(configs)
    else:
        name = pipeline_class_of(tensor_shapes(model.checkpoint))
    cls = _class(diffusers, name)
    if "safety_checker" in inspect.signature(cls.__init__).parameters:
        options["safety_checker"] = None  # a checkpoint holds no weights for it
    if not hasattr(cls, "from_single_file"):
        raise InvalidTask(f"{name} cannot be loaded from a single file; give a directory model")
    return cls.from_single_file(str(model.checkpoint), **options)


def _class(diffusers: Any, name: str) -> Any:
    cls = getattr(diffusers, name, None)
    if not (inspect.isclass(cls) and issubclass(cls, diffusers.DiffusionPipeline)):
        raise InvalidTask(
            f"{name!r} is no pipeline of the installed diffusers {diffusers.__version__}"
        )
    return cls


def _said(error: Exception, model: SingleFileModel | DirectoryModel) -> str:
    text = " ".join(str(error).split())[:600] or type(error).__name__
    if isinstance(model, SingleFileModel) and model.config is None and isinstance(error, OSError):
        return (
            f"{model.checkpoint.name} was given without its component configs, and the library "
            "has none in its cache (nothing is downloaded here): give them as a file of role "
            f"'config', a .zip with model_index.json ({text})"
        )
    if model.loras and "peft" in text.lower():
        return f"LoRAs need the library peft ('pip install peft'): {text}"
    return f"diffusers cannot load it: {type(error).__name__}: {text}"
