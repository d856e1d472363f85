"""Results on disk, from the end of an engine's work until the studio has them.

One directory per job under ``<config dir>/outbox``::

    jobs/<key>/manifest.json    a finished result; without the manifest, a job at work
    jobs/<key>/result.<ext>
    refused/<key>/              what the studio will never take, with the reason
    corrupt/<key>/              what could not be read, for a person to look at
"""

from studio_worker_core.outbox.layout import free_path, shown
from studio_worker_core.outbox.manifest import (
    Draft,
    Entry,
    Manifest,
    Refusal,
    directory_name,
    task_digest,
)
from studio_worker_core.outbox.store import Outbox

__all__ = [
    "Draft",
    "Entry",
    "Manifest",
    "Outbox",
    "Refusal",
    "directory_name",
    "free_path",
    "shown",
    "task_digest",
]
