"""Reads the journal, from any process, beside a worker that writes it or without one."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec

from studio_worker_core.errors import JournalError
from studio_worker_core.journal.database import BUSY_SECONDS, SCHEMA_VERSION
from studio_worker_core.journal.records import (
    EVERY_JOB,
    MOST_LINES,
    JobFacts,
    JobLog,
    JobQuery,
    LogLine,
    Recipe,
    facts_of,
    recipe_of,
)
from studio_worker_core.journal.writing import ended_with_worker

_MOST_A_PAGE = 1000
_FACTS = "SELECT facts, (SELECT max(ts) FROM lines WHERE job = number) FROM jobs"
_BY_ID = f"{_FACTS} WHERE id = ? ORDER BY number DESC LIMIT 1"
_PAGE = f"""{_FACTS}
WHERE (?1 IS NULL OR source = ?1) AND (?2 IS NULL OR status = ?2) AND (?3 IS NULL OR number < ?3)
AND (?4 = '' OR instr(lower(id), ?4) OR instr(lower(model), ?4) OR instr(lower(prompt), ?4))
ORDER BY number DESC LIMIT ?5"""


class JournalReader:
    """Every method opens the file anew, and raises :class:`JournalError` where it cannot be read;
    one that is not there is empty, and a job that is not understood is left out. Safe from any
    thread.

    :param settle: called before each look: waits until what was just told is written.
    :param has_worker: whether a worker runs; else what stands as running has ended with it.
    """

    def __init__(
        self,
        path: Path,
        *,
        settle: Callable[[], object] = lambda: None,
        has_worker: Callable[[], bool] = lambda: True,
        wait_for_picture: Callable[[str], None] = lambda _job_id: None,
    ) -> None:
        self._path = path
        self._settle = settle
        self._has_worker = has_worker
        self._wait_for_picture = wait_for_picture

    def page(self, query: JobQuery = EVERY_JOB) -> list[JobFacts]:
        """The jobs that are asked for, newest first; at most 1,000. Costs what is looked
        through."""
        limit = min(max(query.limit, 1), _MOST_A_PAGE)
        rows = self._rows(
            _PAGE, [query.source, query.status, query.before, query.text.lower(), limit]
        )
        return self._facts(rows)

    def find(self, job_id: str) -> JobFacts | None:
        """The latest job of that id."""
        rows = self._rows(_BY_ID, [job_id])
        return next(iter(self._facts(rows)), None)

    def ids_beginning(self, text: str) -> list[str]:
        """The ids that begin so, each once."""
        rows = self._rows(
            "SELECT DISTINCT id FROM jobs WHERE substr(id, 1, ?) = ? ORDER BY id",
            [len(text), text],
        )
        return [row[0] for row in rows]

    def counts(self) -> dict[tuple[str, str], int]:
        """How many jobs there are, by source and status."""
        rows = self._rows("SELECT source, status, count(*) FROM jobs GROUP BY source, status", [])
        return {(source, status): count for source, status, count in rows}

    def recipe(self, facts: JobFacts) -> Recipe | None:
        """What makes the job again; None where it was too long to be kept."""
        rows = self._rows("SELECT recipe FROM jobs WHERE number = ?", [facts.number])
        data = rows[0][0] if rows else None
        try:
            return recipe_of(data) if data is not None else None
        except msgspec.MsgspecError:
            return None  # of a kind or a shape that this version does not know

    def log(self, facts: JobFacts) -> JobLog:
        """The job's log."""
        rows = self._rows(
            "SELECT ts, level, target, message, n FROM lines WHERE job = ? ORDER BY n",
            [facts.number],
        )[-MOST_LINES:]
        lines = [LogLine(*row[:4]) for row in rows]
        seen = max([facts.lines, *(row[4] + 1 for row in rows[-1:])])
        return JobLog(lines, seen - len(lines))

    def thumbnail(self, facts: JobFacts) -> bytes | None:
        """A PNG of its result, if there is one."""
        self._wait_for_picture(facts.job_id)
        rows = self._rows("SELECT png FROM thumbnails WHERE job = ?", [facts.number])
        return bytes(rows[0][0]) if rows else None

    def result(self, facts: JobFacts) -> Path | None:
        """The job's result, if it is still where it was."""
        if facts.file is None or facts.status != "completed":
            return None
        path = Path(facts.file)
        try:
            found = path.lstat()
        except (OSError, ValueError):
            return None
        # Another try of the job may have taken its place.
        return path if stat.S_ISREG(found.st_mode) and found.st_size == facts.bytes else None

    def _facts(self, rows: list[tuple[Any, ...]]) -> list[JobFacts]:
        read = [(facts_of(data), last) for data, last in rows]
        found = [(facts, last) for facts, last in read if facts is not None]
        if all(facts.status != "running" for facts, _ in found) or self._has_worker():
            return [facts for facts, _ in found]
        return [
            ended_with_worker(facts, last) if facts.status == "running" else facts
            for facts, last in found
        ]

    def _rows(self, statement: str, values: list[Any]) -> list[tuple[Any, ...]]:
        self._settle()
        if not os.path.lexists(self._path):
            return []
        try:
            with _reading(self._path) as connection:
                (version,) = connection.execute("PRAGMA user_version").fetchone()
                if version == 0:
                    return []  # being made right now
                if version > SCHEMA_VERSION:
                    raise JournalError(
                        f"{self._path} was written by a newer studio-worker; upgrade to read it"
                    )
                return connection.execute(statement, values).fetchall()
        except (sqlite3.Error, OSError) as error:
            raise JournalError(f"the job journal {self._path} cannot be read: {error}") from error


@contextlib.contextmanager
def _reading(path: Path) -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(
        f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=BUSY_SECONDS, isolation_level=None
    )
    try:
        connection.execute("PRAGMA query_only = ON")
        yield connection
    finally:
        connection.close()
