"""Templates into pages. Everything a template shows is escaped."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jinja2
from starlette.responses import HTMLResponse

from studio_worker_core.storage.disk import shown_bytes

SHARED = Path(__file__).parent / "templates"
THEMES = ("system", "light", "dark")


class Renderer:
    """Makes pages from the shared templates and those of ``directories``.

    :param shared: what every template can use.
    """

    def __init__(self, *directories: Path, **shared: Any) -> None:
        self._environment = jinja2.Environment(
            loader=jinja2.FileSystemLoader([*directories, SHARED]),
            autoescape=True,
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
        )
        self._environment.globals.update(shared)
        self._environment.filters.update(bytes=shown_bytes, seconds=shown_seconds, stamp=stamp)

    def page(
        self, template: str, status: int = 200, headers: dict[str, str] | None = None, **values: Any
    ) -> HTMLResponse:
        """The page or fragment of that template."""
        text = self._environment.get_template(template).render(**values)
        return HTMLResponse(text, status, headers={"vary": "HX-Request", **(headers or {})})


def shown_seconds(number: float) -> str:
    """A duration in words."""
    if number < 60:
        return f"{number:.1f} s" if number < 10 else f"{number:.0f} s"
    minutes, seconds = divmod(round(number), 60)
    if minutes < 60:
        return f"{minutes} min {seconds:02d} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min"


def stamp(when: float) -> str:
    """A moment, in seconds since 1970, as UTC for ``<time datetime>``."""
    return datetime.fromtimestamp(when, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
