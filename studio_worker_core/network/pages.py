"""Pages that servers show to people, where a program asked for data."""

from __future__ import annotations

import html
import re

from studio_worker_core.foreign_text import quoted

_LOOKED_AT = 65_536
_START = re.compile(r"\s*(<!--.*?-->\s*)*<(!doctype html|html|head|body)\b", re.I | re.S)
_TITLE = re.compile(r"<(title|h1)[^>]*>([^<]{1,500})", re.I)


def is_page(media_type: str, data: bytes) -> bool:
    """Whether an answer is HTML: by its content, or by its type with anything in it."""
    text = data[:_LOOKED_AT].decode("utf-8", "replace")
    if _START.match(text):
        return True
    kind = media_type.partition(";")[0].strip().lower()
    return kind in ("text/html", "application/xhtml+xml") and "<" in text


def page_words(data: bytes) -> str:
    """``a web page (“Sign in”)``: what a person would recognise it by."""
    found = _TITLE.search(data[:_LOOKED_AT].decode("utf-8", "replace"))
    title = " ".join(html.unescape(found[2]).split()) if found else ""
    return f"a web page (“{quoted(title, 80)}”)" if title else "a web page"
