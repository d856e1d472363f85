"""The journal of this worker, and one job of it by its id."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from studio_worker_core.cli.invocation import invocation_of

if TYPE_CHECKING:
    from studio_worker_core.config import ConfigStore
    from studio_worker_core.journal.reader import JournalReader
    from studio_worker_core.journal.records import JobFacts

JobName = Annotated[
    str, typer.Argument(metavar="JOB", help="A job id as in 'jobs list', or its beginning.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Write JSON.")]


def journal_of(ctx: typer.Context) -> JournalReader:
    """The journal, whether a worker runs or not."""
    from studio_worker_core.config import ConfigStore

    return journal_beside(ConfigStore(invocation_of(ctx).config_path))


def journal_beside(store: ConfigStore) -> JournalReader:
    """The journal of the worker with that configuration."""
    from studio_worker_core.journal.reader import JournalReader

    def has_worker() -> bool:
        from studio_worker_core.cli.status import running_worker

        return running_worker(store.lock_path) is not None

    return JournalReader(store.journal_path, has_worker=has_worker)


def found(journal: JournalReader, name: str) -> JobFacts:
    """The latest job of that id, or of the only one that begins so.

    Raises:
        JournalError: there is none, or the journal cannot be read.
        AmbiguousId: several begin so.
    """
    from studio_worker_core.cli.prefixes import whole_id
    from studio_worker_core.errors import JournalError
    from studio_worker_core.foreign_text import printable

    facts = journal.find(name)
    if facts is None:
        whole = whole_id(name, journal.ids_beginning(name), "jobs") if name else None
        facts = journal.find(whole) if whole is not None else None
    if facts is None:
        raise JournalError(f"no such job: {printable(name)} (see 'studio-worker jobs list')")
    return facts
