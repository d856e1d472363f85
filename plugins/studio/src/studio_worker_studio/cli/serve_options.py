"""What ``studio serve`` can be told."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Host = Annotated[str, typer.Option(help="Address to listen on.")]
Port = Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on; 0 picks a free one.")]
OperatorTokenFile = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="Operator token; made when the file does not exist. "
        "Default: operator-token in the data directory.",
        show_default=False,
    ),
]
PortFile = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="Write the port here once listening.", show_default=False),
]
AutoApprove = Annotated[
    bool, typer.Option("--auto-approve", help="Let in every worker that asks, at once.")
]
IsPublic = Annotated[
    bool,
    typer.Option(
        "--public", help="Yes, others may reach it: no warning about plain HTTP (see TLS)."
    ),
]
BehindProxy = Annotated[
    list[str] | None,
    typer.Option(
        metavar="ADDRESS",
        help="Address or network of a reverse proxy: what it forwards (X-Forwarded-For, names) "
        "is believed. May be repeated.",
        show_default=False,
    ),
]
KeepResults = Annotated[
    float | None,
    typer.Option(
        metavar="DAYS",
        min=0,
        help="Remove results so long after their job; without it they stay.",
        show_default=False,
    ),
]
KeepJobs = Annotated[
    float,
    typer.Option(
        metavar="DAYS",
        min=0,
        help="Forget ended jobs without a result so long after; 0 for never.",
    ),
]
KeepLogs = Annotated[
    float,
    typer.Option(
        metavar="DAYS", min=0, help="Remove log entries of workers so long after; 0 for never."
    ),
]
Verbose = Annotated[bool, typer.Option("--verbose", "-v", help="Log sessions and requests.")]
