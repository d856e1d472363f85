"""Which jobs the demo runs: every ready engine at work, every declared file type made once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from studio_worker_core.plugin import TaskKind
from studio_worker_studio.demo.engines import InstalledEngine

_IMAGE_PROMPTS = (
    ("clouds", "soft clouds over a calm sea at dawn"),
    ("marble", "polished green marble with veins of gold"),
    ("plasma", "neon plasma, violet and cyan"),
    ("voronoi", "voronoi cells like stained glass, warm evening light"),
    ("tiles", "blue and white tiles from an old courtyard"),
)
_VIDEO_PROMPT = "a slow flight through aurora clouds at night"
_SPEECH = "Welcome to the studio. This sentence was spoken by the engine called {engine}."
_QUESTION = "What does a studio worker do?"
_PLAIN = ("png", "wav", "mp4")
_CLIP_SECONDS = 2.0
_CLIP_FPS = 24


class DemoJob(Struct, frozen=True, kw_only=True):
    """One job to queue, and what its result has to be."""

    name: str
    """Stem of the file it is saved as; the extension comes with the result."""
    engine: str
    model: str
    kind: TaskKind
    task: dict[str, Any]
    ext: str | None = None
    """The file type asked for; None for kinds that answer JSON."""
    size: tuple[int, int] | None = None
    """Width and height asked for, in pixels."""
    seconds: float | None = None
    """Length asked for."""
    needs: TaskKind | None = None
    """Its input is an earlier result of this kind, an image or speech."""
    needs_field: str = ""
    """The task's key for the input's address."""


def plan_jobs(engines: Iterable[InstalledEngine]) -> list[DemoJob]:
    """The jobs for the ready engines; those that need another's result come last.

    Every engine gets a job for each kind it does; each extension of a distribution is asked
    of the first of its engines that does work of that sort.
    """
    ready = [engine for engine in engines if engine.ready]
    jobs: list[DemoJob] = []
    seen: set[tuple[str, TaskKind, str]] = set()
    for engine in ready:
        for kind in engine.kinds:
            model = _usable_model(engine, kind)
            if model is None:
                continue
            fitting = _fitting(kind, engine.extensions)
            fresh = [ext for ext in fitting if (engine.distribution, kind, ext) not in seen]
            seen |= {(engine.distribution, kind, ext) for ext in fresh}
            jobs += _jobs(engine, kind, model, fresh or _plainest(fitting))
    jobs += list(_from_earlier_images(jobs))
    return sorted(_without_missing_inputs(jobs), key=lambda job: job.needs is not None)


def _jobs(
    engine: InstalledEngine, kind: TaskKind, model: str, extensions: Sequence[str]
) -> Iterator[DemoJob]:
    match kind:
        case TaskKind.IMAGE:
            for index, ext in enumerate(extensions):
                yield _image(engine, model, ext, index)
        case TaskKind.VIDEO:
            for ext in extensions:
                yield _video(engine, model, ext)
        case TaskKind.AUDIO_TTS:
            for ext in extensions:
                text = _SPEECH.format(engine=engine.engine)
                yield DemoJob(
                    name=f"{engine.engine}-speech",
                    engine=engine.engine,
                    model=model,
                    kind=kind,
                    ext=ext,
                    task={"kind": "audio_tts", "text": text, "ext": ext},
                )
        case TaskKind.LLM:
            messages = [{"role": "user", "content": _QUESTION}]
            yield DemoJob(
                name=f"{engine.engine}-chat",
                engine=engine.engine,
                model=model,
                kind=kind,
                task={"kind": "llm", "messages": messages},
            )
        case TaskKind.AUDIO_STT:
            yield DemoJob(
                name=f"{engine.engine}-transcript",
                engine=engine.engine,
                model=model,
                kind=kind,
                task={"kind": "audio_stt"},
                needs=TaskKind.AUDIO_TTS,
                needs_field="inputUrl",
            )


def _image(engine: InstalledEngine, model: str, ext: str, index: int) -> DemoJob:
    subject, prompt = _IMAGE_PROMPTS[index % len(_IMAGE_PROMPTS)]
    side = 256 if engine.builtin else 512
    return DemoJob(
        name=f"{engine.engine}-{subject}",
        engine=engine.engine,
        model=model,
        kind=TaskKind.IMAGE,
        ext=ext,
        size=(side, side),
        task={
            "kind": "image",
            "prompt": prompt,
            "seed": 7 + index,
            "ext": ext,
            "width": side,
            "height": side,
        },
    )


def _video(engine: InstalledEngine, model: str, ext: str) -> DemoJob:
    side = 128 if engine.builtin else 320
    return DemoJob(
        name=f"{engine.engine}-clip",
        engine=engine.engine,
        model=model,
        kind=TaskKind.VIDEO,
        ext=ext,
        size=(side, side),
        seconds=_CLIP_SECONDS,
        task={
            "kind": "video",
            "prompt": _VIDEO_PROMPT,
            "ext": ext,
            "width": side,
            "height": side,
            "seconds": _CLIP_SECONDS,
            "fps": _CLIP_FPS,
        },
    )


def _from_earlier_images(jobs: Sequence[DemoJob]) -> Iterator[DemoJob]:
    """For each engine of pictures or clips, one more job that starts from a picture."""
    chosen: dict[tuple[str, TaskKind], DemoJob] = {}
    for job in jobs:
        if job.kind in (TaskKind.IMAGE, TaskKind.VIDEO):
            key = (job.engine, job.kind)
            if key not in chosen or job.ext in _PLAIN:
                chosen[key] = job
    for job in chosen.values():
        task = dict(job.task)
        if job.kind is TaskKind.IMAGE:
            task |= {"prompt": _IMAGE_PROMPTS[1][1], "denoise": 0.5}
        yield replace(
            job,
            name=f"{job.engine}-from-picture",
            task=task,
            needs=TaskKind.IMAGE,
            needs_field="initImageUrl",
        )


def _plainest(extensions: Sequence[str]) -> list[str]:
    """The one type that opens everywhere, or the first."""
    return [ext for ext in extensions if ext in _PLAIN][:1] or list(extensions[:1])


def _without_missing_inputs(jobs: Sequence[DemoJob]) -> list[DemoJob]:
    made = {job.kind for job in jobs if job.needs is None}
    return [job for job in jobs if job.needs is None or job.needs in made]


def _usable_model(engine: InstalledEngine, kind: TaskKind) -> str | None:
    """A model that needs no download: ``engine:*`` stands for models described elsewhere."""
    return next((name for name in engine.models.get(kind, ()) if not name.endswith(":*")), None)


def _fitting(kind: TaskKind, extensions: Mapping[str, str]) -> list[str]:
    """The extensions that results of ``kind`` can have; one empty wish for JSON kinds."""
    match kind:
        case TaskKind.IMAGE:
            return [e for e, mime in extensions.items() if mime.startswith("image/") and e != "gif"]
        case TaskKind.AUDIO_TTS:
            return [e for e, mime in extensions.items() if mime.startswith("audio/")]
        case TaskKind.VIDEO:
            return [
                ext
                for ext, mime in extensions.items()
                if mime.startswith("video/") or mime in ("image/gif", "image/webp", "image/apng")
            ]
        case _:
            return [""]
