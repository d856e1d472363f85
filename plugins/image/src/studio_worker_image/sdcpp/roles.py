"""Which file of a model goes where: from the roles of protocol §3 to the library's own.

A role says less than stable-diffusion.cpp needs: a ``text-encoder`` may be CLIP-L, CLIP-G,
T5-XXL or a language model, a ``vae`` may be a tiny one (TAESD). The tensors in the file's
header decide, since names can lie; the file's name decides where the header says nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

from msgspec import Struct

from studio_worker_core.plugin import InvalidTask, Model
from studio_worker_image.painting.headers import Shapes, tensor_shapes

Reader = Callable[[Path], Shapes | None]

_ROLES = (
    "diffusion-model",
    "model",
    "text-encoder",
    "text-encoder-vision",
    "vae",
    "lora",
)

_ENCODER_NAMES: Sequence[tuple[str, tuple[str, ...]]] = (
    ("clip_g", ("clip_g", "clipg", "bigg")),
    ("clip_l", ("clip_l", "clipl", "vit_l")),
    ("t5xxl", ("t5",)),
    ("llm", ("qwen", "mistral", "llm", "gemma", "llama")),
)


class ModelFiles(Struct, frozen=True):
    """The files of a model as the library takes them."""

    parts: Mapping[str, Path]
    """Parameter of the library without ``_path``, e.g. ``clip_l`` → file."""
    loras: tuple[Path, ...] = ()
    can_encode: bool = True
    """Whether pictures can go in: the VAE has its encoder half."""


def files_of(model: Model, read: Reader = tensor_shapes) -> ModelFiles:
    """Sort a model's files.

    ====================== ==================================================================
    role                   goes to
    ====================== ==================================================================
    ``model``              a full checkpoint
    ``diffusion-model``    the diffusion network alone
    ``text-encoder``       ``clip_l``, ``clip_g``, ``t5xxl`` or ``llm``: by the tensors (CLIP by
                           its width of 768 or 1280), else by those words in the file's name
    ``text-encoder-vision`` the vision tower of the language model, or CLIP's
    ``vae``                ``taesd`` for a tiny auto-encoder, else ``vae``
    ``lora``               each is applied to every job
    ====================== ==================================================================

    :param read: gives the tensors of a file, or None where its header cannot be read.

    Raises:
        InvalidTask: an unknown role, two files for one place, no network to run, or an
            encoder that cannot be told.
    """
    unknown = sorted(set(model.files) - set(_ROLES))
    if unknown:
        raise InvalidTask(
            f"sd-cpp has no use for files of role {', '.join(map(repr, unknown))}; "
            f"it takes {', '.join(_ROLES)}"
        )
    parts: dict[str, Path] = {}
    put = partial(_put, model, parts)
    for path in model.files.get("model", ()):
        put("model", path)
    for path in model.files.get("diffusion-model", ()):
        put("diffusion_model", path)
    if not parts:
        raise InvalidTask(
            f"the source of {model.name!r} names no file of role 'model' or 'diffusion-model'"
        )
    for path in model.files.get("text-encoder", ()):
        put(_text_encoder(path, read(path)), path)
    for path in model.files.get("text-encoder-vision", ()):
        put(_vision(path, read(path)), path)
    can_encode = True
    for path in model.files.get("vae", ()):
        shapes = read(path)
        put("taesd" if _is_tiny(path, shapes) else "vae", path)
        can_encode = can_encode and _has_encoder(shapes)
    return ModelFiles(parts, tuple(model.files.get("lora", ())), can_encode)


def _put(model: Model, parts: dict[str, Path], place: str, path: Path) -> None:
    if place in parts:
        raise InvalidTask(
            f"{parts[place].name} and {path.name} are both a {place} of {model.name!r}; "
            "sd-cpp takes one of each"
        )
    parts[place] = path


def _text_encoder(path: Path, shapes: Shapes | None) -> str:
    for name, shape in (shapes or {}).items():
        if "encoder.block." in name or name.startswith("enc.blk."):
            return "t5xxl"
        if name.startswith(("model.layers.", "blk.", "language_model.", "model.language_model.")):
            return "llm"
        if "position_embedding" in name or name.endswith("positional_embedding"):
            if 1280 in shape:
                return "clip_g"
            if 768 in shape:
                return "clip_l"
    return _encoder_by_name(path)


def _encoder_by_name(path: Path) -> str:
    plain = path.name.lower().replace("-", "_").replace(".", "_")
    for place, words in _ENCODER_NAMES:
        if any(word in plain for word in words):
            return place
    raise InvalidTask(
        f"which text encoder {path.name} is cannot be told from its tensors or its name; "
        "put clip_l, clip_g, t5xxl or llm into its file name"
    )


def _vision(path: Path, shapes: Shapes | None) -> str:
    for name in shapes or {}:
        if name.startswith(("visual.", "v.blk.", "mm.", "model.visual.")):
            return "llm_vision"
        if "vision_model." in name:
            return "clip_vision"
    plain = path.name.lower()
    is_llm = any(word in plain for word in ("mmproj", "qwen", "llm", "mistral"))
    return "llm_vision" if is_llm else "clip_vision"


def _is_tiny(path: Path, shapes: Shapes | None) -> bool:
    if shapes:
        return any(
            name.startswith(("decoder.layers.", "taesd_decoder.", "decoder.1.", "decoder.0."))
            for name in shapes
        )
    return path.name.lower().startswith("tae")


def _has_encoder(shapes: Shapes | None) -> bool:
    # An unreadable header is taken for a whole VAE: the library will say what is wrong.
    return shapes is None or any("encoder." in name for name in shapes)
