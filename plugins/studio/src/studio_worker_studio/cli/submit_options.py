"""What ``studio submit`` can be told beside the task's own options."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from studio_worker_studio.cli.task_options import KINDS, text_option

ModelName = Annotated[str, typer.Option(help="Model of the registry, or with --engine any name.")]
Kind = Annotated[
    str | None,
    typer.Option(metavar="KIND", help=f"One of {KINDS}.", show_default=False),
]
WholeTask = Annotated[
    str | None,
    text_option("--task", "The whole task as JSON, or @FILE, instead of the options above."),
]
InputFile = Annotated[
    Path | None,
    typer.Option(
        "--input",
        metavar="FILE",
        help="Picture to begin with or to look at, or sound to transcribe, of this machine; up to "
        "11 MiB.",
        show_default=False,
    ),
]
MaskFile = Annotated[
    Path | None,
    typer.Option(
        "--mask",
        metavar="FILE",
        help="Picture of this machine that is white where the first may change.",
        show_default=False,
    ),
]
EngineOptions = Annotated[
    list[str] | None,
    typer.Option(
        "--param",
        metavar="NAME=VALUE",
        help="Parameter of the engine's own; can be repeated.",
        show_default=False,
    ),
]
EngineName = Annotated[
    str | None, text_option("--engine", "Engine for a model that is not in the registry.")
]
ModelSourceFile = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Model source as JSON.", show_default=False)
]
VramGb = Annotated[float | None, text_option("--vram", "GPU memory the job needs, in GB.")]
Priority = Annotated[int, typer.Option(help="Higher goes first.")]
MaxAttempts = Annotated[int, typer.Option(min=1, help="Tries before it has failed.")]
Wait = Annotated[bool, typer.Option("--wait", help="Wait until it has ended.")]
OutputFile = Annotated[
    Path | None,
    typer.Option(
        "--output",
        "-o",
        metavar="PATH",
        help="Wait, and save the result; - is standard output.",
        show_default=False,
    ),
]
IdempotencyKey = Annotated[
    str | None,
    text_option("--idempotency-key", "Queue once, however often it is said with KEY."),
]
