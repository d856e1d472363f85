"""How a result was made, as it goes with the result (protocol §3.1, ``meta``)."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from studio_worker_core.wire.bounds import Name, Side
from studio_worker_core.wire.tasks import MAX_SEED

LONGEST_META = 16 * 1024
"""Most bytes of it as JSON."""

_Steps = Annotated[int, Meta(ge=1, le=10_000)]


class GenerationMeta(Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """What is not known, or means nothing for the kind of work, is left out."""

    engine: Name | None = None
    engine_version: Name | None = None
    model: Name | None = None
    seed: Annotated[int, Meta(ge=0)] | None = None
    """The one that makes the same result again, 0 to 2⁶⁴-1."""
    steps: _Steps | None = None
    width: Side | None = None
    height: Side | None = None
    """In pixels."""
    seconds: Annotated[float, Meta(ge=0, le=31_536_000)] | None = None
    """What the engine took, the loading of a model included."""
    agent_version: Name | None = None

    def __post_init__(self) -> None:
        # A Meta bound has to fit 63 bits.
        if self.seed is not None and self.seed > MAX_SEED:
            raise ValueError(f"seed must be at most {MAX_SEED}")


def meta_from(value: Any) -> GenerationMeta | None:
    """The meta that a peer sent, parsed JSON or its bytes; None for whatever cannot be used:
    a result is never worth less for what was said about it."""
    try:
        if not isinstance(value, bytes | bytearray):
            value = msgspec.json.encode(msgspec.convert(value, GenerationMeta))
        if len(value) <= LONGEST_META:
            return msgspec.json.decode(value, type=GenerationMeta)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        pass
    return None
