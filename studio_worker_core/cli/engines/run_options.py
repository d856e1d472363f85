"""What ``engines run`` can be told."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from studio_worker_core.cli.numbers import number, whole_number
from studio_worker_core.wire.tasks import TaskKind

EngineName = Annotated[str, typer.Argument(help="An installed engine.")]
Prompt = Annotated[
    str | None, typer.Option(help="What to draw, film or answer; also the text to speak.")
]
OutputFile = Annotated[
    Path | None,
    typer.Option(
        "--output",
        "-o",
        metavar="FILE",
        help="The result; its suffix is the file type. - is standard output.",
    ),
]
Kind = Annotated[
    TaskKind | None, typer.Option(help="For an engine that does several kinds of work.")
]
ModelName = Annotated[str | None, typer.Option(help="The model; by default its first one.")]
ModelSourceFile = Annotated[
    Path | None,
    typer.Option("--model-source", metavar="FILE.json", help="Where its files come from."),
]
Text = Annotated[str | None, typer.Option(help="The text to speak.")]
InputFiles = Annotated[
    list[str] | None,
    typer.Option(
        "--input",
        metavar="[NAME=]FILE",
        help="Audio to transcribe, or the init_image, mask, ref_image or image.",
    ),
]
Seed = Annotated[
    int | None, typer.Option(parser=whole_number, metavar="N", help="Same seed, same picture.")
]
Width = Annotated[int | None, typer.Option(parser=whole_number, metavar="N", help="Pixels.")]
Height = Annotated[int | None, typer.Option(parser=whole_number, metavar="N", help="Pixels.")]
Steps = Annotated[int | None, typer.Option(parser=whole_number, metavar="N", help="Steps of work.")]
Seconds = Annotated[
    float | None, typer.Option(parser=number, metavar="N", help="Length of a clip.")
]
Voice = Annotated[str | None, typer.Option(help="The voice that speaks.")]
Parameters = Annotated[
    list[str] | None,
    typer.Option(
        metavar="KEY=VALUE",
        help="Any other task parameter, e.g. denoise=0.4, or one of the engine's own.",
    ),
]
