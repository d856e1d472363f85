"""Struct types made ready before threads use them.

msgspec (0.22, the newest tried) finds out how a type is read when it is first decoded, and ends
the process with a segmentation fault when two threads are the first at once.
"""

from __future__ import annotations

import contextlib

import msgspec


def make_all_ready() -> None:
    """Let any thread decode every struct that is known by now: before a process starts its
    threads. Costs some 0.2 ms a type the first time. A module that threads use without this
    keeps a decoder of its own, made at import."""
    found: list[type[msgspec.Struct]] = [msgspec.Struct]
    while found:
        below = found.pop().__subclasses__()
        for each in below:
            with contextlib.suppress(TypeError, NameError):  # a type that is never decoded
                msgspec.json.Decoder(each)
        found += below
