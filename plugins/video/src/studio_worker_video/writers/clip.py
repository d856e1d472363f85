"""What the writers have in common: plugins of imageio that take a clip frame by frame."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable
from types import TracebackType
from typing import ClassVar, Self

import numpy as np
from imageio.core.request import InitializationError, IOMode, Request
from imageio.core.v3_plugin_api import PluginV3
from imageio.typing import ArrayLike

from studio_worker_video.canvas import Frame
from studio_worker_video.settings import Settings


class Clip(PluginV3):
    """A clip that is being written, of one format. It only writes: imageio's own plugins
    ``pillow`` and ``pyav`` read the files.

    The file is begun with the first frame and complete with the last one that ``settings``
    says there are, so whatever the disk or the encoder has to say is said by :meth:`write`.

    :param settings: the size, and how many frames are shown for how long.
    :param samples: frames to choose colours from, for a format with a palette; they are asked
        for once, when the first frame is written. Other formats do not look at them.

    Raises:
        InitializationError: asked to read, or the file name or ``settings`` say another
            format. ``imopen`` makes an ``OSError`` of it.
    """

    ext: ClassVar[str]
    """The extension of the format, as :class:`Settings` has it."""

    _unfinished: bool = False

    def __init__(
        self, request: Request, *, settings: Settings, samples: Iterable[Frame] = ()
    ) -> None:
        super().__init__(request)
        self._settings = settings
        self._samples = samples
        self._written = 0
        name = type(self).__name__
        if request.mode.io_mode is not IOMode.write:
            raise InitializationError(f"{name} only writes; read with imageio's own plugins")
        if settings.ext != self.ext:
            raise InitializationError(f"{name} writes {self.ext}, the settings say {settings.ext}")
        if (request.extension or f".{self.ext}") != f".{self.ext}":
            raise InitializationError(f"{name} writes {self.ext}, not {request.extension}")
        self._unfinished = True

    def write(self, ndimage: ArrayLike | list[ArrayLike]) -> bytes | None:
        """Write the next frame, or several: a list of frames or an array of four dimensions.

        Returns the whole file with the last frame of a clip that goes to ``"<bytes>"``.

        Raises:
            ValueError: a frame of another size or type than RGB in bytes, or one too many.
            OSError: the file cannot be written.
        """
        if isinstance(ndimage, list):
            for frame in ndimage:
                self._take(np.asarray(frame))
        else:
            array = np.asarray(ndimage)
            for frame in array if array.ndim == 4 else (array,):
                self._take(frame)
        if self._unfinished:
            return None
        result: bytes | None = self.request.get_result()
        return result

    def _take(self, frame: Frame) -> None:
        settings, total = self._settings, self._settings.timing.frames
        shape = (settings.height, settings.width, 3)
        if frame.shape != shape or frame.dtype != np.uint8:
            raise ValueError(f"a frame is {frame.shape} of {frame.dtype}, not {shape} of uint8")
        if not self._unfinished:
            raise ValueError(f"the clip is over: the settings say {total} frames")
        if not self._written:
            self._begin(frame)
        self._add(frame, self._written)
        self._written += 1
        if self._written == total:
            self._end()
            self._release()

    @abstractmethod
    def _begin(self, frame: Frame) -> None:
        """Open the file. ``frame`` is the first one, which comes again to :meth:`_add`."""

    @abstractmethod
    def _add(self, frame: Frame, number: int) -> None:
        """Write one frame; the first is number 0."""

    @abstractmethod
    def _end(self) -> None:
        """Complete the file."""

    def _abandon(self) -> None:
        """Let go of what the encoder holds, the file complete or not."""

    def _release(self) -> None:
        if self._unfinished:
            self._unfinished = False
            self._abandon()
            self.request.finish()

    def close(self) -> None:
        """Let the file go.

        Raises:
            ValueError: frames are missing, so the file is not complete.
        """
        missing = self._settings.timing.frames - self._written if self._unfinished else 0
        self._release()
        if missing:
            raise ValueError(
                f"the clip is not complete: {self._written} of "
                f"{self._written + missing} frames were written"
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        type: type[BaseException] | None,  # noqa: A002 - imageio's names
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if value is None:
            self.close()
        else:
            self._release()

    def __del__(self) -> None:
        self._release()
