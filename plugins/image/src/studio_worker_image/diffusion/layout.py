"""How a diffusers model is given as files, and which files are refused.

**Single file.** Role ``model``: one ``.safetensors`` checkpoint. Role ``config``: a ``.zip`` of
the component configs (``model_index.json``, ``unet/config.json``, ``tokenizer/…``).

**Directory.** The store keeps plain file names, unique in a model, so the file
``unet/config.json`` of a diffusers directory is given with the role ``unet`` and the name
``unet.config.json``: ``<component>.<file name>``. ``model_index.json`` has the role
``model_index``. A hyphen in a role stands for an underscore, so ``text-encoder`` is
``text_encoder``.

Role ``lora`` works with both.

Weights are safetensors only: pickles (``.bin``, ``.ckpt``, ``.pt``, ``.pth``) and ``.py`` files
are code, and no code is taken from a studio.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from msgspec import Struct

from studio_worker_core.plugin import InvalidTask, Model

_PICKLES = frozenset({".bin", ".ckpt", ".pkl", ".pt", ".pth"})
_DATA = frozenset({".json", ".model", ".safetensors", ".txt"})
_COMPONENT = re.compile(r"[a-z][a-z0-9_]{0,63}")


class SingleFileModel(Struct, frozen=True):
    """A checkpoint with everything in it, and the configs of its components if given."""

    checkpoint: Path
    config: Path | None = None
    loras: tuple[Path, ...] = ()


class DirectoryModel(Struct, frozen=True):
    """A diffusers directory: path in it, with ``/`` → file."""

    files: Mapping[str, Path]
    loras: tuple[Path, ...] = ()


def layout_of(model: Model) -> SingleFileModel | DirectoryModel:
    """Read a model's roles and names as said above.

    Raises:
        InvalidTask: a forbidden kind of file, a name that does not follow the rule, or files
            that make neither layout.
    """
    roles = {role.replace("-", "_"): tuple(files) for role, files in model.files.items()}
    loras = roles.pop("lora", ())
    for path in loras:
        _must_be(path, ".safetensors", "a LoRA")
    if "model" in roles:
        return _single(model.name, roles, loras)
    files: dict[str, Path] = {}
    for role, paths in roles.items():
        for path in paths:
            _refuse_code(path)
            place = _place(role, path)
            if place in files:
                raise InvalidTask(f"{path.name} and {files[place].name} are both {place}")
            files[place] = path
    if "model_index.json" not in files:
        raise InvalidTask(
            f"the source of {model.name!r} has neither a file of role 'model' (one .safetensors "
            "checkpoint) nor one of role 'model_index' (a diffusers directory, its files named "
            "<component>.<file name>)"
        )
    return DirectoryModel(files, loras)


def _single(
    name: str, roles: Mapping[str, tuple[Path, ...]], loras: tuple[Path, ...]
) -> SingleFileModel:
    others = sorted(set(roles) - {"model", "config"})
    if others:
        raise InvalidTask(
            f"{name!r} is a single-file model: beside 'model' it can have 'config' and 'lora', "
            f"not {', '.join(map(repr, others))}"
        )
    configs = roles.get("config", ())
    if len(roles["model"]) != 1 or len(configs) > 1:
        raise InvalidTask(f"{name!r} must have one file of role 'model' and at most one 'config'")
    (checkpoint,) = roles["model"]
    _must_be(checkpoint, ".safetensors", "a checkpoint")
    if configs:
        _must_be(configs[0], ".zip", "the component configs")
    return SingleFileModel(checkpoint, configs[0] if configs else None, loras)


def _place(component: str, path: Path) -> str:
    if component == "model_index":
        return "model_index.json"
    if not _COMPONENT.fullmatch(component):
        raise InvalidTask(f"the role {component[:80]!r} of {path.name} is no component's name")
    prefix = f"{component}."
    if not path.name.startswith(prefix) or path.name == prefix:
        raise InvalidTask(
            f"{path.name} has the role {component!r}, so its name must start with {prefix!r}: "
            f"{prefix}config.json stands for {component}/config.json"
        )
    return f"{component}/{path.name.removeprefix(prefix)}"


def _refuse_code(path: Path) -> None:
    suffix = path.suffix.lower()
    if suffix in _PICKLES:
        raise InvalidTask(
            f"{path.name} is a pickle, which is code; only .safetensors weights are loaded: "
            "convert the model"
        )
    if suffix not in _DATA:
        raise InvalidTask(
            f"{path.name} is refused: a diffusers model is made of {', '.join(sorted(_DATA))} files"
        )


def _must_be(path: Path, suffix: str, what: str) -> None:
    if path.suffix.lower() in _PICKLES:
        _refuse_code(path)
    if path.suffix.lower() != suffix:
        raise InvalidTask(f"{path.name} is given as {what}, which must be a {suffix} file")
