"""How does the history of an Application look?

The outputs of ``gitops app history``; called by the command with what its record holds.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, TextIO

from gitops.records.record import HistoryEntry
from reconciler.printing.status import Output, document
from reconciler.printing.tables import table

_SHORT = 10


def history(
    entries: Sequence[HistoryEntry], output: Output = Output.TABLE, *, stream: TextIO | None = None
) -> None:
    """The syncs of one Application, the newest last; names are their numbers."""
    stream = stream or sys.stdout
    if output is Output.NAME:
        for each in entries:
            print(each.id, file=stream)
    elif output in (Output.JSON, Output.YAML):
        document([as_data(each) for each in entries], output, stream=stream)
    elif entries:
        wide = output is Output.WIDE
        header = ["ID", "DATE", "REVISION", "AUTHOR", "DURATION", "CHANGES", "MESSAGE"]
        lines = [
            [
                str(each.id),
                _time(each.deployed),
                each.revision if wide else each.revision[:_SHORT],
                each.author or "-",
                f"{each.seconds:.1f}s",
                _changes(each.changes),
                each.message or "-",
            ]
            for each in entries
        ]
        table(header, lines, stream=stream)


def as_data(entry: HistoryEntry) -> dict[str, Any]:
    """One sync as ``-o json`` has it; ``id``, ``revision`` and ``deployedAt`` are ArgoCD's."""
    return {
        "id": entry.id,
        "revision": entry.revision,
        "deployedAt": _time(entry.deployed),
        "author": entry.author,
        "message": entry.message,
        "seconds": entry.seconds,
        "changes": dict(entry.changes),
    }


def _changes(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {what}" for what, count in counts.items()) or "-"


def _time(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z")
