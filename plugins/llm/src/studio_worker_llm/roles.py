"""Which file of a model goes where: from the roles of protocol §3 to llama.cpp's own."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path

from msgspec import Struct

from studio_worker_core.plugin import InvalidTask, Model
from studio_worker_llm.gguf import Value, metadata_of

Reader = Callable[[Path], Mapping[str, Value]]

TEMPLATE_ROLE = "chat-template"
_SIGHT_ROLES = ("text-encoder-vision", "mmproj")
_ROLES = ("model", *_SIGHT_ROLES, TEMPLATE_ROLE)
_PROJECTOR = "clip"
_PART = re.compile(r".*-(\d{5})-of-(\d{5})\.gguf", re.DOTALL)
_LONGEST_TEMPLATE = 1024 * 1024


class ModelFiles(Struct, frozen=True):
    """The files of a model as llama.cpp takes them."""

    model: Path
    """Of a model in parts the first; llama.cpp finds the others beside it."""
    projector: Path | None = None
    template: str | None = None
    """A chat template that counts instead of the model's own."""
    trained_context: int | None = None
    """Tokens of context that the model was made for, where it says so."""


def files_of(model: Model, read: Reader = metadata_of) -> ModelFiles:
    """Sort a model's files.

    ======================= ==================================================================
    role                    is
    ======================= ==================================================================
    ``model``               the GGUF file, or all parts of one that was split
    ``text-encoder-vision`` its projector, for a model that reads pictures; also ``mmproj``
    ``chat-template``       a Jinja template instead of the model's own
    ======================= ==================================================================

    :param read: gives the metadata of a GGUF file.

    Raises:
        InvalidTask: an unknown role, no model or several, parts that are missing, a file that is
            no GGUF or something else than its role says, or no chat template anywhere.
    """
    unknown = sorted(set(model.files) - set(_ROLES))
    if unknown:
        raise InvalidTask(
            f"llama-cpp has no use for files of role {', '.join(map(repr, unknown))}; "
            f"it takes {', '.join(_ROLES)}"
        )
    path, facts = _weights(model, read)
    if facts.get("general.architecture") == _PROJECTOR:
        raise InvalidTask(
            f"{path.name} is a projector for pictures and no model; its role is text-encoder-vision"
        )
    template = _template(model)
    if template is None and not facts.get("tokenizer.chat_template"):
        raise InvalidTask(
            f"{path.name} has no chat template, so nobody knows how to put a conversation to it; "
            f"take the instruct or chat form of the model, or give its source a Jinja file of "
            f"role {TEMPLATE_ROLE}"
        )
    context = facts.get(f"{facts.get('general.architecture')}.context_length")
    return ModelFiles(
        path,
        _projector(model, read),
        template,
        context if isinstance(context, int) and context > 0 else None,
    )


def _weights(model: Model, read: Reader) -> tuple[Path, Mapping[str, Value]]:
    paths = list(model.files.get("model", ()))
    if not paths:
        raise InvalidTask(f"the source of {model.name!r} names no file of role 'model'")
    facts = {path: read(path) for path in paths}
    parts = facts[paths[0]].get("split.count", 0)
    if not isinstance(parts, int) or parts <= 1:
        if len(paths) > 1:
            raise InvalidTask(
                f"{paths[0].name} and {paths[1].name} are both a model of {model.name!r}; "
                "llama-cpp takes one, or all parts of one"
            )
        return paths[0], facts[paths[0]]
    there = {facts[path].get("split.no"): path for path in paths}
    missing = [number for number in range(parts) if number not in there]
    if missing or len(paths) != parts:
        raise InvalidTask(
            f"{paths[0].name} is one of {parts} parts, and the source of {model.name!r} names "
            f"{len(paths)} files of role 'model'; it needs each part once"
        )
    for number in range(parts):
        name = _PART.fullmatch(there[number].name)
        if name is None or (int(name[1]), int(name[2])) != (number + 1, parts):
            raise InvalidTask(
                f"{there[number].name} is part {number + 1} of {parts}; llama.cpp finds it only "
                f"by a name that ends in -{number + 1:05}-of-{parts:05}.gguf"
            )
    return there[0], facts[there[0]]


def _projector(model: Model, read: Reader) -> Path | None:
    paths = [path for role in _SIGHT_ROLES for path in model.files.get(role, ())]
    if len(paths) > 1:
        raise InvalidTask(
            f"{paths[0].name} and {paths[1].name} are both a projector of {model.name!r}; "
            "llama-cpp takes one"
        )
    for path in paths:
        if read(path).get("general.architecture") != _PROJECTOR:
            raise InvalidTask(f"{path.name} is no projector for pictures (a mmproj file)")
        return path
    return None


def _template(model: Model) -> str | None:
    paths = model.files.get(TEMPLATE_ROLE, ())
    if len(paths) > 1:
        raise InvalidTask(f"{model.name!r} has {len(paths)} chat templates; llama-cpp takes one")
    for path in paths:
        try:
            with path.open("rb") as file:
                text = file.read(_LONGEST_TEMPLATE + 1).decode("utf-8")
        except UnicodeDecodeError:
            raise InvalidTask(f"{path.name} is no text in UTF-8") from None
        if not text.strip() or len(text) > _LONGEST_TEMPLATE:
            raise InvalidTask(f"{path.name} is no chat template: it is empty or over 1 MiB")
        return text
    return None
