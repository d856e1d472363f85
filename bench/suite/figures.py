"""What was measured: figures with their samples, the runs that they belong to, and tables."""

from __future__ import annotations

import math
import os
import platform
import statistics
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import msgspec
from msgspec import Struct, field

from studio_worker_core import __version__

_LIBRARIES = ("msgspec", "pillow", "requests", "typer", "websockets")


class Figure(Struct, frozen=True):
    """One measured thing; less of it is better, whatever it is."""

    name: str
    unit: str
    samples: tuple[float, ...]

    @property
    def median(self) -> float:
        """The figure to quote."""
        return statistics.median(self.samples)

    @property
    def spread(self) -> float:
        """From the lower to the upper quartile, as a part of the median; 0 for one sample."""
        if len(self.samples) < 2 or not self.median:
            return 0.0
        low, _, high = statistics.quantiles(self.samples, n=4, method="inclusive")
        return (high - low) / self.median


class Run(Struct, frozen=True):
    """All figures of one worker, and where they were taken."""

    worker: str
    figures: tuple[Figure, ...]
    at: str = field(default_factory=lambda: datetime.now(UTC).strftime("%Y-%m-%d"))
    machine: str = field(default_factory=lambda: machine())
    versions: str = field(default_factory=lambda: versions())

    def named(self, name: str) -> Figure | None:
        """The figure of that name."""
        return next((each for each in self.figures if each.name == name), None)


class UnreadableRun(Exception):
    """A file is no saved run."""


def machine() -> str:
    """The processor, how many of it, the system, and how much else runs on it."""
    model = platform.processor() or platform.machine()
    try:
        for line in Path("/proc/cpuinfo").read_text("utf-8").splitlines():
            if line.startswith("model name"):
                model = line.partition(":")[2].strip()
                break
    except OSError:
        pass
    busy = f", busy with {os.getloadavg()[0]:.1f} others" if hasattr(os, "getloadavg") else ""
    return f"{os.cpu_count()} × {model}, {platform.system()} {platform.release()}{busy}"


def versions() -> str:
    """This project, Python, and the libraries that count."""
    found = [f"studio-worker {__version__}", f"Python {platform.python_version()}"]
    for name in _LIBRARIES:
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            continue
    return ", ".join(found)


def save(run: Run, path: Path) -> None:
    """Keep a run to compare others with. Raises OSError."""
    path.write_bytes(msgspec.json.format(msgspec.json.encode(run), indent=1) + b"\n")


def load(path: Path) -> Run:
    """A run that was kept.

    Raises:
        UnreadableRun: there is none, or it is another kind of file.
    """
    try:
        return msgspec.json.decode(path.read_bytes(), type=Run)
    except (OSError, msgspec.MsgspecError, UnicodeError) as error:
        raise UnreadableRun(f"{path} is no saved run: {error}") from error


def rows(run: Run, other: Run | None = None) -> list[list[str]]:
    """A line for each figure, the heads first: median and spread, and beside an ``other`` run
    how much of its median this one's is."""
    head = ["", "median", "spread", "samples"]
    if other is not None:
        head += [f"{other.worker}", "ratio"]
    lines = [head]
    for each in run.figures:
        line = [each.name, shown(each), f"{each.spread:.0%}", str(len(each.samples))]
        if other is not None:
            before = other.named(each.name)
            line += [shown(before), _ratio(each, before)] if before is not None else ["", ""]
        lines.append(line)
    return lines


def shown(figure: Figure) -> str:
    """The median with its unit, to three digits."""
    value = figure.median
    digits = max(2 - math.floor(math.log10(abs(value))), 0) if value else 0
    return f"{value:,.{digits}f} {figure.unit}".rstrip()


def _ratio(figure: Figure, before: Figure) -> str:
    return f"{figure.median / before.median:.2f}" if before.median else ""


def as_text(lines: Sequence[Sequence[str]]) -> str:
    """A table for a terminal: the first column to the left, the others to the right."""
    widths = [max(len(line[at]) for line in lines) for at in range(len(lines[0]))]
    return "".join(
        "  ".join([line[0].ljust(widths[0]), *map(str.rjust, line[1:], widths[1:])]).rstrip() + "\n"
        for line in lines
    )


def as_markdown(lines: Iterable[Sequence[str]]) -> str:
    """The same for a page."""
    head, *rest = ["| " + " | ".join(line) + " |" for line in lines]
    columns = head.count("|") - 1
    return "\n".join([head, "| --- " + "| --: " * (columns - 1) + "|", *rest]) + "\n"
