"""The figures of a soak as a table."""

from __future__ import annotations

from tests.soak.books import MAX_FILES, MAX_MEMORY_MB, MAX_THREADS
from tests.soak.run import SoakResult


def report(outcome: SoakResult) -> str:
    """All figures, then what does not add up."""
    books = outcome.books
    rate = outcome.steady_jobs / outcome.steady_seconds if outcome.steady_seconds else 0.0
    rows = [
        ("seed", str(outcome.seed)),
        ("seconds", f"{outcome.seconds:.0f}"),
        *((f"action: {name}", str(count)) for name, count in sorted(outcome.actions.items())),
        *((f"jobs {state}", str(count)) for state, count in sorted(books.states.items())),
        ("results finished by workers", str(books.finished)),
        ("jobs worked on to the end twice", str(books.done_twice)),
        ("results refused and kept", str(books.refused)),
        ("steady jobs per second", f"{rate:.1f}"),
    ]
    for each in outcome.grown:
        rows += [
            (
                f"{each.name}: memory, MiB",
                f"{each.before.memory_mb:.1f} -> {each.after.memory_mb:.1f} "
                f"(margin {MAX_MEMORY_MB:.0f})",
            ),
            (
                f"{each.name}: open files",
                f"{each.before.files} -> {each.after.files} (margin {MAX_FILES})",
            ),
            (
                f"{each.name}: threads",
                f"{each.before.threads} -> {each.after.threads} (margin {MAX_THREADS})",
            ),
        ]
    width = max(len(name) for name, _ in rows)
    lines = [f"{name:<{width}}  {value}" for name, value in rows]
    if outcome.faults:
        lines += ["", f"{len(outcome.faults)} things do not add up:"]
        lines += [f"- {fault}" for fault in outcome.faults]
    else:
        lines += ["", "The books balance."]
    return "\n".join(lines)
