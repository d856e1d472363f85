"""All HTTP endpoints in one table: the routes and the OpenAPI document come from it."""

from __future__ import annotations

from studio_worker_studio.routes import (
    complete,
    following,
    jobs,
    models,
    operations,
    registration,
    results,
    submission,
    watching,
    workers,
)
from studio_worker_studio.routes.endpoint import Endpoint

# Registration first: ``/workers/pending`` is no worker's id.
ENDPOINTS: tuple[Endpoint, ...] = (
    *registration.ENDPOINTS,
    *workers.ENDPOINTS,
    *complete.ENDPOINTS,
    *submission.ENDPOINTS,
    *jobs.ENDPOINTS,
    *following.ENDPOINTS,
    *results.ENDPOINTS,
    *models.ENDPOINTS,
    *watching.ENDPOINTS,
    *operations.ENDPOINTS,
)
