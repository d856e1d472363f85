"""Animated WebP, through Pillow."""

from __future__ import annotations

import io
import threading
from collections.abc import Callable
from typing import BinaryIO

from PIL import Image

from studio_worker_core.pictures import animated_webp
from studio_worker_video.canvas import Frame
from studio_worker_video.settings import Settings
from studio_worker_video.writers.clip import Clip


class WebpClip(Clip):
    """A WebP that repeats for ever. Delays are whole milliseconds, their sum is exact; frames
    that are the same are stored once with a longer delay, as libwebp always does."""

    ext = "webp"

    _encoder: _Encoder | None = None

    def _begin(self, frame: Frame) -> None:
        self._encoder = _Encoder(self.request.get_file(), self._settings, frame)
        self._encoder.start()

    def _add(self, frame: Frame, number: int) -> None:
        assert self._encoder is not None
        if number:
            self._encoder.put(frame)

    def _end(self) -> None:
        assert self._encoder is not None
        self._encoder.finish()

    def _abandon(self) -> None:
        if self._encoder is not None:
            self._encoder.stop()


class _Stopped(Exception):
    """No more frames will come."""


class _Sequence(Image.Image):
    """A multi-frame picture that asks for a frame when the writer seeks to it.

    Pillow's writer counts the frames of everything it is given first, so a generator of
    pictures would be run to its end and held; a picture with ``n_frames`` is not.
    """

    is_animated = True

    def __init__(self, first: Frame, take: Callable[[], Frame], count: int) -> None:
        super().__init__()
        self._take = take
        self._next = 0
        self.n_frames = count
        self._show(first)

    def seek(self, frame: int) -> None:
        """Go on to the next frame; the writer asks for each once, in order."""
        if frame == self._next:
            self._show(self._take())

    def tell(self) -> int:
        return 0

    def _show(self, frame: Frame) -> None:
        self._next += 1
        picture = Image.fromarray(frame)
        self.im = picture.im
        self._mode, self._size = picture.mode, picture.size


class _Encoder(threading.Thread):
    """Pillow's writer, which asks for frames, in a thread, where it can wait to be given them.

    One frame waits at most; the next is drawn while one is being encoded.
    """

    def __init__(self, file: BinaryIO, settings: Settings, first: Frame) -> None:
        # A clip that nobody closes must not keep the process alive.
        super().__init__(name="webp-encoder", daemon=True)
        self._file = file
        self._delays = settings.timing.delays(1000)
        self._sequence = _Sequence(first, self._take, settings.timing.frames)
        self._changed = threading.Condition()
        self._waiting: Frame | None = None
        self._over = False
        self._failure: BaseException | None = None

    def put(self, frame: Frame) -> None:
        """Hand the next frame over, as soon as the one before was taken."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting is None or self._over)
            if self._failure is not None:
                raise self._failure
            self._waiting = frame
            self._changed.notify_all()

    def finish(self) -> None:
        """Wait until the file is complete."""
        self.join()
        if self._failure is not None:
            raise self._failure

    def stop(self) -> None:
        """End the thread, whatever it has been given."""
        with self._changed:
            self._over = True
            self._changed.notify_all()
        self.join()

    def run(self) -> None:
        try:
            buffer = io.BytesIO()  # Pillow holds the whole file anyway
            self._sequence.save(
                buffer,
                "WEBP",
                save_all=True,
                duration=self._delays,
                loop=0,
                quality=82,
                # Method 4 makes a third less of a file in three times the time.
                method=0,
                minimize_size=False,
            )
            size, shown = self._sequence.size, sum(self._delays)
            self._file.write(animated_webp(buffer.getvalue(), size, shown))
        except _Stopped:
            pass
        except BaseException as error:  # raised again where the frames come from
            self._failure = error
        finally:
            with self._changed:
                self._over = True
                self._waiting = None
                self._changed.notify_all()

    def _take(self) -> Frame:
        with self._changed:
            self._changed.wait_for(lambda: self._waiting is not None or self._over)
            if self._waiting is None or self._over:
                raise _Stopped
            frame, self._waiting = self._waiting, None
            self._changed.notify_all()
            return frame
