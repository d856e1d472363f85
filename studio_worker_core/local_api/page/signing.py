"""What signing in to the worker's page is of its own."""

from __future__ import annotations

from studio_worker_core.local_api.bodies import SMALL, form_of
from studio_worker_core.local_api.errors import Refused
from studio_worker_core.web.signing import Site

PATH = "/ui"
"""Everything of the page is under here; its cookie is sent nowhere else."""


class Forged(Refused):
    """A change without the token of its session."""

    status = 403
    code = "forged"


SITE = Site(path=PATH, cookie="studio-worker", form_of=form_of, forged=Forged, most=SMALL)
