"""The view Create: any engine tried from the browser."""

from __future__ import annotations

import secrets
from collections.abc import Mapping

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from studio_worker_core.errors import InvalidTask
from studio_worker_core.local_api.api import Api
from studio_worker_core.local_api.errors import BadRequest, Busy, Refused, UnknownModel
from studio_worker_core.local_api.history import JobHistory
from studio_worker_core.local_api.page.asking import (
    GENERAL,
    Asked,
    Kept,
    asked_of,
    conversation,
    found,
    kept_by,
    task_of,
    values_of,
)
from studio_worker_core.local_api.page.creation_files import NotKept, found_in
from studio_worker_core.local_api.page.creations import Creation, Creations
from studio_worker_core.local_api.page.forms import for_model, form_of
from studio_worker_core.local_api.page.option_fields import option_fields
from studio_worker_core.local_api.page.restoring import Restored, from_history
from studio_worker_core.local_api.page.showing import shown_work
from studio_worker_core.local_api.page.signing import PATH
from studio_worker_core.local_api.page.uploads import Uploads
from studio_worker_core.local_api.page.words import KINDS
from studio_worker_core.local_api.work import Served
from studio_worker_core.storage.disk import shown_bytes
from studio_worker_core.web.frame import Frames
from studio_worker_core.web.sessions import Session
from studio_worker_core.web.signing import SignedIn, is_fragment
from studio_worker_core.wire.tasks import TaskKind

PRESETS = ("512x512", "768x512", "512x768", "1024x1024")


