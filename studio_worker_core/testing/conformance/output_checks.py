"""Checks of what an engine makes: its models, file types, sizes and lengths."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from msgspec.structs import replace

from studio_worker_core.roster.roster import RosterEntry
from studio_worker_core.seeds import seed_of
from studio_worker_core.testing.conformance.verdicts import NotChecked, NotMet
from studio_worker_core.testing.conformance.workshop import Workshop
from studio_worker_core.wire.media_types import mime_for
from studio_worker_core.wire.tasks import (
    AudioTtsTask,
    ImageTask,
    LlmTask,
    Task,
    TaskKind,
    VideoTask,
)

_MOST_MODELS = 24
_ANIMATED = frozenset({"gif", "webp", "apng", "png", "avif"})
_QUIETEST_PEAK = 0.01
_UNKNOWN = "xyzzy"


def models(shop: Workshop, kind: TaskKind) -> str:
    """Every model the engine advertises by name does a job."""
    shop.model(kind)
    tried = shop.subject.models(kind)[:_MOST_MODELS]
    for model in tried:
        try:
            shop.product(shop.task(kind), model=model)
        except NotMet as failed:
            raise NotMet(f"model '{model.name}': {failed}") from failed
    left = len(shop.subject.models(kind)) - len(tried)
    return f"{len(tried)} did a job" + (f"; {left} more were not tried" if left else "")


def extensions(shop: Workshop, kind: TaskKind) -> str:
    """Every declared file type that can only be meant for this kind is made when asked for."""
    entry = shop.subject.entry
    made, others = [], []
    for ext in entry.extensions:
        takers = _takers((entry, *shop.subject.siblings), ext)
        if (entry.engine, kind) not in takers:
            continue
        got = shop.product(_with_ext(shop.task(kind), ext)).ext
        if got == ext:
            made.append(ext)
        elif len(takers) == 1:
            raise NotMet(
                f"the plugin declares {ext}, no other engine of it could write that, and this "
                f"one answered {got}; write {ext}, or leave it out of studio_worker_extensions"
            )
        else:
            others.append(f"{ext} as {got}")
    if not made:
        raise NotMet(f"makes none of the declared file types ({', '.join(entry.extensions)})")
    answered = f"; answers {', '.join(others)}" if others else ""
    return f"makes {', '.join(made)}{answered}"


def unknown_extension(shop: Workshop, kind: TaskKind) -> str:
    """Asked for a type nobody knows, it answers in one that its plugin declares."""
    task = shop.task(kind)
    try:
        got = shop.product(_with_ext(task, _UNKNOWN)).ext
    except NotMet as failed:
        raise NotMet(
            f"asked for '{_UNKNOWN}', {failed}; ext is a wish: answer in the nearest own format"
        ) from failed
    upper = next(iter(sorted(shop.subject.entry.extensions)), got).upper()
    shop.product(_with_ext(task, upper))
    return f"answers {got}"


def decodes(shop: Workshop, kind: TaskKind) -> str:
    """The result decodes to its end and is what its extension says; answers have text."""
    product = shop.product(shop.task(kind))
    if product.path is None:
        return f"“{_short(text_of(kind, product.answer))}”"
    facts = product.facts
    if kind is TaskKind.AUDIO_TTS and facts.peak is not None and facts.peak < _QUIETEST_PEAK:
        raise NotMet(f"the speech is silent (its loudest sample is {facts.peak:.4f} of 1)")
    if kind is TaskKind.VIDEO and facts.frames == 1:
        raise NotMet("the clip has one frame: it does not move")
    return f"{product.ext} by {facts.decoder}: {facts}"


def as_asked(shop: Workshop, kind: TaskKind) -> str:
    """Width, height and length are those asked for."""
    task = shop.task(kind)
    match task:
        case ImageTask():
            return _picture_as_asked(shop, task)
        case VideoTask():
            return _clip_as_asked(shop, task)
        case AudioTtsTask():
            return _speech_as_asked(shop, task)
        case LlmTask():
            return _chat_as_asked(shop, task)
    raise NotChecked(f"a task of kind {kind.value} asks for no size")


def repeats(shop: Workshop, kind: TaskKind) -> str:
    """The same seed gives the same bytes, also in a fresh process; all its 64 bits count."""
    task = shop.task(kind)
    first = shop.product(task).read()
    again = shop.fresh_product(task).read()
    shop.lanes.unload()
    fresh = shop.fresh_product(task).read()
    for what, data in (("the same process", again), ("a fresh process", fresh)):
        if data != first:
            raise NotMet(f"the same task and seed gave other bytes in {what}")
    if not isinstance(task, ImageTask):
        return "the same bytes"
    seed = task.seed or 0
    if shop.product(replace(task, seed=seed + 1)).read() == first:
        return "the same bytes; another seed changes nothing"
    for far in (seed + 2**32, seed + 2**63):
        if shop.product(replace(task, seed=far)).read() == first:
            raise NotMet(f"the seeds {seed} and {far} give the same bytes; all 64 bits count")
    return "the same bytes"


def reports(shop: Workshop, kind: TaskKind) -> str:
    """What a result is said to be made with is true: the seed asked for, the file's own size."""
    task = shop.task(kind)
    product = shop.product(task)
    nonsense = [line for line in product.warnings if line.startswith("report: ")]
    if nonsense:
        raise NotMet(nonsense[0])
    meta = product.meta
    asked = seed_of(task)
    if asked is not None and meta.seed != asked:
        raise NotMet(f"reports the seed {meta.seed}, asked for {asked}")
    told = (meta.width, meta.height)
    size = product.facts.size
    if size is not None and told != size:
        raise NotMet(f"reports {told[0]}×{told[1]} pixels, the file has {size[0]}×{size[1]}")
    named = {"seed": meta.seed, "steps": meta.steps, "width": meta.width, "height": meta.height}
    return ", ".join(f"{name} {value}" for name, value in named.items() if value is not None)


