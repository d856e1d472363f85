"""Sending: one upload, or one frame over a session, and what came of it as an event."""

from __future__ import annotations

import hashlib
import logging
import threading
from collections.abc import Callable
from typing import Any

import msgspec

from studio_worker_core.delivery.queue import Queue
from studio_worker_core.delivery.queued import QueuedResult, Superseded
from studio_worker_core.delivery.settling import Settling, about
from studio_worker_core.delivery.states import LONGEST_IN_FRAME, Event, SendFailed, Uploaded
from studio_worker_core.errors import (
    HttpStatusError,
    OutboxError,
    ResultDamaged,
    StudioError,
    WireError,
)
from studio_worker_core.outbox import Entry, Outbox
from studio_worker_core.wire.frames import CompleteJson, Fail

Complete = Callable[[Entry, Callable[[], bool]], None]
"""Uploads one result; looks meanwhile whether it is to give up."""

LONGEST_PROMPT = 1_000_000
"""Longest prompt, in characters, that goes with a JSON answer."""

_log = logging.getLogger("studio_worker.delivery")


class Sender:
    """Sends what is whole on disk; what is not is given up for lost on the way."""

    def __init__(
        self, outbox: Outbox, settling: Settling, stop: threading.Event, roll: Callable[[], float]
    ) -> None:
        self._outbox = outbox
        self._settling = settling
        self._stop = stop
        self._roll = roll

    def upload_until_stopped(self, queue: Queue, complete: Complete) -> None:
        """Take one result after the other from the queue: the body of an uploading thread. There
        are a few, so that one slow peer holds up only its own attempt."""
        while (result := queue.wait_for_upload(self._stop)) is not None:
            queue.upload_ended(result, self._attempt(result, complete))

    def _attempt(self, result: QueuedResult, complete: Complete) -> Event | Superseded:
        def abort() -> bool:
            # A job that is done anew has its file replaced under the attempt's feet.
            at_work = self._outbox.is_at_work(result.state.job_id)
            return self._stop.is_set() or result.is_withdrawn or at_work

        if result.is_withdrawn:
            return SendFailed("it was withdrawn before its turn", 0.0, aborted=True)
        return self.upload(result.entry, complete, abort)

    def upload(
        self, entry: Entry, complete: Complete, abort: Callable[[], bool]
    ) -> Event | Superseded:
        """Try once to send a file. A failure after ``abort()`` was true is not the studio's."""
        gone = self._settling.gone(entry)
        if gone is not None:
            return gone
        try:
            complete(entry, abort)
        except HttpStatusError as error:
            return self._failed(error, error.status, error.retry_after, aborted=abort())
        except ResultDamaged as error:
            return self._settling.lost(entry, str(error))
        except (StudioError, OutboxError, OSError) as error:
            return self._failed(error, aborted=abort())
        except Exception as error:
            # The upload runs code of other rooms and libraries; whatever it raises, the
            # result stays and the thread goes on to the others.
            _log.exception("the upload of job %s broke", entry.job_id, extra=about(entry))
            return self._failed(f"{type(error).__name__}: {error}", aborted=abort())
        return Uploaded()

    def send_json(
        self, entry: Entry, send: Callable[[Any], bool] | None
    ) -> Event | Superseded | None:
        """Send a JSON answer over a session, if there is one; None when it is on its way, and
        only the studio's ack or the end of the session says more."""
        gone = self._settling.gone(entry)
        if gone is not None:
            return gone
        try:
            frame = complete_json(entry)
        except OutboxError as error:
            return self._settling.lost(entry, str(error))
        except OSError as error:
            return self._failed(f"{entry.path} cannot be read: {error.strerror or error}")
        return self.send(frame, send)

    def send(
        self, frame: CompleteJson | Fail, send: Callable[[Any], bool] | None
    ) -> SendFailed | None:
        """Hand a frame to a session, if there is one; why that failed, if it did."""
        try:
            if send is not None and send(frame):
                return None
        except WireError as error:
            # Longer than any studio reads: every other session would say the same.
            return SendFailed(message=f"it cannot be sent: {error}", roll=0.0, final=True)
        return self._failed("the session took no more frames")

    def _failed(
        self,
        why: object,
        status: int | None = None,
        retry_after: float | None = None,
        *,
        aborted: bool = False,
    ) -> SendFailed:
        return SendFailed(
            message=str(why),
            roll=self._roll(),
            status=status,
            retry_after=retry_after,
            aborted=aborted or self._stop.is_set(),
        )


def complete_json(entry: Entry) -> CompleteJson:
    """The frame that delivers a JSON answer. A prompt too long for the frame is left out, never
    cut (protocol §3).

    Raises:
        FileNotFoundError: the result has gone.
        ResultDamaged: its bytes have changed.
        OutboxError: its file is no JSON.
    """
    data = entry.path.read_bytes()
    if hashlib.sha256(data).hexdigest() != entry.manifest.sha256:
        raise ResultDamaged(
            f"{entry.path} is not what was kept: its SHA-256 has changed", path=entry.path
        )
    try:
        value = msgspec.json.decode(data)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise OutboxError(f"{entry.path} is no JSON: {error}", path=entry.path) from error
    prompt: str | None = entry.manifest.prompt
    if prompt is not None and (
        len(prompt) > LONGEST_PROMPT
        or len(data) + len(msgspec.json.encode(prompt)) + len(entry.job_id) > LONGEST_IN_FRAME
    ):
        prompt = None
    return CompleteJson(entry.job_id, result=value, prompt=prompt, meta=entry.manifest.meta)
