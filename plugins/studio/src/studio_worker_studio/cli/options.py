"""Options that every operator command takes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

DEFAULT_URL = "http://127.0.0.1:8765/"

StudioUrl = Annotated[
    str, typer.Option("--studio-url", envvar="STUDIO_URL", metavar="URL", help="The studio.")
]
TokenFile = Annotated[
    Path | None,
    typer.Option(
        "--operator-token-file",
        metavar="FILE",
        help="File with the operator token.",
        show_default=False,
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
