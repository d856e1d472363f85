"""How long ago something was, by the studio's clock: a browser's may be wrong."""

from __future__ import annotations

from studio_worker_core.web.rendering import stamp

__all__ = ["ago", "stamp"]


def ago(when: float, now: float) -> str:
    """An age in words."""
    seconds = max(now - when, 0.0)
    for unit, size in (("d", 86_400), ("h", 3600), ("min", 60)):
        if seconds >= size:
            return f"{seconds // size:.0f} {unit} ago"
    return f"{seconds:.0f} s ago"
