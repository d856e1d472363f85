"""What a child process writes, line by line as it comes."""

from __future__ import annotations

import re
import threading
import time
from typing import IO


class Transcript:
    """The lines of one process after another, collected by a thread for each.

    :param most: so many of the last lines are kept; all of them without it.
    """

    def __init__(self, most: int | None = None) -> None:
        self._most = most
        self._lines: list[str] = []
        self._news = threading.Condition()
        self._ended = False

    @property
    def lines(self) -> list[str]:
        """All that is kept, the oldest first."""
        with self._news:
            return list(self._lines)

    @property
    def ended(self) -> bool:
        """Whether the process that is followed writes no more."""
        with self._news:
            return self._ended

    def follow(self, output: IO[str], name: str) -> threading.Thread:
        """Read ``output`` to its end, in a thread of that name; it is closed then."""
        self._ended = False
        reader = threading.Thread(target=self._read, args=(output,), name=name, daemon=True)
        reader.start()
        return reader

    def wait_for(self, pattern: str, *, seconds: float, after: int = 0) -> re.Match[str] | None:
        """The first line from index ``after`` on that ``pattern`` is found in.

        None when the process ended, or said nothing of it within ``seconds``.
        """
        wanted = re.compile(pattern)
        deadline = time.monotonic() + seconds
        with self._news:
            while True:
                for line in self._lines[after:]:
                    found = wanted.search(line)
                    if found:
                        return found
                left = deadline - time.monotonic()
                if self._ended or left <= 0:
                    return None
                self._news.wait(left)

    def _read(self, output: IO[str]) -> None:
        with output:
            for line in output:
                with self._news:
                    self._lines.append(line.rstrip("\n"))
                    if self._most is not None:
                        del self._lines[: -self._most]
                    self._news.notify_all()
        with self._news:
            self._ended = True
            self._news.notify_all()
