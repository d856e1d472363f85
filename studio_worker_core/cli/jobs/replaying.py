"""``jobs replay``: a job once more, and whether the bytes are the same."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from studio_worker_core.cli.interrupts import saying_what_stays, stopping
from studio_worker_core.cli.invocation import Invocation, invocation_of
from studio_worker_core.cli.jobs.finding import found, journal_beside

if TYPE_CHECKING:
    import threading

    from studio_worker_core.config import ConfigStore
    from studio_worker_core.journal.records import JobFacts, Recipe
    from studio_worker_core.wire.tasks import Task


def replay(
    ctx: typer.Context,
    job: Annotated[
        str,
        typer.Argument(metavar="JOB", help="A job id, its beginning, or a capsule (FILE.zip)."),
    ],
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="Where the new result goes.")
    ] = None,
    inputs: Annotated[
        list[str] | None,
        typer.Option("--input", metavar="NAME=FILE", help="An input that is not kept, as it was."),
    ] = None,
) -> None:
    """Do a job again, here and with the seed it had, and say whether the bytes are the same.

    The exit status is 1 where they are not. A running worker is not asked: the job has an engine
    process of its own.
    """
    from studio_worker_core.config import ConfigStore
    from studio_worker_core.errors import JournalError
    from studio_worker_core.foreign_text import printable

    invocation = invocation_of(ctx)
    store = ConfigStore(invocation.config_path)
    facts, recipe = _recorded(store, job)
    if recipe is None:
        raise JournalError(
            f"job {printable(facts.job_id)} cannot be done again: its task was too long to be "
            "kept, or is of a kind that this version does not know"
        )
    given = _given(inputs or ())
    digest = _done_again(store, invocation, facts, recipe, given, output)
    if output is not None:
        typer.echo(str(output))
    _say(facts, digest)


def _say(facts: JobFacts, digest: str) -> None:
    if facts.sha256 is None:
        typer.echo(f"made again: sha256 {digest}; that of the first result is not known")
    elif facts.sha256 == digest:
        typer.echo(f"the bytes are the same: sha256 {digest}")
    else:
        typer.echo(f"the bytes are others: sha256 {digest}, not {facts.sha256}")
        raise typer.Exit(1)


def _recorded(store: ConfigStore, name: str) -> tuple[JobFacts, Recipe | None]:
    if name.lower().endswith(".zip"):
        from studio_worker_core.cli.jobs.capsules import read_capsule

        try:
            return read_capsule(Path(name))
        except OSError as error:
            raise typer.BadParameter(f"{name}: {error.strerror or error}") from None
    journal = journal_beside(store)
    facts = found(journal, name)
    return facts, journal.recipe(facts)


def _given(texts: list[str] | tuple[()]) -> dict[str, Path]:
    from studio_worker_core.errors import InvalidTask
    from studio_worker_core.jobs.local import check_input

    files: dict[str, Path] = {}
    for text in texts:
        name, sign, path = text.partition("=")
        if not sign:
            raise typer.BadParameter(f"{text}: write NAME=FILE", param_hint="--input")
        try:
            files[name] = check_input(name, Path(path))
        except OSError as error:
            words = f"{path}: {error.strerror or error}"
            raise typer.BadParameter(words, param_hint="--input") from None
        except InvalidTask as error:
            raise typer.BadParameter(str(error), param_hint="--input") from None
    return files


def _done_again(
    store: ConfigStore,
    invocation: Invocation,
    facts: JobFacts,
    recipe: Recipe,
    given: Mapping[str, Path],
    output: Path | None,
) -> str:
    """The digest of the new result, which is in ``output`` if that is named."""
    from studio_worker_core.cli.engines.job_progress import job_progress
    from studio_worker_core.cli.engines.model_files import ensured
    from studio_worker_core.cli.engines.output_file import put_file
    from studio_worker_core.cli.engines.running import engine_log, ready_engine
    from studio_worker_core.cli.installed import engine_settings
    from studio_worker_core.cli.jobs.capsules import digest_of
    from studio_worker_core.jobs.job import Job, Source
    from studio_worker_core.jobs.local import done_here

    entry = ready_engine(store, recipe.model_source.engine)
    _say_versions(facts, entry.spec.version if entry.spec is not None else None)
    quiet = invocation.verbosity < 0
    with contextlib.ExitStack() as stack:
        stack.enter_context(saying_what_stays("no result was written"))
        stop = stack.enter_context(stopping())
        task = _with_seed(recipe.task, facts)
        files = stack.enter_context(_inputs(store, task, facts, given, stop))
        model = ensured(store, facts.model, recipe.model_source, quiet=quiet, cancel=stop)
        job = Job(
            "local",
            Source.LOCAL,
            model=facts.model,
            task=task,
            model_source=recipe.model_source,
            inputs=files,
            cancel=stop,
        )
        with contextlib.ExitStack() as showing:
            progress = job_progress(f"{entry.engine} {facts.model}", quiet=quiet)
            done = done_here(
                job,
                entry,
                model.files,
                limits=store.config.limits,
                listener=showing.enter_context(progress),
                setup=engine_settings(store).setup_of(entry),
                engine_log=partial(engine_log, verbosity=invocation.verbosity),
            )
            with done as result:
                showing.close()
                if output is not None:
                    put_file(result.path, output, stop)
                with result.path.open("rb") as file:
                    return digest_of(file)


def _say_versions(facts: JobFacts, now: str | None) -> None:
    if facts.engine_version is not None and facts.engine_version != now:
        typer.echo(
            f"it was made with {facts.engine} {facts.engine_version}; here is {now or 'another'}",
            err=True,
        )


def _with_seed(task: Task, facts: JobFacts) -> Task:
    import msgspec

    seeded: Any = task
    if facts.seed is not None and hasattr(task, "seed"):
        seeded = msgspec.structs.replace(seeded, seed=facts.seed)
    return seeded  # type: ignore[no-any-return]


@contextlib.contextmanager
def _inputs(
    store: ConfigStore,
    task: Task,
    facts: JobFacts,
    given: Mapping[str, Path],
    stop: threading.Event,
) -> Iterator[Mapping[str, Path]]:
    """Every input of the task: those that are named, else fetched again."""
    from studio_worker_core.errors import InvalidTask
    from studio_worker_core.journal.recipes import is_left_out
    from studio_worker_core.models.inputs import InputFetcher, input_urls

    urls = input_urls(task)
    unknown = sorted(set(given) - set(urls) - set(facts.inputs))
    if unknown:
        raise typer.BadParameter(f"the job has no input {unknown[0]}", param_hint="--input")
    needed = {*urls, *facts.inputs} - set(given)
    if not needed:
        _check_digests(facts, given)
        yield given
        return
    lost = sorted(name for name in needed if name not in urls or is_left_out(urls[name]))
    if lost or given:
        names = " ".join(f"--input {name}=FILE" for name in sorted(needed))
        raise InvalidTask(f"inputs of the job are not kept; give them as they were: {names}")
    with tempfile.TemporaryDirectory(prefix="studio-worker-replay-") as root:
        limits = store.config.inputs
        fetcher = InputFetcher(limits, store.config.api_base_url)
        fetched = fetcher.fetch(task, Path(root), cancel=stop)
        _check_digests(facts, fetched)
        yield fetched


def _check_digests(facts: JobFacts, files: Mapping[str, Path]) -> None:
    from studio_worker_core.cli.jobs.capsules import digest_of
    from studio_worker_core.errors import InvalidTask

    for name, path in files.items():
        with path.open("rb") as file:
            digest = digest_of(file)
        if facts.inputs.get(name, digest) != digest:
            raise InvalidTask(
                f"{name} is not what the job had: its sha256 is {digest}, not {facts.inputs[name]}"
            )
