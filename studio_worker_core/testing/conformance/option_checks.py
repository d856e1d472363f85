"""Checks of the parameters and settings that only one engine has."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from msgspec.structs import replace

from studio_worker_core.roster.options import OptionSpec
from studio_worker_core.testing.conformance.verdicts import NotChecked, NotMet
from studio_worker_core.testing.conformance.workshop import Workshop
from studio_worker_core.wire.tasks import TaskKind

__all__ = ["takes_its_options", "takes_its_settings"]

_MOST_CHOICES = 4
_MOST_TRIES = 12


def takes_its_options(shop: Workshop, kind: TaskKind) -> str:
    """It takes its own parameters over all of the range that it declares."""
    options = shop.subject.entry.options
    if not options:
        raise NotChecked("it has no parameters of its own")
    tries = [(option.name, value) for option in options for value in _ends(option)][:_MOST_TRIES]
    for name, value in tries:
        work = shop.do(replace(shop.task(kind), options={name: value}))
        if work.error is not None:
            raise NotMet(f"options.{name} of {value!r} is declared, and fails: {work.error}")
    return f"{len(tries)} values of {', '.join(option.name for option in options)}"


def takes_its_settings(shop: Workshop, kind: TaskKind) -> str:
    """It loads and works with its own settings over all of the range that it declares."""
    settings = [each for each in shop.subject.entry.settings if each.type != "secret"]
    if not settings:
        raise NotChecked("it has no settings of its own that the kit could make up")
    tries = [(each.name, value) for each in settings for value in _ends(each)][:_MOST_TRIES]
    for name, value in tries:
        with shop.set_to(name, value):
            work = shop.do(shop.task(kind))
        if work.error is not None:
            raise NotMet(f"the setting {name} of {value!r} is declared, and fails: {work.error}")
    return f"{len(tries)} values of {', '.join(setting.name for setting in settings)}"


def _ends(option: OptionSpec) -> Iterator[Any]:
    if option.choices:
        yield from option.choices[:_MOST_CHOICES]
    elif option.type == "true or false":
        yield from (False, True)
    elif option.type == "text":
        yield option.default if option.default is not None else ""
    else:
        whole = option.type == "whole number"
        ends = [end for end in (option.least, option.most) if end is not None]
        for end in ends or [option.default or 0]:
            yield int(end) if whole else end
