"""What does someone who waits for the toolchain see?

One line when a step starts and one when it ends, on standard error; on a terminal they are one
line whose seconds count. Made by ``toolchain.install``.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO


class Step:
    """One tool of n: says what is being done for it, and in the end what was done."""

    def __init__(self, prefix: str, stream: TextIO | None) -> None:
        self._prefix = prefix
        self._stream = stream
        self._terminal = stream is not None and stream.isatty()
        self._started = time.monotonic()
        self._doing = ""
        self._ended = threading.Event()
        self._ticker: threading.Thread | None = None

    def doing(self, what: str) -> None:
        """Say what is being done now, such as ``building from Go modules``."""
        self._doing = what
        if not self._terminal:
            self._write(f"{self._prefix}: {what} ...\n")
        elif self._ticker is None:
            self._ticker = threading.Thread(target=self._tick, daemon=True)
            self._ticker.start()

    def done(self, what: str) -> None:
        """Say what came of it; the elapsed time is added when there is any to speak of."""
        self._ended.set()
        if self._ticker is not None:
            self._ticker.join()
        elapsed = self._elapsed()
        suffix = f", {elapsed} s" if self._doing or elapsed else ""
        clear = "\r\033[K" if self._terminal else ""
        self._write(f"{clear}{self._prefix}: {what}{suffix}\n")

    def _elapsed(self) -> int:
        return round(time.monotonic() - self._started)

    def _tick(self) -> None:
        while not self._ended.is_set():
            self._write(f"\r\033[K{self._prefix}: {self._doing} ... {self._elapsed()} s")
            self._ended.wait(1)

    def _write(self, text: str) -> None:
        if self._stream is not None:
            self._stream.write(text)
            self._stream.flush()


class Progress:
    """Counts the steps of a run; without a stream it is silent."""

    def __init__(self, *, total: int, stream: TextIO | None) -> None:
        self._total = total
        self._stream = stream
        self._number = 0

    @contextmanager
    def step(self, subject: str) -> Iterator[Step]:
        """The next step, about this subject; ended with its error when one is raised."""
        self._number += 1
        step = Step(f"[{self._number}/{self._total}] {subject}", self._stream)
        try:
            yield step
        except BaseException:
            step.done("failed")
            raise
