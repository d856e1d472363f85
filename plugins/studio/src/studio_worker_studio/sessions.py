"""One worker's live socket: what the studio knows about it, and what is sent to it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from msgspec import Struct
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketDisconnected

from studio_worker_core.wire.capabilities import Capabilities
from studio_worker_core.wire.codec import encode_text
from studio_worker_core.wire.frames import CloseCode, ErrorFrame, StudioFrame
from studio_worker_studio.dispatch import WorkerView, abilities_of
from studio_worker_studio.shapes import StrictOffer

if TYPE_CHECKING:
    from studio_worker_studio.store.records import JobRecord

GOING_AWAY = 1001
"""Close code while the studio stops: the worker comes back by itself."""

_MAX_WAITING_FRAMES = 1000
_MAX_REMEMBERED = 1000
_MAX_REFUSED = 200
"""Jobs a worker may keep refused at once; each search of the queue passes them by."""


class Held(Struct):
    """A job this session holds. ``claims`` is the number of the claim."""

    claims: int
    offered_at: float
    accepted: bool = False


class JobProgress(Struct, frozen=True, omit_defaults=True):
    """How far a running job is, 0 to 1, as its worker said."""

    fraction: float
    message: str | None = None


class _Close(Struct, frozen=True):
    code: int
    reason: str


class Session:
    """State of one session. Everything happens on the event loop."""

    def __init__(
        self, worker_id: str, socket: WebSocket, capabilities: Capabilities, now: float
    ) -> None:
        self.worker_id = worker_id
        self.order = 0
        """Number of the connection, set when the session joins the fleet."""
        self.capabilities = capabilities
        self.abilities = abilities_of(capabilities)
        self.features = frozenset(capabilities.features or ())
        self.last_heartbeat = now
        self.current_job_id: str | None = None
        self.held: dict[str, Held] = {}
        self.reserving = False
        """A claim for this session is on its way: the slot is taken."""
        self.resting = False
        """It rejected a job as busy or paused; no offers until its next heartbeat."""
        self.ready = False
        """It has been welcomed."""
        self.over = False
        self.ending = False
        """A close frame is on its way."""
        self.closed = asyncio.Event()
        """Nothing more will be sent."""
        self.forfeits = False
        """It broke the protocol: its claims do not outlive it."""
        self._refused: dict[str, float] = {}
        self._finished: dict[str, None] = {}
        self._withdrawn: dict[str, None] = {}
        self._socket = socket
        self._outgoing: asyncio.Queue[StudioFrame | StrictOffer | _Close] = asyncio.Queue()

    def describe(self, capabilities: Capabilities) -> bool:
        """The worker says what it can do; whether that is news."""
        if capabilities == self.capabilities:
            return False
        self.capabilities = capabilities
        self.abilities = abilities_of(capabilities)
        self.features = frozenset(capabilities.features or self.features)
        return True

    # what it holds

    def hold(self, job: JobRecord, now: float, *, accepted: bool) -> None:
        """The session holds ``job`` from now on."""
        for memory in (self._finished, self._withdrawn):
            memory.pop(job.job_id, None)
        self.held[job.job_id] = Held(job.claims, now, accepted)

    def settle(self, job_id: str) -> None:
        """A job it held has ended with its doing; the worker may still name it for a while."""
        self.held.pop(job_id, None)
        _remember(self._finished, job_id)

    def withdraw(self, job_id: str) -> None:
        """The studio took a job away; what the worker says about it is no violation."""
        self.held.pop(job_id, None)
        _remember(self._withdrawn, job_id)

    def refuse(self, job_id: str, until: float) -> None:
        """The worker does not want this job; it is for others until then."""
        self.held.pop(job_id, None)
        self._refused[job_id] = until
        while len(self._refused) > _MAX_REFUSED:
            del self._refused[next(iter(self._refused))]

    def forgive(self, now: float) -> None:
        """Refusals that are over no longer count: perhaps there are no others."""
        self._refused = {job: until for job, until in self._refused.items() if until > now}

    def has_had(self, job_id: str) -> bool:
        """Whether that job was this session's: ended with its doing, refused by it, or taken
        away from it. What it still says about it crossed on the wire."""
        return job_id in self._finished or job_id in self._withdrawn or job_id in self._refused

    @property
    def is_free(self) -> bool:
        """Holds no job, is not in the middle of getting one, and does not rest."""
        return self.ready and not (self.held or self.reserving or self.resting or self.over)

    def view(self) -> WorkerView:
        """The session as the dispatch sees it."""
        current = self.current_job_id
        return WorkerView(
            order=self.order,
            capabilities=self.capabilities,
            abilities=self.abilities,
            free=self.is_free,
            current_job_id=None if current in self._finished else current,
            refused=frozenset(self._refused),
        )

    # what is sent

    def post(self, frame: StudioFrame | StrictOffer) -> None:
        """Send a frame, in order, without waiting. A worker that reads nothing is let go."""
        if self.over:
            return
        if self._outgoing.qsize() >= _MAX_WAITING_FRAMES:
            self.end(CloseCode.NORMAL, "too many unread frames")
            return
        self._outgoing.put_nowait(frame)

    def end(self, code: int, reason: str, *, error: str | None = None) -> None:
        """Close the session after what is waiting was sent; ``error`` is the code of an
        ``error`` frame that says why."""
        if self.over:
            return
        self.over = self.ending = True
        if error is not None:
            self._outgoing.put_nowait(ErrorFrame(code=error, message=reason))
        self._outgoing.put_nowait(_Close(code, reason))

    def violate(self, reason: str) -> None:
        """The worker broke the protocol (protocol §5)."""
        self.forfeits = True
        self.end(CloseCode.PROTOCOL_VIOLATION, reason, error="protocol_violation")

    async def write(self) -> None:
        """Send what is posted until the session is closed; runs as a task beside the reader."""
        try:
            while True:
                item = await self._outgoing.get()
                if isinstance(item, _Close):
                    # A close frame has room for 123 bytes of reason.
                    reason = item.reason.encode()[:120].decode("utf-8", "ignore")
                    await self._socket.close(item.code, reason)
                    return
                await self._socket.send_text(encode_text(item))
        except (WebSocketDisconnect, WebSocketDisconnected, OSError):
            self.over = True  # the reader learns it too, and leaves
        finally:
            self.closed.set()


def _remember(memory: dict[str, None], job_id: str) -> None:
    memory[job_id] = None
    if len(memory) > _MAX_REMEMBERED:
        del memory[next(iter(memory))]
