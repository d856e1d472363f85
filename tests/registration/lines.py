"""A line to a studio in the mind, and a stop that counts its waits."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from studio_worker_core.registration.registrar import Registrar
from studio_worker_core.secrets import Secret
from tests.registration.model_studio import ModelStudio


class RecordedStop(threading.Event):
    """A stop that is set after so many waits, none of which takes any time."""

    def __init__(self, waits: int) -> None:
        super().__init__()
        self.waits: list[float] = []
        self._left = waits

    def wait(self, timeout: float | None = None) -> bool:
        assert timeout is not None
        self.waits.append(timeout)
        if len(self.waits) >= self._left:
            self.set()
        return self.is_set()


class Line(ModelStudio):
    """A model studio whose next answers can be errors."""

    def __init__(self) -> None:
        super().__init__()
        self.errors: list[Exception | None] = []

    def register_request(self, request: Any) -> Any:
        self._fail()
        return super().register_request(request)

    def poll_registration(self, request_id: str, secret: Secret) -> Any:
        self._fail()
        return super().poll_registration(request_id, secret)

    def _fail(self) -> None:
        error = self.errors.pop(0) if self.errors else None
        if error is not None:
            raise error


Make = Callable[..., Registrar]
