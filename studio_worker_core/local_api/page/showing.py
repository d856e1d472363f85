"""One job, as its template shows it."""

from __future__ import annotations

import copy
import secrets
from typing import Any

from studio_worker_core.local_api.page import results
from studio_worker_core.local_api.page.creations import Creation
from studio_worker_core.local_api.page.signing import PATH


def shown_work(creation: Creation) -> dict[str, Any]:
    """What the template of one job needs. Reads the result where it is a sound."""
    creation = copy.copy(creation)  # it goes on meanwhile
    shape = results.shape_of(creation)
    path = creation.made.path if creation.made is not None else None
    return {
        "work": creation,
        "look": shape,
        "text": results.text_of(creation),
        "answer": results.json_of(creation),
        "facts": results.facts_of(creation) if creation.is_over else (),
        "wish": results.said_of(creation),
        "file_name": results.file_name(creation),
        "address": f"{PATH}/creations/{creation.id}/file/{results.file_name(creation)}",
        "wave": results.waveform(path) if path is not None and shape == "sound" else "",
        "again": secrets.token_hex(8),
        "other": secrets.token_hex(8),
    }
