"""The parameters that only one engine has, as fields of the form, and back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from studio_worker_core.local_api.page.forms import FormField, Widget, shown, value_of
from studio_worker_core.local_api.page.words import Words, humanised
from studio_worker_core.roster.options import OptionSpec, OptionType, wrong_value

PREFIX = "option."
"""What the names of these fields begin with."""

_WIDGETS: Mapping[OptionType, Widget] = {
    "text": "text",
    "whole number": "whole",
    "number": "number",
    "true or false": "choice",
    "choice": "choice",
}
_YES = {"yes": True, "no": False}
_LONG = 300


def option_fields(options: Sequence[OptionSpec]) -> tuple[FormField, ...]:
    """A field for each, in the engine's order."""
    return tuple(_field(option) for option in options)


def options_in(
    options: Sequence[OptionSpec], given: Mapping[str, str]
) -> tuple[dict[str, Any], dict[str, str]]:
    """What a form gives that is not the default, by option, and what is wrong, by field."""
    values: dict[str, Any] = {}
    wrong: dict[str, str] = {}
    for option, field in zip(options, option_fields(options), strict=True):
        text = given.get(field.name, "").replace("\r\n", "\n")
        if not text.strip() or text == field.default:
            continue
        try:
            value = _value(option, field, text)
        except ValueError as error:
            wrong[field.name] = f"{field.words.label}: {error}."
            continue
        is_whole = isinstance(value, float) and value.is_integer()
        # 13 is said as 13, and not as 13.0.
        complaint = wrong_value(option, int(value) if is_whole else value)
        if complaint is not None:
            wrong[field.name] = f"{field.words.label}: {complaint}."
        elif value != option.default or type(value) is not type(option.default):
            values[option.name] = value
    return values, wrong


def texts_of(options: Mapping[str, Any] | None) -> dict[str, str]:
    """Options of a task as the texts of their fields."""
    return {f"{PREFIX}{name}": _text(value) for name, value in (options or {}).items()}


def _value(option: OptionSpec, field: FormField, text: str) -> Any:
    if option.type == "true or false":
        if text not in _YES:
            raise ValueError("choose yes or no")
        return _YES[text]
    if option.type == "choice":
        return next((each for each in option.choices if str(each) == text), text)
    return value_of(field, text)


def _field(option: OptionSpec) -> FormField:
    choices: tuple[str, ...] = tuple(map(str, option.choices))
    if option.type == "true or false":
        choices = tuple(_YES)
    if choices and option.default is None:
        choices = ("", *choices)
    said = option.words[:1].upper() + option.words[1:]
    about = said if not said or said.endswith((".", "!", "?")) else f"{said}."
    if not option.choices and option.range:
        about = f"{about} {option.range[:1].upper()}{option.range[1:]}.".strip()
    is_long = option.type == "text" and (option.longest or 0) > _LONG
    return FormField(
        f"{PREFIX}{option.name}",
        "long" if is_long else _WIDGETS[option.type],
        Words(humanised(option.name), about, long=is_long),
        default="" if option.default is None else _text(option.default),
        most=option.longest,
        choices=choices,
        blank="as the engine decides",
    )


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return shown(value)
