"""Inputs of a task (init image, mask, reference, audio), fetched before its engine runs."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from pathlib import Path

from studio_worker_core.wire.tasks import AudioSttTask, ImageTask, Task, VideoTask

__all__ = ["InputFetcher", "input_urls"]


def input_urls(task: Task) -> Mapping[str, str]:
    """The URLs a task names, by input: ``init_image``, ``mask``, ``ref_image``, ``input``."""
    urls: dict[str, str | None] = {}
    match task:
        case ImageTask():
            urls = {
                "init_image": task.init_image_url,
                "mask": task.mask_url,
                "ref_image": task.ref_image_url,
            }
        case VideoTask():
            urls = {"init_image": task.init_image_url}
        case AudioSttTask():
            urls = {"input": task.input_url}
    return {name: url for name, url in urls.items() if url is not None}


class InputFetcher:
    """``InputFetcher(limits, studio_base_url)`` with the ``[inputs]`` limits of the config.

    ``.fetch(task, into, *, cancel=None)`` puts the inputs in the directory ``into`` as
    ``init_image.png``, ``input.wav`` … and returns them by name. It raises InvalidTask (not an
    image, not audio), SourceRefused (forbidden address, too large), DownloadFailed, JobCancelled.
    """

    def fetch(
        self, task: Task, into: Path, *, cancel: threading.Event | None = None
    ) -> Mapping[str, Path]:
        """Fetch every input of ``task`` into the directory ``into``."""
        del into, cancel
        if input_urls(task):
            raise NotImplementedError
        return {}
