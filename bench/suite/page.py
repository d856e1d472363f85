"""``docs/performance.md``: one run, as a page."""

from __future__ import annotations

from bench.suite.figures import Run, as_markdown, rows

_HEAD = """# Performance

Written by `make bench`, on one machine on one day: {machine}; {versions}; {at}.
Medians; the spread is from the lower to the upper quartile, as a part of the median.
Less is better in every row.
On another machine only the ratios between rows mean something.

{table}
[Benchmarks](inside/benchmarks.md) says what the rows are, and how to compare runs and workers.
"""

_BESIDE = """
## Beside {worker}

The same work, against the same scripted studio, on the same machine.
A ratio below 1 is in favour of this worker.

{table}"""


def page(run: Run, other: Run | None = None) -> str:
    """The whole page; with ``other`` also how the run compares with it."""
    text = _HEAD.format(
        machine=run.machine, versions=run.versions, at=run.at, table=as_markdown(rows(run))
    )
    if other is None:
        return text
    shared = Run(run.worker, tuple(each for each in run.figures if other.named(each.name)))
    return text + _BESIDE.format(worker=other.worker, table=as_markdown(rows(shared, other)))
