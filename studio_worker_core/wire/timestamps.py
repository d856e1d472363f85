"""Times as they are written: RFC 3339 UTC with milliseconds."""

from __future__ import annotations

from datetime import UTC, datetime


def timestamp(seconds: float) -> str:
    """``seconds`` since 1970, e.g. ``2026-01-31T12:00:00.000Z``."""
    return in_utc(datetime.fromtimestamp(seconds, UTC))


def in_utc(moment: datetime) -> str:
    """The same of a moment in any time zone."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
