"""The parameters and settings that only ``formant`` has. Light: the host has them described."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct


class FormantOptions(Struct, frozen=True):
    """How a voice speaks."""

    pitch: Annotated[
        float, Meta(ge=-12, le=12, description="semitones above the voice's own pitch")
    ] = 0.0
    pause: Annotated[
        float, Meta(ge=0, le=3, description="seconds between two sentences, at speed 1")
    ] = 0.25


class FormantSettings(Struct, frozen=True):
    """What the operator sets."""

    voice: Annotated[
        Literal["default", "low", "high", "child", "whisper"],
        Meta(description="who speaks where a job names no voice"),
    ] = "default"