def _picture_as_asked(shop: Workshop, task: ImageTask) -> str:
    for width, height in ((task.width, task.height), (task.height, 3 * task.height)):
        facts = shop.product(replace(task, width=width, height=height)).facts
        if facts.size is None:
            raise NotChecked(f"the size cannot be told ({facts.decoder})")
        _require_size(facts.size, (width, height))
    return f"{task.width}×{task.height} and {task.height}×{3 * task.height}"


def _clip_as_asked(shop: Workshop, task: VideoTask) -> str:
    found = []
    for seconds in (task.seconds, task.seconds / 2):
        facts = shop.product(replace(task, seconds=seconds)).facts
        if facts.size is None or facts.seconds is None or not facts.frames:
            raise NotChecked(f"size and length cannot be told ({facts.decoder})")
        _require_size(facts.size, (task.width, task.height))
        frame = facts.seconds / facts.frames
        # Containers round the last frame.
        if abs(facts.seconds - seconds) > frame * 1.01:
            raise NotMet(f"lasts {facts.seconds:.2f} s, asked for {seconds:g} s")
        found.append(str(facts))
    return " and ".join(found)


def _speech_as_asked(shop: Workshop, task: AudioTtsTask) -> str:
    once = _seconds(shop, task)
    longer = _seconds(shop, replace(task, text=" ".join([task.text] * 3)))
    if longer < once * 1.5:
        raise NotMet(f"three times the text lasts {longer:.2f} s, once {once:.2f} s")
    try:
        faster = _seconds(shop, replace(task, speed=1.6))
    except NotMet as refused:
        return f"{once:.2f} s, three times {longer:.2f} s; speed 1.6: {refused}"
    if faster > once * 0.9:
        raise NotMet(f"at speed 1.6 it lasts {faster:.2f} s, at its own pace {once:.2f} s")
    return f"{once:.2f} s, three times {longer:.2f} s, at speed 1.6 {faster:.2f} s"


def _chat_as_asked(shop: Workshop, task: LlmTask) -> str:
    most = 8
    usage = shop.product(replace(task, max_tokens=most)).answer.get("usage")
    used = usage.get("completion_tokens") if isinstance(usage, dict) else None
    if not isinstance(used, int):
        raise NotChecked("the answer has no usage.completion_tokens")
    if used > most:
        raise NotMet(f"asked for at most {most} tokens, the answer has {used}")
    return f"{used} of at most {most} tokens"


def _seconds(shop: Workshop, task: AudioTtsTask) -> float:
    facts = shop.product(task).facts
    if facts.seconds is None:
        raise NotChecked(f"the length cannot be told ({facts.decoder}); install soundfile")
    return facts.seconds


def _require_size(found: tuple[int, int], wanted: tuple[int, int]) -> None:
    if found != wanted:
        raise NotMet(f"is {found[0]}×{found[1]} pixels, asked for {wanted[0]}×{wanted[1]}")


def _takers(entries: Iterable[RosterEntry], ext: str) -> set[tuple[str, TaskKind]]:
    """Which engines and kinds a declared extension may be meant for."""
    family = mime_for(ext).partition("/")[0]
    kinds = {
        "image": {TaskKind.IMAGE, *([TaskKind.VIDEO] if ext in _ANIMATED else [])},
        "audio": {TaskKind.AUDIO_TTS},
        "video": {TaskKind.VIDEO},
    }.get(family, {TaskKind.IMAGE, TaskKind.AUDIO_TTS, TaskKind.VIDEO})
    return {(entry.engine, kind) for entry in entries for kind in entry.kinds if kind in kinds}


def _with_ext(task: Task, ext: str) -> Task:
    if isinstance(task, ImageTask | AudioTtsTask | VideoTask):
        return replace(task, ext=ext)
    return task


def text_of(kind: TaskKind, answer: Mapping[str, Any]) -> str:
    try:
        text = (
            answer["choices"][0]["message"]["content"] if kind is TaskKind.LLM else answer["text"]
        )
    except (KeyError, IndexError, TypeError):
        where = "choices[0].message.content" if kind is TaskKind.LLM else "text"
        raise NotMet(f"the answer has no {where}") from None
    if not isinstance(text, str):
        raise NotMet(f"the answer's text is a {type(text).__name__}")
    return text


def _short(text: str, limit: int = 40) -> str:
    line = " ".join(text.split())
    return line if len(line) <= limit else line[: limit - 1] + "…"
