"""``jobs export``: what makes a job again, and what came of it, in one file."""

from __future__ import annotations

import hashlib
import shutil
import zipfile
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from studio_worker_core.cli.jobs.finding import JobName, found, journal_of

if TYPE_CHECKING:
    from studio_worker_core.journal.reader import JournalReader
    from studio_worker_core.journal.records import JobFacts, Recipe

VERSION = 1
"""Of capsules."""

_CONTENT = "capsule.json"
_LONGEST_CONTENT = 4 << 20
_PART = 1 << 20


def export(
    ctx: typer.Context,
    job: JobName,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="The file to write; else JOB.zip here.")
    ] = None,
) -> None:
    """Write a job into a capsule: task, model source, seed, versions, digests of its inputs, its
    log, and the result where it is still there. 'jobs replay' takes it on any worker.

    Nothing is overwritten.
    """
    from studio_worker_core.outbox.manifest import directory_name

    journal = journal_of(ctx)
    facts = found(journal, job)
    target = output or Path(f"{directory_name(facts.job_id)}.zip")
    if target.exists():
        raise typer.BadParameter(f"{target} is there already; name another file with -o")
    has_result = write_capsule(journal, facts, target)
    typer.echo(str(target))
    if not has_result:
        from studio_worker_core.cli.jobs.opening import why_gone

        typer.echo(f"without a result: the job {why_gone(facts)}", err=True)


def write_capsule(journal: JournalReader, facts: JobFacts, target: Path) -> bool:
    """Write the capsule; whether the result is in it. Raises OSError."""
    import msgspec

    from studio_worker_core.journal.records import Capsule
    from studio_worker_core.storage.atomic import replacing

    bare = msgspec.structs.replace(facts, file=None)
    content = Capsule(VERSION, bare, journal.recipe(facts))
    with replacing(target) as file, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as capsule:
        text = msgspec.json.format(msgspec.json.encode(content), indent=2)
        capsule.writestr(_CONTENT, text)
        lines = journal.log(facts).lines
        capsule.writestr("log.jsonl", b"".join(msgspec.json.encode(line) + b"\n" for line in lines))
        picture = journal.thumbnail(facts)
        if picture is not None:
            capsule.writestr("thumbnail.png", picture)
        path = journal.result(facts)
        return path is not None and _put_result(capsule, path, facts)


def _put_result(capsule: zipfile.ZipFile, path: Path, facts: JobFacts) -> bool:
    """Add the result; not where it is gone by now, or another one."""
    name = f"result.{facts.ext}"
    try:
        with path.open("rb") as source:
            if digest_of(source) != (facts.sha256 or digest_of(source)):
                return False
            source.seek(0)
            with capsule.open(name, "w", force_zip64=True) as into:
                shutil.copyfileobj(source, into, _PART)
    except FileNotFoundError:
        return False
    return True


def digest_of(file: Any) -> str:
    """SHA-256 in hex of a file, from its beginning. Raises OSError."""
    file.seek(0)
    return hashlib.file_digest(file, "sha256").hexdigest()


def read_capsule(path: Path) -> tuple[JobFacts, Recipe | None]:
    """What is in a capsule.

    Raises:
        JournalError: it is none, or one of a later version.
        OSError: it cannot be read.
    """
    import msgspec

    from studio_worker_core.errors import JournalError
    from studio_worker_core.journal.records import Capsule

    try:
        with zipfile.ZipFile(path) as capsule, capsule.open(_CONTENT) as file:
            data = file.read(_LONGEST_CONTENT + 1)
        if len(data) > _LONGEST_CONTENT:
            raise JournalError(f"{path} is no capsule: its {_CONTENT} is too long")
        version = msgspec.json.decode(data, type=dict[str, msgspec.Raw]).get("version")
        if version is not None and bytes(version) != str(VERSION).encode():
            raise JournalError(f"{path} was written by a newer studio-worker; upgrade to read it")
        content = msgspec.json.decode(data, type=Capsule)
    except (
        *(zipfile.BadZipFile, zlib.error, EOFError),
        *(KeyError, ValueError, NotImplementedError, RuntimeError),
    ) as error:
        raise JournalError(f"{path} is no capsule of 'jobs export': {error}") from None
    return content.facts, content.recipe
