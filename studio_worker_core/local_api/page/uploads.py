"""Files that were chosen in a form: they survive an error, a reload and the job itself."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from starlette.datastructures import UploadFile

from studio_worker_core.config import InputLimits
from studio_worker_core.local_api.files import ResultFiles
from studio_worker_core.local_api.page.creations import Creations, Upload
from studio_worker_core.local_api.work import Made
from studio_worker_core.models.inputs import true_type

_MOST_NAME = 120
_MOST_KEPT = 1000


class Uploads:
    """Keeps uploads for an hour under names of their own; a form carries the name on.

    A kept file is named ``upload/NAME``, the result of a creation ``made/ID``, its input
    ``input/ID/NAME``.
    """

    def __init__(self, creations: Creations) -> None:
        self._creations = creations
        self._files = ResultFiles()
        self._lock = threading.Lock()
        self._names: dict[str, str] = {}

    def keep(self, upload: UploadFile, name: str, limits: InputLimits) -> str:
        """Keep what was uploaded as the input ``name``; what to call it from here on.

        Raises:
            InvalidTask: it is not what that input has to be.
            OSError: the disk cannot take it.
        """
        with TemporaryDirectory(prefix="studio-worker-upload-") as directory:
            path = Path(directory) / name
            with path.open("wb") as file:
                shutil.copyfileobj(upload.file, file, 1 << 20)
            path = path.rename(f"{path}.{true_type(path, name, limits)}")
            with self._lock:
                kept = self._files.keep(path, "application/octet-stream")
                self._names[kept] = (upload.filename or name)[:_MOST_NAME]
                while len(self._names) > _MOST_KEPT:
                    del self._names[next(iter(self._names))]
        return f"upload/{kept}"

    def find(self, reference: str) -> Upload | None:
        """The file that a form refers to, while there is one."""
        match reference.split("/"):
            case ["upload", name]:
                with self._lock:
                    found = self._files.find(name)
                return Upload(found.path, self._names.get(name, name)) if found else None
            case ["made", name]:
                made = self._made(name)
                if made is None or made.path is None:
                    return None
                return Upload(made.path, f"result.{made.ext}")
            case ["input", name, which]:
                creation = self._creations.find(name)
                inputs: Mapping[str, Upload] = creation.inputs if creation is not None else {}
                return inputs.get(which)
        return None

    def close(self) -> None:
        """Remove them all."""
        self._files.close()

    def _made(self, name: str) -> Made | None:
        creation = self._creations.find(name)
        return creation.made if creation is not None else None
