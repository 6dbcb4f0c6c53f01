"""What is read of an Application's history."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime

from gitops.records.record import HistoryEntry
from reconciler.printing.history import history
from reconciler.printing.status import Output

ENTRIES = (
    HistoryEntry(
        id=3,
        revision="0123456789abcdef",
        digest="d",
        author="Ada",
        message="Add an app",
        deployed=datetime(2026, 5, 1, 12, tzinfo=UTC),
        seconds=1.26,
        changes={"created": 2, "deleted": 1},
    ),
    HistoryEntry(id=4, revision="c", digest="e", deployed=datetime(2026, 5, 2, tzinfo=UTC)),
)


def shown(output: Output, entries: tuple[HistoryEntry, ...] = ENTRIES) -> str:
    out = io.StringIO()
    history(entries, output, stream=out)
    return out.getvalue()


def test_table() -> None:
    """The newest is last; the wide form has the whole commit; without syncs there is no line."""
    assert shown(Output.TABLE).splitlines() == [
        "ID   DATE                   REVISION     AUTHOR   DURATION   CHANGES                "
        "MESSAGE",
        "3    2026-05-01T12:00:00Z   0123456789   Ada      1.3s       2 created, 1 deleted   "
        "Add an app",
        "4    2026-05-02T00:00:00Z   c            -        0.0s       -                      -",
    ]
    assert "0123456789abcdef" in shown(Output.WIDE)
    assert shown(Output.TABLE, ()) == shown(Output.NAME, ()) == ""


def test_for_programs() -> None:
    """Names are the numbers that a rollback takes; JSON has ArgoCD's names where it has them."""
    assert shown(Output.NAME).split() == ["3", "4"]
    assert json.loads(shown(Output.JSON))[0] == {
        "id": 3,
        "revision": "0123456789abcdef",
        "deployedAt": "2026-05-01T12:00:00Z",
        "author": "Ada",
        "message": "Add an app",
        "seconds": 1.26,
        "changes": {"created": 2, "deleted": 1},
    }
