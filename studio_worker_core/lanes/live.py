"""What is told of a job's output while and after it is made, and to whom."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from msgspec import Struct


class Wanted(Struct, frozen=True):
    """What somebody wants to be told; the engine's process keeps the rest to itself."""

    text: bool = False
    previews: bool = False
    inspection: bool = False


NOTHING = Wanted()


class Preview(Struct, frozen=True):
    """A picture in the making: a small file of the type that ``ext`` says, which nobody in the
    worker decodes."""

    data: bytes
    ext: Literal["png", "jpg"]


class Inspection(Struct, frozen=True):
    """What the engine's process found in its result once that was handed over. Nothing of it was
    checked by the worker."""

    sha256: str | None = None
    """Of the result, in hex; None for one too large to be read again."""
    thumbnail: bytes = b""
    """A PNG of at most 384 pixels a side; empty where none can be made."""
    inputs: dict[str, str] = {}
    """SHA-256 in hex of each input, by its name."""


class LiveOutput(Struct, frozen=True):
    """Who hears what an engine makes while it makes it; None where nobody does. The calls come
    on the job's thread and return soon; the inspection's comes later and on another one, or
    never, if the process ends."""

    text: Callable[[str], None] | None = None
    preview: Callable[[Preview], None] | None = None
    inspection: Callable[[Inspection], None] | None = None

    @property
    def wanted(self) -> Wanted:
        """What is to be told at all."""
        return Wanted(self.text is not None, self.preview is not None, self.inspection is not None)


NOBODY = LiveOutput()
