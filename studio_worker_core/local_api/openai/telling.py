"""The text of an answer while it is being made: reasoning told from content, no stop text."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Sequence
from contextlib import aclosing
from typing import Any, Protocol

import msgspec

from studio_worker_core.errors import JobError
from studio_worker_core.local_api.errors import ClientGone, Refused
from studio_worker_core.local_api.live import LiveJob
from studio_worker_core.local_api.openai.chat_answers import Said, usage_of
from studio_worker_core.local_api.openai.errors import error_body
from studio_worker_core.local_api.work import Made
from studio_worker_core.thinking import Part, Thinking, len_of_beginning
from studio_worker_core.wire.tasks import LlmTask


class Teller(Protocol):
    """Writes one answer as the events of a stream."""

    def begin(self) -> Iterator[bytes]:
        """Before the first piece."""

    def part(self, part: Part) -> Iterator[bytes]:
        """The next piece."""

    def end(self, said: Said) -> Iterator[bytes]:
        """After the last one."""

    def close(self, usage: dict[str, int]) -> Iterator[bytes]:
        """After the last of several answers; what they took together."""


class Told:
    """What a client was told so far. A piece costs its own length and that of the stops."""

    def __init__(self, stops: Sequence[str] = ()) -> None:
        self._stops = [stop for stop in stops if stop]
        self._thinking = Thinking()
        self._held = ""
        self._stopped = False
        self._so_far = {"reasoning": "", "content": ""}

    def feed(self, piece: str) -> Iterator[Part]:
        """What of a piece may be told now; the beginning of a stop text waits."""
        for kind, text in self._thinking.feed(piece):
            told = text if kind == "reasoning" else self._without_stops(text)
            if told:
                self._so_far[kind] += told
                yield kind, told

    def rest(self, said: Said) -> Iterator[Part]:
        """What the finished answer has beyond that. An engine that said something else before
        is not mended: what was told cannot be taken back."""
        reasoning = (said.reasoning or "").strip()
        if not self._so_far["content"] and reasoning.startswith(self._so_far["reasoning"]):
            more = reasoning[len(self._so_far["reasoning"]) :]
            if more:
                yield "reasoning", more
        if said.text.startswith(self._so_far["content"]):
            more = said.text[len(self._so_far["content"]) :]
            if more:
                yield "content", more

    def _without_stops(self, text: str) -> str:
        if self._stopped:
            return ""
        self._held += text
        found = first_stop(self._held, self._stops)
        if found is not None:
            self._stopped = True
            return self._held[:found]
        cut = len(self._held) - len_of_beginning(self._held, self._stops)
        told, self._held = self._held[:cut], self._held[cut:]
        return told


def first_stop(text: str, stops: Sequence[str]) -> int | None:
    """Where the first of ``stops`` begins; None when there is none."""
    return min((at for stop in stops if (at := text.find(stop)) >= 0), default=None)


def cut_at_stops(said: Said, stops: Sequence[str]) -> Said:
    """The answer as far as the first stop text; engines leave that out themselves."""
    at = first_stop(said.text, stops)
    if at is None:
        return said
    finish = said.finish_reason if said.calls else "stop"
    return msgspec.structs.replace(said, text=said.text[:at], finish_reason=finish)


def stops_of(task: Any) -> list[str]:
    """The stop texts of a chat."""
    if not isinstance(task, LlmTask):
        return []
    return [task.stop] if isinstance(task.stop, str) else [stop for stop in task.stop or () if stop]


async def events_of(
    live: LiveJob,
    tellers: Sequence[Teller],
    said_by: Callable[[Made], Said],
    stops: Sequence[str],
    again: Callable[[int], Awaitable[LiveJob]],
) -> AsyncGenerator[bytes]:
    """The events of a job's answer, or of several; a failure in the middle is the last event.

    :param tellers: one for each answer; the first job is ``live``.
    :param said_by: what was said, from a finished job.
    :param again: starts the job of a further answer, by its index.
    """
    answers: list[Said] = []
    jobs = [live]
    try:
        for teller in tellers:
            if answers:
                jobs.append(await again(len(answers)))
            async with aclosing(_told(jobs[-1], teller, said_by, stops, answers)) as events:
                async for event in events:
                    yield event
        for event in tellers[0].close(usage_of(answers)):
            yield event
    except ClientGone:
        return
    except (Refused, JobError) as error:
        yield failed(error)
    finally:
        for job in jobs[1:]:  # the first is the caller's
            await job.close()


async def _told(
    live: LiveJob,
    teller: Teller,
    said_by: Callable[[Made], Said],
    stops: Sequence[str],
    answers: list[Said],
) -> AsyncGenerator[bytes]:
    """The events of one answer, which is put to ``answers``."""
    told = Told(stops)
    for event in teller.begin():
        yield event
    async for piece in live.pieces():
        for part in told.feed(piece):
            for event in teller.part(part):
                yield event
    said = cut_at_stops(said_by(live.made), stops)
    for part in told.rest(said):
        for event in teller.part(part):
            yield event
    for event in teller.end(said):
        yield event
    answers.append(said)


def failed(error: Refused | JobError | OSError) -> bytes:
    """The event of a failure, which clients raise as the error it names."""
    status, code = (error.status, error.code) if isinstance(error, Refused) else (500, None)
    body = error_body(status, str(error), code=code)
    return b"data: " + msgspec.json.encode(body) + b"\n\n"
