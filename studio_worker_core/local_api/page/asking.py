"""A form that was sent, into a task; or what is wrong with it, field by field."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec import Struct
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData, UploadFile

from studio_worker_core.errors import InvalidTask
from studio_worker_core.local_api.api import Api
from studio_worker_core.local_api.errors import BadRequest
from studio_worker_core.local_api.page.creations import Creation, Upload
from studio_worker_core.local_api.page.forms import (
    MESSAGE,
    FileField,
    Form,
    FormField,
    field_of_wire,
    parsed,
)
from studio_worker_core.local_api.page.option_fields import options_in
from studio_worker_core.local_api.page.results import text_of
from studio_worker_core.local_api.page.uploads import Uploads
from studio_worker_core.local_api.work import Served
from studio_worker_core.models.inputs import AUDIO
from studio_worker_core.wire.tasks import ChatMessage, LlmTask, Task, unknown_word

GENERAL = ""
"""The field of what is wrong with the whole form."""
_MOST_VALUE = 1_000_000


class Kept(Struct, frozen=True):
    """A file that a form refers to."""

    reference: str
    name: str
    is_picture: bool = True


class Asked(Struct):
    """What a form says."""

    values: dict[str, str]
    kept: dict[str, Kept]
    wrong: dict[str, str]

    @property
    def inputs(self) -> Mapping[str, str]:
        """The references of the files, by input."""
        return {name: each.reference for name, each in self.kept.items()}


def values_of(form: FormData) -> dict[str, str]:
    """The texts in a form."""
    return {
        name: value[:_MOST_VALUE]
        for name, value in form.items()
        if isinstance(value, str) and name != "csrf"
    }


async def asked_of(form: FormData, shape: Form, api: Api, uploads: Uploads) -> Asked:
    """Read a form: its texts as they are, its files kept."""
    asked = Asked(values_of(form), {}, {})
    for each in shape.files:
        try:
            kept = await _kept(form, each, api, uploads)
        except InvalidTask as error:
            asked.wrong[each.name] = f"{each.words.label}: {_mended(str(error), each.name)}."
            continue
        if kept is not None:
            asked.kept[each.name] = kept
        elif each.required:
            asked.wrong[each.name] = f"{each.words.label} is missing: choose a file."
    return asked


def task_of(
    asked: Asked,
    fields: Sequence[FormField],
    model: Served,
    api: Api,
    before: Creation | None,
) -> Task | None:
    """The task that a form asks for; None when something is wrong, which ``asked`` then says.

    :param before: the chat that goes on.
    """
    values, wrong = parsed(fields, asked.values)
    options, wrong_options = options_in(model.options, asked.values)
    asked.wrong |= wrong | wrong_options
    if asked.wrong:
        return None
    if options:
        values["options"] = options
    message = values.pop(MESSAGE, None)
    if message is not None:
        values["messages"] = [*conversation(before), ChatMessage("user", message)]
    for name in asked.kept:
        if name in ("image", AUDIO):
            values["image_url" if name == "image" else "input_url"] = f"upload:{name}"
        elif name.startswith("image_"):
            values.setdefault("images", []).append(f"upload:{name}")
    try:
        task = api.task(model, values)
    except BadRequest as error:
        place = field_of_wire(model.kind, error.param or "")
        known = {each.name for each in fields}
        label = next((each.words.label for each in fields if each.name == place), "")
        words = error.message.partition(": ")[2] if error.param else error.message
        asked.wrong[place if place in known else GENERAL] = f"{label}: {words}." if label else words
        return None
    if (wrong_word := unknown_word(task)) is not None:
        asked.wrong[wrong_word[0]] = wrong_word[1]
        return None
    return task


def conversation(before: Creation | None) -> list[ChatMessage]:
    """What was said so far, the last answer included."""
    if before is None or not isinstance(before.task, LlmTask) or before.state != "done":
        return []
    return [*before.task.messages, ChatMessage("assistant", text_of(before))]


def found(asked: Asked, uploads: Uploads) -> dict[str, Upload]:
    """The files themselves; one that is gone meanwhile is said in ``asked``."""
    files = {}
    for name, kept in asked.kept.items():
        upload = uploads.find(kept.reference)
        if upload is None:
            asked.wrong[name] = f"{kept.name} is no longer kept here: choose it again."
        else:
            files[name] = upload
    for name in asked.wrong:
        asked.kept.pop(name, None)
    return files


def kept_by(creation: Creation) -> dict[str, Kept]:
    """The files of an earlier job, for a form that does it again."""
    return {
        name: Kept(f"input/{creation.id}/{name}", upload.name, name != AUDIO)
        for name, upload in creation.inputs.items()
    }


async def _kept(form: FormData, field: FileField, api: Api, uploads: Uploads) -> Kept | None:
    chosen = form.get(field.name)
    if isinstance(chosen, UploadFile) and chosen.filename:
        reference = await run_in_threadpool(uploads.keep, chosen, field.name, api.limits())
        return Kept(reference, chosen.filename[:120], field.name != AUDIO)
    before = form.get(f"kept_{field.name}")
    if not isinstance(before, str) or not before or form.get(f"drop_{field.name}"):
        return None
    upload = uploads.find(before)
    if upload is None:
        raise InvalidTask("the file from before is no longer kept here, choose it again")
    return Kept(before, upload.name, field.name != AUDIO)


def _mended(words: str, name: str) -> str:
    """A complaint about an input, without the input's name: the field says it."""
    return words.removeprefix(f"{name} ").removeprefix(f"{name}: ").rstrip(".")
