"""What a lane is asked to do, and whom it tells of its way."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from studio_worker_core.engine_setup import PLAIN, EngineSetup
from studio_worker_core.errors import EngineMissing, InvalidTask
from studio_worker_core.lanes.model_identity import ModelIdentity, model_identity
from studio_worker_core.plugin import Model, Task
from studio_worker_core.roster.roster import RosterEntry
from studio_worker_core.seeds import seed_of, seeded
from studio_worker_core.wire.tasks import TaskKind

OnProgress = Callable[[float, str | None], None]
"""Called with the fraction done (0 to 1, never backwards) and a message."""

OnLog = Callable[[str, str], None]
"""Called with a level (``debug``, ``info``, ``warning``, ``error``) and a line."""


class LoadRequest(Struct, frozen=True, kw_only=True):
    """A model that a lane is to have loaded."""

    entry: RosterEntry
    """The engine that loads it; its state must be ``ready``."""
    model: Model
    slot: str = "0"
    """Name of the slot that the lane is for."""
    environment: Mapping[str, str] = {}
    """What the slot gives its processes beside the usual variables, e.g. the card to use."""
    setup: EngineSetup = PLAIN
    """What the operator set for the engine."""


class LaneRequest(LoadRequest, frozen=True, kw_only=True):
    """One job for a lane. All paths exist; the engine writes to ``directory`` only."""

    job_id: str
    task: Task
    inputs: Mapping[str, Path]
    """Name → fetched file, as :attr:`.Job.inputs` of the contract."""
    directory: Path
    """Where the result file goes."""
    scratch: Path
    """For temporary files; the caller removes it."""


class LaneKey(Struct, frozen=True):
    """What makes a lane the right one for a job: where it runs, whose code, which model."""

    slot: str
    engine: str
    factory: str
    model: ModelIdentity
    setup: bytes = b""
    """:attr:`.EngineSetup.mark`."""

    def outdates(self, other: LaneKey) -> bool:
        """Whether ``other`` is of a model that has other files or defaults now, or of an engine
        that has other code or settings: nobody will ask for it again."""
        same = (self.slot, self.engine, self.model.name)
        return self != other and same == (other.slot, other.engine, other.model.name)


def lane_key(request: LoadRequest) -> LaneKey:
    """The key of the lane that ``request`` needs, with the model's files as they are now."""
    entry = request.entry
    assert entry.spec is not None
    model = model_identity(request.model)
    return LaneKey(request.slot, entry.engine, entry.spec.factory, model, request.setup.mark)


def check_served(request: LoadRequest, *kinds: TaskKind) -> None:
    """Look that the engine can be asked for this model, for one of ``kinds`` of tasks.

    Raises:
        EngineMissing: the engine is not ready.
        InvalidTask: it does not serve the model.
    """
    entry, name = request.entry, request.model.name
    if not entry.ready:
        raise EngineMissing(f"engine '{entry.engine}' is {entry.state}: {entry.reason}")
    if not any(entry.serves(kind, name) for kind in kinds):
        # No fallback: an engine never stands in for a model it does not have.
        named = ", ".join(kind.value for kind in kinds)
        raise InvalidTask(
            f"engine '{entry.engine}' does not offer the model '{name}' for tasks of kind {named}"
        )


def with_seed(request: LaneRequest, on_log: OnLog) -> LaneRequest:
    """``request`` with a drawn seed where its task leaves it open, which ``on_log`` is told."""
    task = seeded(request.task)
    if task is request.task:
        return request
    on_log("info", f"seed {seed_of(task)} is drawn")
    return replace(request, task=task)
