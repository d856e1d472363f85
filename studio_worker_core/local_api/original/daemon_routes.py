"""The routes under ``/daemon``: the worker itself, for its clients and its page."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from studio_worker_core.local_api.answers import json_answer
from studio_worker_core.local_api.bodies import SMALL, read_body
from studio_worker_core.local_api.daemon import Daemon, SettingsShown
from studio_worker_core.local_api.errors import BadRequest, misfit
from studio_worker_core.local_api.line_numbers import line_number

_settings = msgspec.json.Decoder(SettingsShown)


class DaemonRoutes:
    """The worker's own routes over one :class:`.Daemon`."""

    def __init__(self, daemon: Daemon) -> None:
        self._daemon = daemon

    def routes(self) -> list[BaseRoute]:
        """The routes, for an application."""
        return [
            Route("/daemon/status", self.status, methods=["GET"]),
            Route("/daemon/logs", self.logs, methods=["GET"]),
            Route("/daemon/pause", self.pause, methods=["POST"]),
            Route("/daemon/resume", self.resume, methods=["POST"]),
            Route("/daemon/config", self.config, methods=["GET"]),
            Route("/daemon/config", self.change_config, methods=["PUT"]),
            Route("/daemon/registration/reset", self.reset, methods=["POST"]),
            Route("/daemon/shutdown", self.shutdown, methods=["POST"]),
        ]

    async def status(self, _: Request) -> Response:
        """``GET /daemon/status``."""
        return json_answer(await run_in_threadpool(self._daemon.status))

    async def logs(self, request: Request) -> Response:
        """``GET /daemon/logs?after=``: a number that is none means from the beginning."""
        after = line_number(request.query_params.get("after"))
        return json_answer(await run_in_threadpool(self._daemon.logs, after))

    async def pause(self, _: Request) -> Response:
        """``POST /daemon/pause``."""
        return json_answer({"paused": await run_in_threadpool(self._daemon.pause)})

    async def resume(self, _: Request) -> Response:
        """``POST /daemon/resume``."""
        return json_answer({"paused": await run_in_threadpool(self._daemon.resume)})

    async def config(self, _: Request) -> Response:
        """``GET /daemon/config``."""
        return json_answer(await run_in_threadpool(self._daemon.config))

    async def change_config(self, request: Request) -> Response:
        """``PUT /daemon/config``: all of its settings, or none."""
        wanted = _read(await read_body(request, SMALL))
        return json_answer(await run_in_threadpool(self._daemon.change_config, wanted))

    async def reset(self, _: Request) -> Response:
        """``POST /daemon/registration/reset``."""
        return await self._begun(self._daemon.reset)

    async def shutdown(self, _: Request) -> Response:
        """``POST /daemon/shutdown``."""
        return await self._begun(self._daemon.shutdown)

    async def _begun(self, do: Callable[[], None]) -> Response:
        await run_in_threadpool(do)
        return json_answer({"ok": True}, 202)


def _read(body: bytes) -> SettingsShown:
    try:
        return _settings.decode(body)
    except msgspec.ValidationError as error:
        raise misfit(error) from None
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        raise BadRequest("the body is not JSON") from None
