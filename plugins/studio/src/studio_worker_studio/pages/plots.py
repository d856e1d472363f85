"""Numbers as the shapes of small plots: paths and places in an SVG, drawn by a template."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from studio_worker_studio.store.records import Ended

WIDTH, HEIGHT = 480, 96
_GAP = 3


class Bar(Struct, frozen=True):
    """One hour: how high, and of that how much failed, in the units of the plot."""

    x: float
    width: float
    done: float
    failed: float
    label: str

    @property
    def top(self) -> float:
        """Where the part that was done begins, from above."""
        return HEIGHT - self.done - self.failed


class Plot(Struct, frozen=True):
    """Jobs that ended over time."""

    bars: tuple[Bar, ...]
    most: int
    """Of one part of the time: the height of the plot."""
    done: int
    failed: int
    width: int = WIDTH
    height: int = HEIGHT


def ended_plot(parts: Sequence[Ended]) -> Plot:
    """A bar for each part; one job is at least to be seen."""
    most = max((each.done + each.failed for each in parts), default=0)
    step = WIDTH / max(len(parts), 1)
    bars = []
    for at, each in enumerate(parts):
        ago = len(parts) - at
        when = "in the last hour" if ago == 1 else f"{ago} hours ago"
        bars.append(
            Bar(
                x=round(at * step + _GAP / 2, 2),
                width=round(step - _GAP, 2),
                done=_height(each.done, most),
                failed=_height(each.failed, most),
                label=f"{each.done} done, {each.failed} failed {when}",
            )
        )
    return Plot(
        tuple(bars), most, sum(each.done for each in parts), sum(each.failed for each in parts)
    )


def _height(count: int, most: int) -> float:
    return round(max(count / most * (HEIGHT - 4), 2.0), 2) if count else 0.0
