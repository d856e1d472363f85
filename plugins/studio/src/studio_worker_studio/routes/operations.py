"""For those who watch over the process: liveness, readiness, metrics."""

from __future__ import annotations

from typing import Literal

from starlette.requests import Request
from starlette.responses import Response

from studio_worker_studio import __version__
from studio_worker_studio.messages import Health, Readiness
from studio_worker_studio.routes.endpoint import Endpoint, answer
from studio_worker_studio.studio import Studio

UNPREFIXED = ("/healthz", "/readyz", "/metrics")
"""These answer at the root as well, where they are looked for."""


async def healthz(_studio: Studio, _request: Request) -> Response:
    return answer(Health(status="ok", version=__version__))


async def readyz(studio: Studio, _request: Request) -> Response:
    found = await studio.readiness.failures()
    # What exactly fails is in the log: anybody may ask this.
    checks: dict[str, Literal["ok", "failed"]] = {
        name: "ok" if reason is None else "failed" for name, reason in found.items()
    }
    if any(found.values()):
        return answer(Readiness(status="not_ready", checks=checks), 503)
    return answer(Readiness(status="ready", checks=checks))


async def metrics(studio: Studio, _request: Request) -> Response:
    # The library is loaded where somebody scrapes.
    from studio_worker_studio.metrics import CONTENT_TYPE, metrics_text

    return Response(await metrics_text(studio), headers={"Content-Type": CONTENT_TYPE})


ENDPOINTS = (
    Endpoint("GET", "/healthz", healthz, "Liveness and version", access="public", answer=Health),
    Endpoint(
        "GET",
        "/readyz",
        readyz,
        "Whether the database answers and results can be stored; 503 when not",
        access="public",
        answer=Readiness,
    ),
    Endpoint("GET", "/metrics", metrics, "Numbers in the text format of Prometheus"),
)
