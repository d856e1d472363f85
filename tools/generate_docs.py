"""Write the generated pages under ``docs/reference``; with ``--check`` only compare.

Run as ``python -m tools.generate_docs``. The pages come from the code alone: the commands,
the config structs, the public plugin contract and the studio's endpoints. Nothing on this
machine (installed third-party plugins, terminal width, home directory) shows in them.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

from tools.reference_pages import checks, commands, config_keys, engine_list, hooks, operator_api

REFERENCE = Path(__file__).resolve().parent.parent / "docs" / "reference"

PAGES: dict[str, Callable[[], str]] = {
    "checks.md": checks.page,
    "commands.md": commands.page,
    "config.md": config_keys.page,
    "hooks.md": hooks.page,
    "operator-api.md": operator_api.page,
    "engines.md": engine_list.page,
}
"""File name below ``docs/reference`` → what makes its text."""


def stale_pages(directory: Path = REFERENCE) -> list[str]:
    """Names of the pages that are missing or differ from what the code says now."""
    return [name for name, make in PAGES.items() if _text_of(directory / name) != make()]


def main(arguments: list[str] | None = None) -> int:
    """Write the pages that changed, or say which would (exit status 1)."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--check", action="store_true", help="write nothing, fail on a difference")
    stale = stale_pages()
    if parser.parse_args(arguments).check:
        for name in stale:
            print(f"docs/reference/{name} is out of date; run 'make reference'")
        return 1 if stale else 0
    REFERENCE.mkdir(parents=True, exist_ok=True)
    for name in stale:
        (REFERENCE / name).write_text(PAGES[name](), "utf-8")
        print(f"wrote docs/reference/{name}")
    return 0


def _text_of(path: Path) -> str | None:
    return path.read_text("utf-8") if path.exists() else None


if __name__ == "__main__":
    sys.exit(main())
