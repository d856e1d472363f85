"""Text that came from a peer, an engine or a file, made fit for a person, a log and a pipe."""

from __future__ import annotations

from typing import Any

from studio_worker_core.redaction import without_secrets

_SHORT = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}
_LONGEST_QUOTE = 300


def printable(text: str) -> str:
    """``text`` on one line, with everything that could steer a terminal or forge a line of a
    log (control characters, escape sequences, line ends, direction marks, halves of surrogate
    pairs) written as its escape, ``\\n`` or ``\\x1b``."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else _escaped(char) for char in text)


def quoted(text: str, longest: int = _LONGEST_QUOTE) -> str:
    """A peer's words inside a message of ours: printable, without secrets, and cut."""
    # Secrets go first: of one that is cut in two, nobody would recognise the rest.
    shown = printable(without_secrets(text[: 64 * longest]).strip())
    return shown if len(shown) <= longest else f"{shown[:longest]}…"


def encodable(text: str) -> str:
    """``text`` with lone surrogates, which no encoding takes, written out as ``\\udc80``."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-8", "backslashreplace").decode()
    return str(text)


def encodable_tree(value: Any) -> Any:
    """The same for every text in plain lists and mappings."""
    match value:
        case str():
            return encodable(value)
        case dict():
            return {encodable_tree(key): encodable_tree(item) for key, item in value.items()}
        case list() | tuple():
            return [encodable_tree(item) for item in value]
        case _:
            return value


def text_of(value: object, most: int) -> str:
    """What ``str`` makes of a plugin's object, at most ``most`` characters. Never raises."""
    try:
        return encodable(str(value)[:most])
    except BaseException as error:  # foreign code: a __str__ may do anything
        return f"<{type(value).__name__} without a text: {type(error).__name__}>"


def _escaped(char: str) -> str:
    known = _SHORT.get(char)
    return known if known is not None else ascii(char)[1:-1]
