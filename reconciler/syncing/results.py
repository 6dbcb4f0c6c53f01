"""What came of the engine's runs of one sync, Application by Application?

Called by ``sync`` with the runs and what they were for.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from gitops.target import Target
from reconciler.engine.events import (
    Changes,
    Severity,
    application_of,
    changes_by_application,
    readable,
)

if TYPE_CHECKING:
    from reconciler.engine.automation import Run

_TOKEN = re.compile(r"prune-[0-9a-f]{16}")  # what the prune gate asks to be confirmed


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncResult:
    """What came of a sync.

    ``failures`` says for each Application that failed why; ``error`` what concerns no single one;
    ``waiting`` why deletions of some Applications had to wait.
    ``complete`` is False where the engine did not do everything, ``killed`` True where the state
    may not know what it did. ``changes`` counts what became of the objects, those of no Application
    under the empty name. ``full`` says that everything was run, ``reason`` why where nobody had
    asked for it.
    """

    changes: Mapping[str, Changes] = field(default_factory=dict)
    failures: Mapping[str, str] = field(default_factory=dict)
    waiting: Mapping[str, str] = field(default_factory=dict)
    error: str = ""
    complete: bool = True
    killed: bool = False
    runs: int = 0
    seconds: float = 0.0
    full: bool = False
    reason: str = ""


def sync_result(
    runs: Sequence[Run], target: Target, *, left_out: Mapping[str, str], error: str = ""
) -> SyncResult:
    """The result of one sync.

    Args:
        runs: what the engine did.
        target: all Applications.
        left_out: what was not synced, without the engine.
        error: why the engine was not run to its end.
    """
    steps = [step for run in runs for step in run.steps]
    parents = {urn: parent for run in runs for urn, parent in run.parents.items()}
    failures = dict(left_out)
    subjects = {each.subject: each.spec.name for each in target.applications}
    general: list[str] = [error] if error else []
    for run in runs:
        for each in readable(run.diagnostics, parents):
            stopped = _TOKEN.search(each.message) is not None
            if each.severity is not Severity.ERROR and not stopped:
                continue
            subject = each.message.partition(":")[0]
            name = application_of(each.urn, parents) or subjects.get(subject, "")
            if name:
                failures[name] = "\n".join(filter(None, (failures.get(name), each.message)))
            elif not run.succeeded:
                told = _told_by_program(each.message, subjects)
                failures.update({n: text for n, text in told.items() if n not in failures})
                if not told:
                    general.append(each.message)
    return SyncResult(
        changes=changes_by_application(steps),
        failures=failures,
        error="\n".join(general),
        complete=not error and all(run.succeeded for run in runs),
        runs=len(runs),
        seconds=sum(run.seconds for run in runs),
    )


def _told_by_program(message: str, subjects: Mapping[str, str]) -> dict[str, str]:
    """What the program's last error says of each Application: a line that begins with it."""
    found: dict[str, str] = {}
    name = ""
    for line in message.splitlines():
        name = subjects.get(line.strip().partition(":")[0], name)
        if name:
            found[name] = "\n".join(filter(None, (found.get(name), line.strip())))
    return found
