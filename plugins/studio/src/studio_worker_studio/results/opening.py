"""Where a studio keeps its results: the one place that names an implementation."""

from __future__ import annotations

from studio_worker_studio.results.files import FileResults
from studio_worker_studio.results.interface import ResultStorage
from studio_worker_studio.settings import Settings


def open_results(settings: Settings) -> ResultStorage:
    """The storage; see its ``prepare``."""
    return FileResults(settings.results, settings.aside)
