"""``python -m bench.suite``: measure, and save, compare or write down what came out."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from bench.suite.figures import Figure, Run, UnreadableRun, as_text, load, rows, save
from bench.suite.measures import QUICK, Extent, of_any_worker, of_ours
from bench.suite.page import page
from bench.suite.studio import JobFailed
from bench.suite.worker import OURS, UnusableCommand


def parser() -> argparse.ArgumentParser:
    """The options."""
    found = argparse.ArgumentParser(prog="python -m bench.suite", description=__doc__)
    found.add_argument("--quick", action="store_true", help="a few rounds of each: a first look")
    found.add_argument("--save", type=Path, metavar="FILE", help="keep the run to compare with")
    found.add_argument("--page", type=Path, metavar="FILE", help="write the run as a page")
    found.add_argument("--compare", type=Path, metavar="FILE", help="beside a run that was kept")
    found.add_argument(
        "--against",
        metavar="COMMAND",
        help="beside another worker; {config} in its command line is the place of its config file",
    )
    found.add_argument("--name", default="the other worker", help="what to call that worker")
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """Run and print; returns the exit status."""
    options = parser().parse_args(arguments)
    try:
        _run(options)
    except (UnusableCommand, UnreadableRun, JobFailed, TimeoutError, OSError) as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    return 0


def _run(options: argparse.Namespace) -> None:
    before = load(options.compare) if options.compare is not None else None
    extent = QUICK if options.quick else Extent()
    other = None
    if options.against is not None:
        other = Run(options.name, _told(of_any_worker(options.against, extent), options.name))
    figures = _told(of_any_worker(OURS, extent), "this worker")
    if options.against is None or options.page is not None:
        figures += _told(of_ours(extent), "this worker")
    run = Run("this worker", figures)
    for beside in (before, other):
        if beside is not None:
            print(f"\nBeside {beside.worker} of {beside.at} ({beside.machine}):\n")
            print(as_text(rows(run, beside)), end="")
    if before is None and other is None:
        print()
        print(as_text(rows(run)), end="")
    if options.save is not None:
        options.save.parent.mkdir(parents=True, exist_ok=True)
        save(run, options.save)
    if options.page is not None:
        options.page.write_text(page(run, other), "utf-8")


def _told(figures: Iterable[Figure], worker: str) -> tuple[Figure, ...]:
    """All of them, each said as it comes: a run takes minutes."""

    def saying() -> Iterator[Figure]:
        for each in figures:
            print(f"{worker}: {each.name}", file=sys.stderr)
            yield each

    return tuple(saying())


if __name__ == "__main__":
    sys.exit(main())
