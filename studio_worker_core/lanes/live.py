"""What is told of a job's output while it is being made, and to whom."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from msgspec import Struct


class Wanted(Struct, frozen=True):
    """What somebody wants to be told; the engine's process keeps the rest to itself."""

    text: bool = False
    previews: bool = False


NOTHING = Wanted()


class Preview(Struct, frozen=True):
    """A picture in the making: a small file of the type that ``ext`` says, which nobody in the
    worker decodes."""

    data: bytes
    ext: Literal["png", "jpg"]


class LiveOutput(Struct, frozen=True):
    """Who hears what an engine makes while it makes it; None where nobody does. The calls come
    on the job's thread and return soon."""

    text: Callable[[str], None] | None = None
    preview: Callable[[Preview], None] | None = None

    @property
    def wanted(self) -> Wanted:
        """What is to be told at all."""
        return Wanted(self.text is not None, self.preview is not None)


NOBODY = LiveOutput()
