"""Results on disk, from the end of an engine's work until the studio has them.

One directory per job under ``<config dir>/outbox``::

    jobs/<key>/manifest.json    a finished result; without the manifest, a job at work
    jobs/<key>/result.<ext>
    refused/<key>/              what the studio will never take, with the reason
    corrupt/<key>/              what could not be read, for a person to look at
"""

from studio_worker_core.outbox.disk import Disk
from studio_worker_core.outbox.drafts import LONGEST_JSON, FileAnswer, JsonAnswer
from studio_worker_core.outbox.layout import free_path
from studio_worker_core.outbox.manifest import Draft, Entry, Manifest, Refusal, directory_name
from studio_worker_core.outbox.store import Outbox

__all__ = [
    "LONGEST_JSON",
    "Disk",
    "Draft",
    "Entry",
    "FileAnswer",
    "JsonAnswer",
    "Manifest",
    "Outbox",
    "Refusal",
    "directory_name",
    "free_path",
]
