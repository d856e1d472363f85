"""Whether a file without a checksum has the form its name promises.

The bytes are read, never run or decoded: a hostile header costs bounded time and memory.
"""

from studio_worker_core.downloads.forms.checking import Checkpoint, fault_in
from studio_worker_core.downloads.forms.pages import PAGE_HEAD_BYTES, page_in

__all__ = ["PAGE_HEAD_BYTES", "Checkpoint", "fault_in", "page_in"]
