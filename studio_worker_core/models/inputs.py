"""Inputs of a task (init image, mask, reference, audio), fetched before its engine runs."""

from __future__ import annotations

import functools
import random
import threading
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from urllib.parse import urlsplit

from studio_worker_core.config import InputLimits
from studio_worker_core.downloads import data_url
from studio_worker_core.downloads.addresses import (
    AddressPolicy,
    origin,
    shown_url,
)
from studio_worker_core.downloads.fetching import Fetcher
from studio_worker_core.downloads.refusals import refusal
from studio_worker_core.downloads.transfers import Interrupted, TransferLine, run_transfers
from studio_worker_core.errors import DownloadFailed, InvalidTask, ModelStoreError, SourceRefused
from studio_worker_core.media_types import HEAD_BYTES, audio_type, image_type
from studio_worker_core.models.picture_size import check_image
from studio_worker_core.network.loopback import is_loopback_host
from studio_worker_core.retrying import Backoff
from studio_worker_core.storage.disk import shown_bytes
from studio_worker_core.wire.tasks import (
    AudioSttTask,
    ImageTask,
    LlmTask,
    MeshTask,
    Task,
    VideoTask,
)

_CHUNK = 1 << 20
_ATTEMPTS = 3
_LONGEST_ASKED_PAUSE = 30.0
_PICTURE_BYTES = 25 << 20
_PICTURE_SECONDS = 60.0
AUDIO = "input"
"""The one input that is no picture."""


def input_urls(task: Task) -> Mapping[str, str]:
    """The URLs a task names, by input: ``init_image``, ``mask``, ``ref_image``, ``input``;
    ``image`` for a mesh; ``image_1``, ``image_2`` … for the pictures of a chat, in order."""
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
        case MeshTask():
            urls = {"image": task.image_url}
        case LlmTask():
            urls = {f"image_{number}": url for number, url in enumerate(task.images or (), 1)}
    return {name: url for name, url in urls.items() if url is not None}


