"""How does it look?

Tables the way kubectl prints them: columns, no lines, plain text where the output is no terminal.
Called by the command line with values that are ready to be shown.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, TextIO

from reconciler.applications import ApplicationRow
from reconciler.events import Changes, Diagnostic, Event, Outcome, Severity, Step

if TYPE_CHECKING:
    from rich.console import Console
    from rich.status import Status

_STYLES = {Severity.INFO: "dim", Severity.WARNING: "yellow", Severity.ERROR: "bold red"}
_PLAIN_SECONDS = 5.0
_REDRAW_SECONDS = 0.1


class Progress:
    """What a run is doing: one line that changes on a terminal, a line now and then elsewhere.

    ``seen`` is called from the engine's thread for every event.
    """

    def __init__(
        self, what: str, stream: TextIO | None = None, *, plain_seconds: float = _PLAIN_SECONDS
    ) -> None:
        self._what = what
        self._stream = stream or sys.stderr
        self._plain_seconds = plain_seconds
        self._started = self._shown = time.monotonic()
        self._counts: dict[Outcome, int] = {}
        self._current = ""
        self._status: Status | None = None

    def __enter__(self) -> Progress:
        if self._stream.isatty():
            self._status = _console(self._stream).status(self._line())
            self._status.start()
        else:
            print(self._what, file=self._stream, flush=True)
        return self

    def __exit__(self, *_: object) -> None:
        if self._status is not None:
            self._status.stop()

    def seen(self, event: Event) -> None:
        """Take one event into account."""
        if not isinstance(event, Step) or not event.is_object or event.outcome is None:
            return
        self._current = event.name
        if event.ended or event.failed:
            self._counts[event.outcome] = self._counts.get(event.outcome, 0) + 1
        self._show()

    def _show(self) -> None:
        now = time.monotonic()
        if self._status is not None and now - self._shown > _REDRAW_SECONDS:
            self._shown = now
            self._status.update(self._line())
        elif self._status is None and now - self._shown > self._plain_seconds:
            self._shown = now
            print(self._line(), file=self._stream, flush=True)

    def _line(self) -> str:
        counts = [
            f"{count} {outcome.value}"
            for outcome in Outcome
            if (count := self._counts.get(outcome))
        ]
        seconds = f"{time.monotonic() - self._started:.0f}s"
        return "  ".join([self._what, seconds, ", ".join(counts), self._current]).rstrip()


def applications(
    rows: Sequence[ApplicationRow],
    changes: Mapping[str, Changes] | None = None,
    *,
    stream: TextIO | None = None,
) -> None:
    """The table of Applications; with a column of what a run changed when ``changes`` is given."""
    header = ["NAME", "CATEGORY", "NAMESPACE", "OBJECTS"]
    lines = [
        [row.name, row.category or "-", row.namespace or "-", str(row.objects)] for row in rows
    ]
    if changes is not None:
        header.append("CHANGED")
        for line, row in zip(lines, rows, strict=True):
            own = changes.get(row.name)
            line.append(str(own) if own and (own.changed or own[Outcome.FAILED]) else "-")
    table(header, lines, stream=stream)


def table(
    header: Sequence[str], lines: Sequence[Sequence[str]], *, stream: TextIO | None = None
) -> None:
    """Columns as wide as their longest entry, three spaces between, as kubectl prints them."""
    stream = stream or sys.stdout
    every = [header, *lines]
    widths = [max(len(line[column]) for line in every) for column in range(len(header))]
    for number, line in enumerate(every):
        cells = (cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        text = "   ".join(cells).rstrip()
        if number == 0 and stream.isatty():
            _console(stream).print(text, style="bold", highlight=False, soft_wrap=True)
        else:
            print(text, file=stream)


def applications_json(rows: Sequence[ApplicationRow], *, stream: TextIO | None = None) -> None:
    """The Applications as a JSON list."""
    print(json.dumps([asdict(row) for row in rows], indent=2), file=stream or sys.stdout)


def names(rows: Sequence[ApplicationRow], *, stream: TextIO | None = None) -> None:
    """One name per line, for scripts."""
    for row in rows:
        print(row.name, file=stream or sys.stdout)


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


def _console(stream: TextIO) -> Console:
    from rich.console import Console

    return Console(file=stream)
