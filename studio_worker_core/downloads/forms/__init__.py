"""Whether a file without a checksum has the form its name promises.

The bytes are read, never run or decoded: a hostile header costs bounded time and memory.
"""

from studio_worker_core.downloads.forms.checking import Check, fault_in
from studio_worker_core.downloads.forms.pages import HEAD_BYTES, page_in

__all__ = ["HEAD_BYTES", "Check", "fault_in", "page_in"]
