"""Too little memory for a model, in numbers and in words."""

from __future__ import annotations

from msgspec import Struct

from studio_worker_core.errors import InsufficientMemory


class MemoryShort(Struct, frozen=True):
    """What is needed and what is free, in GiB; ``margin_gib`` of the free is given to nobody."""

    message: str
    needed_gib: float
    free_gib: float
    margin_gib: float

    def error(self) -> InsufficientMemory:
        """It as an error."""
        return InsufficientMemory(
            self.message,
            needed_gib=self.needed_gib,
            free_gib=self.free_gib,
            margin_gib=self.margin_gib,
        )

    def __str__(self) -> str:
        return self.message
