"""A job of the history as a form: its task filled in, and what could not be is said."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec import Struct

from studio_worker_core.errors import JournalError
from studio_worker_core.journal.records import JobFacts, Recipe
from studio_worker_core.local_api.errors import NotThere
from studio_worker_core.local_api.history import JobHistory
from studio_worker_core.local_api.page.forms import MESSAGE, Form, form_of, shown
from studio_worker_core.local_api.page.option_fields import texts_of
from studio_worker_core.wire.tasks import LlmTask, Task, TaskKind


class Restored(Struct, frozen=True):
    """What a form says of an earlier job."""

    job_id: str
    values: dict[str, str]
    lost: tuple[str, ...]
    """What of it could not be filled in, in sentences."""


def from_history(
    history: JobHistory, job_id: str, kind: TaskKind, models: Sequence[str], *, new_seed: bool
) -> Restored:
    """As :func:`restored`, of a job by its id. Reads the disk.

    Raises:
        NotThere: there is no such job of that kind, or its task was not kept.
    """
    try:
        facts = history.find(job_id)
        recipe = history.recipe(facts) if facts is not None else None
    except JournalError:
        facts = recipe = None
    if facts is None or facts.kind != kind:
        raise NotThere("There is no such job, or it is no longer remembered.")
    if recipe is None:
        raise NotThere("What this job was asked is no longer kept, or was too long to be.")
    return restored(facts, recipe, form_of(kind), models, new_seed=new_seed)


def restored(
    facts: JobFacts, recipe: Recipe, form: Form, models: Sequence[str], *, new_seed: bool
) -> Restored:
    """The form of that job.

    :param models: what can do this kind of work now.
    :param new_seed: draw another seed, where the job had one.
    """
    task = recipe.task
    values = {"model": facts.model, **texts_of(task.options)}
    lost = []
    for field in form.fields:
        value = _message(task) if field.name == MESSAGE else getattr(task, field.name, None)
        if value is not None and value is not False:
            values[field.name] = _json(value) if field.widget == "json" else _text(value)
    values.pop("seed", None)
    if not new_seed and facts.seed is not None:
        values["seed"] = str(facts.seed)
    if facts.model not in models:
        lost.append(f"The model {facts.model} is not here now; another one is chosen.")
    for file in form.files:
        if file.name in facts.inputs or _named(task, file.name):
            lost.append(f"“{file.words.label}”: the file is not kept; choose it again.")
    if isinstance(task, LlmTask) and len(task.messages) > 1:
        lost.append("What was said before the last message is not part of this form.")
    return Restored(facts.job_id, values, tuple(lost))


def _message(task: Task) -> str | None:
    if not isinstance(task, LlmTask):
        return None
    said = [each.content for each in task.messages if each.role == "user"]
    return said[-1] if said else None


def _named(task: Task, name: str) -> bool:
    if name.startswith("image_") and isinstance(task, LlmTask):
        return bool(task.images)
    return bool(getattr(task, f"{name}_url", None))


def _text(value: Any) -> str:
    match value:
        case True:
            return "yes"
        case str():
            return value
        case int() | float():
            return shown(value)
        case list() if all(isinstance(each, str) for each in value):
            return "\n".join(value)
    return _json(value)


def _json(value: Any) -> str:
    return json.dumps(msgspec.to_builtins(value), ensure_ascii=False)
