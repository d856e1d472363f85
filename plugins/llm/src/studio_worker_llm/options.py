"""The parameters that only ``llama-cpp`` has. Light: the host has them described."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

MAX_OPTION_SEED = 2**53 - 1


class LlamaCppOptions(Struct, frozen=True):
    """How tokens are chosen; what is left out is llama.cpp's, or the model file's, own."""

    seed: (
        Annotated[
            int,
            Meta(
                ge=0,
                le=MAX_OPTION_SEED,
                description="the same seed, the same answer on one machine; absent: drawn",
            ),
        ]
        | None
    ) = None
    top_k: (
        Annotated[int, Meta(ge=0, le=100_000, description="likeliest tokens kept; 0: all")] | None
    ) = None
    min_p: (
        Annotated[
            float, Meta(ge=0, le=1, description="least likelihood, as a share of the likeliest's")
        ]
        | None
    ) = None
    repeat_penalty: (
        Annotated[float, Meta(ge=0.1, le=10, description="for tokens said before; 1 is no penalty")]
        | None
    ) = None
    presence_penalty: (
        Annotated[float, Meta(ge=-2, le=2, description="once for each token said before")] | None
    ) = None
    frequency_penalty: (
        Annotated[float, Meta(ge=-2, le=2, description="for each time it was said before")] | None
    ) = None
    grammar: Annotated[
        str,
        Meta(
            max_length=100_000,
            description="a grammar in GBNF that the answer has to keep; not with jsonSchema",
        ),
    ] = ""