class InputFetcher:
    """Fetches what a task points at, within the ``[inputs]`` limits of the config.

    Only https is taken, and no address in a private network unless ``limits.allow_private``.
    What the studio at ``studio_base_url``, as it is now, serves itself is always taken; other
    services of this machine only when the studio is on this machine too.
    """

    def __init__(
        self,
        limits: InputLimits | Callable[[], InputLimits],
        studio_base_url: str | Callable[[], str],
        *,
        fetcher: Fetcher | None = None,
        first_pause: float = 1.0,
        roll: Callable[[], float] = random.random,
    ) -> None:
        self._limits = limits if callable(limits) else lambda: limits
        url = studio_base_url
        self._studio = url if callable(url) else lambda: url
        self._fetcher = fetcher or Fetcher()
        self._backoff = Backoff(first_pause, low=0.5)
        self._roll = roll

    def fetch(
        self,
        task: Task,
        into: Path,
        *,
        given: Collection[str] = (),
        cancel: threading.Event | None = None,
    ) -> Mapping[str, Path]:
        """Put the inputs of ``task`` into the directory ``into``, made for them, as
        ``init_image.png``, ``input.wav`` …, named by their true type; their paths by input
        name. Those ``given`` are there already.

        Raises:
            InvalidTask: not an image, not audio, broken, or too many pixels.
            SourceRefused: forbidden address or scheme, or too many bytes.
            DownloadFailed: network or server at fault, or too slow.
            ModelStoreError: ``into`` cannot be written to.
            JobCancelled: ``cancel`` was set.
        """
        urls = {name: url for name, url in input_urls(task).items() if name not in given}
        if not urls:
            return {}
        limits = self._limits()
        are_pictures = AUDIO not in urls
        seconds = _least(limits.seconds, _PICTURE_SECONDS if are_pictures else 0.0)
        one = functools.partial(self._one, into=into, limits=limits)
        try:
            into.mkdir(mode=0o700, parents=True, exist_ok=True)
            paths = run_transfers(
                [functools.partial(one, name, url) for name, url in urls.items()],
                parallel=len(urls),
                cancel=cancel or threading.Event(),
                seconds=seconds or None,
                what="fetching " + ", ".join(urls),
            )
        except OSError as error:
            raise ModelStoreError(
                f"inputs cannot be written to {into}: {error.strerror or error}"
            ) from error
        return dict(zip(urls, paths, strict=True))

    def _one(
        self, name: str, url: str, line: TransferLine, *, into: Path, limits: InputLimits
    ) -> Path:
        draft = into / f".{name}.part"
        try:
            if data_url.is_data_url(url):
                data = data_url.bytes_of(url, name, _most_bytes(limits, name))
                _check_size(len(data), limits, name)
                draft.write_bytes(data)
            else:
                self._download(name, url, draft, line, limits)
            ext = true_type(draft, name, limits)
            path = into / f"{name}.{ext}"
            draft.replace(path)
            return path
        finally:
            draft.unlink(missing_ok=True)

    def _download(
        self, name: str, url: str, draft: Path, line: TransferLine, limits: InputLimits
    ) -> None:
        for failures in range(1, _ATTEMPTS + 1):
            try:
                return self._attempt(name, url, draft, line, limits)
            except Interrupted as error:
                line.lift()
                if failures == _ATTEMPTS:
                    raise DownloadFailed(
                        f"{name}: {error} (gave up after {failures} attempts)", what=name
                    ) from error
                pause = self._backoff.pause(failures, self._roll())
                line.pause(max(pause, min(error.retry_after or 0.0, _LONGEST_ASKED_PAUSE)))
        return None

    def _attempt(
        self, name: str, url: str, draft: Path, line: TransferLine, limits: InputLimits
    ) -> None:
        with self._fetcher.open(url, self._policy(limits), line) as response:
            if response.status != 200:
                raise refusal(response, shown_url(url), is_input=True)
            _check_size(response.length_remaining or 0, limits, name)
            size = 0
            with draft.open("wb") as file:
                while chunk := response.read1(_CHUNK):
                    line.check()
                    size += len(chunk)
                    _check_size(size, limits, name)
                    file.write(chunk)
            line.check()

    def _policy(self, limits: InputLimits) -> AddressPolicy:
        studio = urlsplit(self._studio())
        return AddressPolicy(
            allow_loopback=is_loopback_host(studio.hostname or ""),
            allow_private=limits.allow_private,
            trusted_origin=origin(studio),
            # A proxy looks names up itself, so no address could be judged behind one.
            may_use_proxy=limits.allow_private,
        )


def _least(limit: float, bound: float) -> float:
    """The smaller of two limits, of which 0 is none."""
    return min(limit, bound) if limit and bound else limit or bound


def _most_bytes(limits: InputLimits, name: str) -> int:
    return int(_least(limits.max_mb * 1_000_000, 0 if name == AUDIO else _PICTURE_BYTES))


def _check_size(size: int, limits: InputLimits, name: str) -> None:
    most = _most_bytes(limits, name)
    if most and size > most:
        remedy = (
            "a picture may not be larger"
            if most == _PICTURE_BYTES
            else "raise max_mb under [inputs] in the config to allow more"
        )
        raise SourceRefused(
            f"{name} is larger than {shown_bytes(most)}, the most that is fetched ({remedy})",
            what=name,
        )


def true_type(path: Path, name: str, limits: InputLimits) -> str:
    """The extension that the bytes of an input call for, whatever its file is called.

    Raises:
        InvalidTask: they are none that an input ``name`` may have, broken, or too many pixels.
        OSError: the file cannot be read.
    """
    with path.open("rb") as file:
        head = file.read(HEAD_BYTES)
    is_audio = name == AUDIO
    ext = audio_type(head) if is_audio else image_type(head)
    if ext is None:
        wanted = (
            "audio (wav, mp3, ogg, flac, m4a, webm)"
            if is_audio
            else "an image (png, jpg, webp, gif, bmp, avif, tiff)"
        )
        raise InvalidTask(f"{name} is not {wanted}: it starts with {head[:16]!r}")
    if name.startswith("image") and ext not in ("png", "jpg", "webp"):
        raise InvalidTask(f"{name} is a {ext} image; here only png, jpg and webp are read")
    if not is_audio:
        check_image(path, ext, name, limits.max_megapixels)
    return ext
