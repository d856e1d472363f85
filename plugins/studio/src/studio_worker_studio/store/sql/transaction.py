"""What a database gives to a piece of work on it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Protocol, TypeVar

from studio_worker_studio.dispatch import Lane, Wanted
from studio_worker_studio.store.records import WaitingJob

T = TypeVar("T")


class Row(Protocol):
    """One row, by the names of its columns."""

    def __getitem__(self, column: str, /) -> Any: ...


class Found(Protocol):
    """What a statement found or did."""

    @property
    def rowcount(self) -> int:
        """How many rows it changed."""

    @property
    def description(self) -> Sequence[Any] | None:
        """A tuple for each column of the rows, which begins with its name."""

    def fetchone(self) -> Any:
        """The next :class:`Row`, None behind the last."""

    def fetchall(self) -> list[Any]:
        """The rest."""

    def __iter__(self) -> Iterator[Any]: ...


class Transaction(Protocol):
    """One transaction. A piece of work is run again when it met another one in the database, so
    it may do nothing else that cannot be done twice."""

    for_update: str
    """Put behind a SELECT of rows that are changed next: others wait until that is over."""
    skip_locked: str
    """The same, but rows that others change right now are passed by."""

    def execute(self, sql: str, parameters: Sequence[Any] = (), /) -> Found:
        """Run one statement, with ``?`` for each parameter."""


class Database(Protocol):
    """Runs short pieces of work, each as one transaction, on threads of its own."""

    async def write(self, work: Callable[[Transaction], T], *, durable: bool = False) -> T:
        """Run ``work``; nothing of it is kept when it raises. What is ``durable`` is on the
        disk when this returns; the others may be lost with the last moments before a power cut
        (or a crash of the database, where that is another process), never half.

        Raises:
            StoreError: the database failed.
        """

    async def read(self, work: Callable[[Transaction], T]) -> T:
        """Run ``work``, which only reads; it sees everything committed before.

        Raises:
            StoreError: the database failed.
        """


class Searches(Protocol):
    """Looking for work in the queue at a cost that does not grow with it: each database has its
    own words for that."""

    def first_for(self, wanted: Wanted, c: Transaction) -> WaitingJob | None:
        """See :meth:`~studio_worker_studio.store.jobs.JobStore.first_for`."""

    def waiting_lanes(self, c: Transaction) -> Mapping[Lane, float]:
        """See :meth:`~studio_worker_studio.store.jobs.JobStore.waiting_lanes`."""
