"""Adding a model to the catalogue by a form."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from studio_worker_core.errors import ModelStoreError
from studio_worker_core.local_api.page.asking import GENERAL, Asked, values_of
from studio_worker_core.local_api.page.forms import FormField, parsed
from studio_worker_core.local_api.page.signing import PATH
from studio_worker_core.local_api.page.words import Words
from studio_worker_core.local_api.page_parts import ModelParts
from studio_worker_core.models.entries import CatalogueEntry
from studio_worker_core.models.file_lines import file_of
from studio_worker_core.models.store import check_source
from studio_worker_core.web.frame import Frames
from studio_worker_core.web.sessions import Session
from studio_worker_core.web.signing import SignedIn
from studio_worker_core.wire.complaints import in_words, place_of
from studio_worker_core.wire.tasks import TaskKind

_FILES = (
    "One a line, as role=address; after a # also sha256=…&size=4.2GB. For one file the role is "
    "mostly “model”; the engine's page names the others. Empty if the engine needs none."
)
_PLACES = {
    "id": "id",
    "displayName": "name",
    "kind": "kind",
    "vramGbEstimate": "gpu",
    "description": "about",
    "exclusiveGroup": "group",
    "source.engine": "engine",
    "source.files": "files",
}
"""Which field each part of an entry is asked for with."""


def fields_of(engines: Sequence[str]) -> tuple[FormField, ...]:
    """What is asked of a model, of one of ``engines``."""
    name_help = "What programs and studios call it, such as my-model."
    group_help = "Of the models of one group, at most one is kept loaded."
    gpu_help = "What it is said to need; 0 if none or unknown."
    return (
        FormField("id", "text", Words("Id", name_help), required=True, most=512),
        FormField("name", "text", Words("Name", "What people see; the id if empty."), most=512),
        FormField("engine", "choice", Words("Engine"), required=True, choices=tuple(engines)),
        FormField(
            "kind", "choice", Words("Kind of work"), choices=("", *TaskKind), blank="any it can"
        ),
        FormField("files", "lines", Words("Files", _FILES, long=True)),
        FormField("gpu", "number", Words("GPU memory", gpu_help, unit="GB"), low="0"),
        FormField("group", "text", Words("Exclusive group", group_help), most=512),
        FormField("about", "long", Words("Description", long=True), most=4096),
    )


def entry_of(asked: Asked, fields: Sequence[FormField]) -> CatalogueEntry | None:
    """The entry that a form describes; None when something is wrong, which ``asked`` then
    says."""
    values, wrong = parsed(fields, asked.values)
    asked.wrong |= wrong
    if "id" in values and not values["id"].isprintable():
        asked.wrong["id"] = "Id: it has control characters."
    files = []
    for line in values.get("files", ()):
        try:
            files.append(file_of(line.strip()))
        except ModelStoreError as error:
            asked.wrong["files"] = f"Files: {error}."
    if asked.wrong:
        return None
    given: dict[str, Any] = {
        "id": values["id"],
        "displayName": values.get("name", values["id"]),
        "vramGbEstimate": values.get("gpu", 0.0),
        "source": {"engine": values["engine"], "files": files},
    }
    for name, field in (("kind", "kind"), ("description", "about"), ("exclusiveGroup", "group")):
        if field in values:
            given[name] = values[field]
    try:
        entry = msgspec.convert(given, CatalogueEntry)
        check_source(entry.source)
    except msgspec.ValidationError as error:
        place = place_of(error)
        field = next((name for start, name in _PLACES.items() if place.startswith(start)), GENERAL)
        label = next((each.words.label for each in fields if each.name == field), "")
        asked.wrong[field] = f"{label}: {in_words(error)}." if label else in_words(error)
        return None
    except ModelStoreError as error:
        asked.wrong["files"] = f"Files: {error}."
        return None
    return entry


class AddRoutes:
    """The routes of the form.

    :param changed: told that the catalogue has changed.
    """

    def __init__(
        self, parts: ModelParts, frames: Frames, signed: SignedIn, changed: Callable[[], None]
    ) -> None:
        self._parts = parts
        self._frames = frames
        self._signed = signed
        self._changed = changed

    def routes(self) -> list[Route]:
        """The routes, for the page."""
        return [
            Route("/models/add", self._signed.view(self.ask)),
            Route("/models/add", self._signed.change(self.add), methods=["POST"]),
        ]

    async def ask(self, request: Request, session: Session) -> Response:
        """The empty form."""
        return self._shown(request, session, Asked({}, {}, {}))

    async def add(self, request: Request, session: Session, form: FormData) -> Response:
        """Add it; or the form again, with what is wrong."""
        asked = Asked(values_of(form), {}, {})
        entry = entry_of(asked, fields_of(self._parts.engines()))
        if entry is not None and asked.values.get("replace") != "yes":
            there = await run_in_threadpool(self._parts.host.models)
            if any(each.entry.id == entry.id for each in there):
                asked.wrong["id"] = "Id: there is a model of this id; tick below to replace it."
        if entry is None or asked.wrong:
            return self._shown(request, session, asked, 422)
        await run_in_threadpool(self._parts.host.put, entry)
        self._changed()
        return RedirectResponse(f"{PATH}/models", 303)

    def _shown(
        self, request: Request, session: Session, asked: Asked, status: int = 200
    ) -> Response:
        engines = self._parts.engines()
        return self._frames.page(
            request, session, "model_add.html", "Add a model", "models", status,
            asked=asked, fields=fields_of(engines), is_fresh=not asked.values,
            is_there="there is a model" in asked.wrong.get("id", ""), engines=engines,
        )  # fmt: skip