class CreateRoutes:
    """The routes of the view over one :class:`.Api`."""

    def __init__(
        self,
        api: Api,
        creations: Creations,
        uploads: Uploads,
        frames: Frames,
        signed: SignedIn,
        history: JobHistory | None,
    ) -> None:
        self._api = api
        self._history = history
        self._creations = creations
        self._uploads = uploads
        self._frames = frames
        self._signed = signed

    def routes(self) -> list[Route]:
        """The routes, for the page."""
        view, change = self._signed.view, self._signed.change
        most = self._api.max_upload_bytes
        post = ["POST"]
        return [
            Route("/create", view(self.first)),
            Route("/create/{kind}", view(self.form)),
            Route("/create/{kind}", change(self.start, most), methods=post),
            Route("/create/{kind}/fields", change(self.fields, most), methods=post),
            Route("/creations/{id}", view(self.work)),
            Route("/creations/{id}/cancel", change(self.cancel), methods=post),
            Route("/creations/{id}/again", change(self.again), methods=post),
        ]

    async def first(self, request: Request, session: Session) -> Response:
        """The first kind of work that can be done here."""
        served = await self._api.served()
        kinds = [kind for kind in KINDS if any(each.kind is kind for each in served)]
        if not kinds:
            return self._frames.page(request, session, "nothing.html", "Create", "create")
        return RedirectResponse(f"{PATH}/create/{kinds[0]}", 303)

    async def form(self, request: Request, session: Session) -> Response:
        """The form of one kind: empty, as it was for an earlier job, or with a file in it."""
        kind = _kind(request)
        query = request.query_params
        earlier = self._creations.find(query.get("work", "") or query.get("from", ""))
        asked = Asked({}, {}, {})
        again = await self._restored(kind, query)
        if again is not None:
            asked.values = dict(again.values)
        elif earlier is not None and earlier.kind is kind:
            asked = Asked(dict(earlier.values), kept_by(earlier), {})
        asked.values.update(
            {name: query[name][:200] for name in ("model", "after") if query.get(name)}
        )
        if (reference := query.get("use")) and (upload := self._uploads.find(reference)):
            name = next((each.name for each in form_of(kind).files), "")
            asked.kept[name] = Kept(reference, upload.name)
        shown = earlier if query.get("work") else None
        is_fresh = earlier is None and again is None
        return await self._shown(
            request, session, kind, asked, shown, is_fresh=is_fresh, restored=again
        )

    async def fields(self, request: Request, session: Session, form: FormData) -> Response:
        """The fields that depend on the model, for the one that was chosen; the rest stays."""
        kind = _kind(request)
        asked = Asked(values_of(form), {}, {})
        model = await self._model(asked, kind)
        for name in ("width", "height", "steps", "ext"):
            asked.values.pop(name, None)
        shape = form_of(kind)
        return self._frames.fragment(
            "create_fields.html", asked=asked, fields=for_model(shape, model), presets=PRESETS,
            own=option_fields(model.options), engine=model.source.engine,
        )  # fmt: skip

    async def start(self, request: Request, session: Session, form: FormData) -> Response:
        """Have it done; or the form again, with what is wrong."""
        kind = _kind(request)
        shape = form_of(kind)
        asked = await asked_of(form, shape, self._api, self._uploads)
        try:
            model = await self._model(asked, kind)
            before = self._creations.find(asked.values.get("after", ""))
            task = task_of(asked, for_model(shape, model), model, self._api, before)
            files = found(asked, self._uploads)
            if task is not None and not asked.wrong:
                made = await run_in_threadpool(
                    self._creations.start,
                    model,
                    task,
                    asked.values,
                    files,
                    asked.values.get("once", ""),
                )
                return RedirectResponse(f"{PATH}/create/{kind}?work={made.id}", 303)
        except (Busy, UnknownModel, InvalidTask) as error:
            words = error.message if isinstance(error, Refused) else str(error)
            asked.wrong["model" if isinstance(error, UnknownModel) else GENERAL] = words
        return await self._shown(request, session, kind, asked, None, status=422)

    async def work(self, request: Request, session: Session) -> Response:
        """One job: the part of the page that shows it."""
        creation = found_in(self._creations, request)
        if not is_fragment(request):
            return RedirectResponse(f"{PATH}/create/{creation.kind}?work={creation.id}", 303)
        return self._frames.fragment(
            "work.html",
            csrf=session.csrf,
            words=KINDS[creation.kind],
            **await run_in_threadpool(shown_work, creation),
        )

    async def cancel(self, request: Request, session: Session, form: FormData) -> Response:
        """Stop this job and no other."""
        creation = found_in(self._creations, request)
        if not creation.is_over:
            await run_in_threadpool(creation.stop)
        return RedirectResponse(f"{PATH}/creations/{creation.id}", 303)

    async def again(self, request: Request, session: Session, form: FormData) -> Response:
        """The same job once more: with the seed it had, or with another."""
        before = found_in(self._creations, request)
        values = dict(before.values)
        values["once"] = str(form.get("once", ""))[:64]
        values.pop("seed", None)
        meta = before.made.meta if before.made is not None else {}
        if form.get("seed") != "new" and (seed := meta.get("seed", before.values.get("seed"))):
            values["seed"] = str(seed)
        shape = form_of(before.kind)
        asked = Asked(values, kept_by(before), {})
        earlier = self._creations.find(values.get("after", ""))
        fields = for_model(shape, before.model)
        task = task_of(asked, fields, before.model, self._api, earlier)
        if task is None:
            raise BadRequest("; ".join(asked.wrong.values()))
        if form.get("seed") == "new":
            values.pop("seed", None)
        made = await run_in_threadpool(
            self._creations.start, before.model, task, values, before.inputs, values["once"]
        )
        return RedirectResponse(f"{PATH}/create/{before.kind}?work={made.id}", 303)

    async def _restored(self, kind: TaskKind, query: Mapping[str, str]) -> Restored | None:
        """The job of the history that is to be done again, if any."""
        if self._history is None or not query.get("job"):
            return None
        served = [each.id for each in await self._api.served() if each.kind is kind]
        is_new = query.get("seed") == "new"
        return await run_in_threadpool(
            from_history, self._history, query["job"][:200], kind, served, new_seed=is_new
        )

    async def _shown(
        self,
        request: Request,
        session: Session,
        kind: TaskKind,
        asked: Asked,
        creation: Creation | None,
        *,
        status: int = 200,
        is_fresh: bool = False,
        restored: Restored | None = None,
    ) -> Response:
        served = await self._api.served()
        models = _one_of_each([each for each in served if each.kind is kind])
        shape = form_of(kind)
        chosen = asked.values.get("model", "")
        model = next((each for each in models if each.id == chosen), models[0] if models else None)
        kinds = [(k, w) for k, w in KINDS.items() if any(each.kind is k for each in served)]
        after = self._creations.find(asked.values.get("after", ""))
        work = await run_in_threadpool(shown_work, creation) if creation else {"work": None}
        most = self._api.max_upload_bytes()
        return self._frames.page(
            request, session, "create.html", "Create", "create", status,
            kind=kind, words=KINDS[kind], kinds=kinds, models=models, model=model,
            shape=shape, fields=for_model(shape, model) if model is not None else (),
            asked=asked, presets=PRESETS, once=secrets.token_hex(8), is_fresh=is_fresh,
            own=option_fields(model.options) if model is not None else (),
            engine=model.source.engine if model is not None else "", restored=restored,
            after=after if conversation(after) else None, talk=conversation(after),
            most=most, most_shown=shown_bytes(most), **work,
        )  # fmt: skip

    async def _model(self, asked: Asked, kind: TaskKind) -> Served:
        return await self._api.model(asked.values.get("model") or None, kind)


def _one_of_each(models: list[Served]) -> list[Served]:
    return list({each.id: each for each in reversed(models)}.values())[::-1]


def _kind(request: Request) -> TaskKind:
    try:
        return TaskKind(request.path_params["kind"])
    except ValueError:
        raise NotKept from None
