"""Exit codes by which a child process of ours says why it went."""

from __future__ import annotations

CLOSED_CHANNEL = 86
"""Exit code of an engine process whose control channel was closed from inside."""

LOST_WORKER = 87
"""Exit code of a process whose worker is gone."""
