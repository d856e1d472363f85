"""Run the endurance test and print its figures."""

from __future__ import annotations

import os
import secrets
import sys
import tempfile
from pathlib import Path

from tests.soak.report import report
from tests.soak.run import soak

_DEFAULT_SECONDS = "600"


def main() -> int:
    """0 when the books balance."""
    seconds = float(os.environ.get("SOAK_SECONDS", _DEFAULT_SECONDS))
    seed = int(os.environ.get("SOAK_SEED", secrets.randbelow(1_000_000)))
    _say(f"soak of {seconds:.0f} s, SOAK_SEED={seed}")
    with tempfile.TemporaryDirectory(prefix="soak-") as root:
        outcome = soak(Path(root), seconds=seconds, seed=seed, say=_say)
    _say(report(outcome))
    return 1 if outcome.faults else 0


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
