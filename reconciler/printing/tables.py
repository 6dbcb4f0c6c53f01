"""How does it look?

Tables the way kubectl prints them: columns, no lines, plain text where the output is no terminal.
Called by the commands with values that are ready to be shown; ``printing.status`` builds on it.
"""

from __future__ import annotations

import os
import shutil
import sys
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Self, TextIO

from gitops.health.status import HealthStatus
from reconciler.engine.events import Diagnostic, Event, Outcome, Severity, Step

if TYPE_CHECKING:
    from rich.console import Console
    from rich.status import Status

_STYLES = {Severity.INFO: "dim", Severity.WARNING: "yellow", Severity.ERROR: "bold red"}
_COLOURS: Mapping[str, str] = {
    HealthStatus.HEALTHY: "32",
    HealthStatus.SUSPENDED: "35",
    HealthStatus.PROGRESSING: "36",
    HealthStatus.MISSING: "33",
    HealthStatus.DEGRADED: "31",
    HealthStatus.UNKNOWN: "33",
}
_PLAIN_SECONDS = 5.0
_REDRAW_SECONDS = 0.1


class StatusLine:
    """What a command is doing: one line that changes on a terminal, a line now and then elsewhere.

    Args:
        what: what it does; every line begins with it.
        stream: where to; standard error when not given.
        plain_seconds: the time between two lines where the stream is no terminal.
    """

    def __init__(
        self, what: str, stream: TextIO | None = None, *, plain_seconds: float = _PLAIN_SECONDS
    ) -> None:
        self._what = what
        self._stream = stream or sys.stderr
        self._plain_seconds = plain_seconds
        self._started = self._shown = time.monotonic()
        self._status: Status | None = None

    def __enter__(self) -> Self:
        if self._stream.isatty():
            self._status = _console(self._stream).status(self._what)
            self._status.start()
        else:
            print(self._what, file=self._stream, flush=True)
        return self

    def __exit__(self, *_: object) -> None:
        if self._status is not None:
            self._status.stop()

    def show(self, *parts: str) -> None:
        """Say how far it is, unless that was said a moment ago."""
        now = time.monotonic()
        if now - self._shown <= (_REDRAW_SECONDS if self._status else self._plain_seconds):
            return
        self._shown = now
        line = "  ".join([self._what, f"{now - self._started:.0f}s", *parts]).rstrip()
        if self._status is not None:
            from rich.markup import escape

            # what does not fit would make it several lines; two columns are the spinner's
            self._status.update(escape(line[: shutil.get_terminal_size().columns - 2]))
        else:
            print(line, file=self._stream, flush=True)


class Progress(StatusLine):
    """What a run of the engine is doing; ``seen`` is called from its thread for every event."""

    def __init__(
        self, what: str, stream: TextIO | None = None, *, plain_seconds: float = _PLAIN_SECONDS
    ) -> None:
        super().__init__(what, stream, plain_seconds=plain_seconds)
        self._counts: dict[Outcome, int] = {}

    def seen(self, event: Event) -> None:
        """Take one event into account."""
        if not isinstance(event, Step) or not event.is_object or event.outcome is None:
            return
        if event.ended or event.failed:
            self._counts[event.outcome] = self._counts.get(event.outcome, 0) + 1
        counts = [
            f"{count} {outcome.value}"
            for outcome in Outcome
            if (count := self._counts.get(outcome))
        ]
        self.show(", ".join(counts), event.name)


def table(
    header: Sequence[str], lines: Sequence[Sequence[str]], *, stream: TextIO | None = None
) -> None:
    """Columns as wide as their longest entry, three spaces between, as kubectl prints them."""
    stream = stream or sys.stdout
    every = [header, *lines]
    widths = [max(len(line[column]) for line in every) for column in range(len(header))]
    coloured = is_coloured(stream)
    for number, line in enumerate(every):
        cells = [
            _coloured(cell, width, header=number == 0) if coloured else cell.ljust(width)
            for cell, width in zip(line, widths, strict=True)
        ]
        print("   ".join(cells).rstrip(), file=stream)


def diagnostics(messages: Sequence[Diagnostic], *, stream: TextIO | None = None) -> None:
    """What the engine had to say, the worst last, where it is read."""
    stream = stream or sys.stderr
    order = list(Severity)
    for each in sorted(messages, key=lambda message: order.index(message.severity)):
        text = f"{each.severity.value}: {each.message}"
        if stream.isatty():
            style = _STYLES[each.severity]
            _console(stream).print(text, style=style, highlight=False, markup=False, soft_wrap=True)
        else:
            print(text, file=stream)


def is_coloured(stream: TextIO) -> bool:
    """Only a terminal that can, and not against the user's word (no-color.org)."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def _coloured(cell: str, width: int, *, header: bool) -> str:
    """A padded cell; the names of columns bold, a health status in its colour."""
    code = "1" if header else _COLOURS.get(cell)
    return f"\x1b[{code}m{cell}\x1b[0m{' ' * (width - len(cell))}" if code else cell.ljust(width)


def _console(stream: TextIO) -> Console:
    from rich.console import Console

    return Console(file=stream)
