"""What a lane is asked to do, and whom it tells of its way."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from msgspec import Struct

from studio_worker_core.lanes.model_identity import ModelIdentity, model_identity
from studio_worker_core.plugin import Model, Task
from studio_worker_core.roster.roster import RosterEntry

OnProgress = Callable[[float, str | None], None]
"""Called with the fraction done (0 to 1, never backwards) and a message."""

OnLog = Callable[[str, str], None]
"""Called with a level (``debug``, ``info``, ``warning``, ``error``) and a line."""


class LaneRequest(Struct, frozen=True):
    """One job for a lane. All paths exist; the engine writes to ``directory`` only."""

    job_id: str
    entry: RosterEntry
    """The engine that does it; its state must be ``ready``."""
    model: Model
    task: Task
    inputs: Mapping[str, Path]
    """``init_image``, ``mask``, ``ref_image``, ``input`` → fetched file."""
    directory: Path
    """Where the result file goes."""
    scratch: Path
    """For temporary files; the caller removes it."""
    slot: str = "0"
    """Name of the slot that the job has."""
    environment: Mapping[str, str] = {}
    """What the slot gives its processes beside the usual variables, e.g. the card to use."""


class LaneKey(Struct, frozen=True):
    """What makes a lane the right one for a job: where it runs, whose code, which model."""

    slot: str
    engine: str
    factory: str
    model: ModelIdentity

    def outdates(self, other: LaneKey) -> bool:
        """Whether ``other`` is of a model that has other files or defaults now, or of an engine
        that has other code: nobody will ask for it again."""
        same = (self.slot, self.engine, self.model.name)
        return self != other and same == (other.slot, other.engine, other.model.name)


def lane_key(request: LaneRequest) -> LaneKey:
    """The key of the lane that ``request`` needs, with the model's files as they are now."""
    entry = request.entry
    assert entry.spec is not None
    model = model_identity(request.model)
    return LaneKey(request.slot, entry.engine, entry.spec.factory, model)
