"""What did a pass find and do? The value it ends with, its JSON and its lines for people.

Made by the pass, printed by the command. The JSON is an interface: see docs/reconciler.md.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from gitops.application_target import ApplicationTarget
from gitops.comparison import Comparison
from gitops.health import Health
from gitops.policy.decision import Decision
from gitops.records.record import ApplicationRecord, SyncStatus
from reconciler.engine.events import Changes, Outcome
from reconciler.passes.records import Synced, differences

VERSION = 1


class PassOutcome(StrEnum):
    """How a pass ended."""

    NOTHING = "Nothing"
    """The engine was not started: nothing was to be done."""
    SYNCED = "Synced"
    """It synced what it wanted to."""
    FAILED = "Failed"
    """Something is broken, could not be applied, or could not be read."""
    HELD = "Held"
    """Another run holds the stack's lease; nothing was looked at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ApplicationReport:
    """One Application at the end of a pass; ``found`` is what it was like before, ``target`` what
    it should be."""

    name: str
    subject: str
    found: Comparison
    decision: Decision
    comparison: Comparison
    health: Health
    record: ApplicationRecord
    synced: Synced | None = None
    target: ApplicationTarget | None = None

    @property
    def failed(self) -> str:
        """What is wrong with it that a person has to repair; empty when nothing is."""
        if self.comparison.error is not None:
            return str(self.comparison.error)
        return self.synced.failure if self.synced else ""


@dataclass(slots=True, kw_only=True)
class Report:
    """One pass.

    Args:
        stack: the stack.
        started: when it began.
        commit: what was compared with the cluster.
        applications: all of them, by name.
        errors: what concerns no single Application.
        warnings: what people should know.
        held: who holds the lease, where it was somebody else.
        full: everything the program declares was run.
        runs: how often the engine was started, and for how long altogether.
        requests: LIST calls, and the bytes they brought.
        timings: the seconds of each part.
        written: how many records were written.
        next: when a decision would be another by itself.
        asked: the Applications a person wanted synced.
        base: the bootstrap and the namespaces of Applications, compared.
    """

    stack: str
    started: datetime
    commit: str = ""
    applications: list[ApplicationReport] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    held: str = ""
    full: bool = False
    runs: int = 0
    engine_seconds: float = 0.0
    requests: int = 0
    size: int = 0
    timings: dict[str, float] = field(default_factory=dict)
    written: int = 0
    next: datetime | None = None
    shared: Changes | None = None
    asked: frozenset[str] = frozenset()
    base: tuple[Comparison, ...] = ()

    def warn(self, text: str) -> None:
        """Add a warning, once."""
        if text not in self.warnings:
            self.warnings.append(text)

    @property
    def outcome(self) -> PassOutcome:
        """How it ended."""
        if self.held:
            return PassOutcome.HELD
        if self.errors or any(each.failed for each in self.applications):
            return PassOutcome.FAILED
        return PassOutcome.SYNCED if self.runs else PassOutcome.NOTHING

    @property
    def seconds(self) -> float:
        """How long it took."""
        return sum(self.timings.values())


@contextmanager
def timed(timings: dict[str, float], name: str) -> Iterator[None]:
    """Add the seconds the block takes to what a part has taken."""
    started = time.perf_counter()
    try:
        yield
    finally:
        timings[name] = timings.get(name, 0.0) + time.perf_counter() - started


def as_json(report: Report) -> dict[str, Any]:
    """The report as ``--json`` prints it."""
    return {
        "version": VERSION,
        "stack": report.stack,
        "commit": report.commit,
        "started": _time(report.started),
        "seconds": round(report.seconds, 3),
        "outcome": report.outcome.value,
        "heldBy": report.held,
        "errors": report.errors,
        "warnings": report.warnings,
        "next": _time(report.next) if report.next else None,
        "engine": {
            "runs": report.runs,
            "full": report.full,
            "seconds": round(report.engine_seconds, 3),
            "sharedChanges": _changes(report.shared),
        },
        "lists": {"requests": report.requests, "bytes": report.size},
        "timings": {name: round(value, 3) for name, value in report.timings.items()},
        "recordsWritten": report.written,
        "applications": [_application(each) for each in report.applications],
        "base": [
            {
                "name": each.application,
                "sync": {"status": each.status.value},
                "left": [_drift(drift) for drift in each.drifts],
            }
            for each in report.base
        ],
    }


def lines(report: Report) -> Iterator[str]:
    """The report for people: what was done, what is left to do and why, and one line at the end."""
    for each in report.applications:
        yield from application_lines(each)
    for base in report.base:
        if base.drifts:
            yield f"{base.application}: {base.status.value}, {_objects(base)}"
            yield from drift_lines(base)
    yield _last_line(report)


def application_lines(report: ApplicationReport) -> Iterator[str]:
    """One Application for people; nothing where it is synced and was not touched."""
    if text := _line(report):
        yield text
        if report.synced is None:
            yield from drift_lines(report.comparison)


def _line(report: ApplicationReport) -> str:
    if report.synced is not None:
        changes = report.synced.changes
        told = str(changes) if changes else "nothing changed"
        state = "failed" if report.synced.failure else "synced"
        left = f"; {report.synced.waits}" if report.synced.waits else ""
        return f"{report.subject}: {state} ({report.decision.reason}): {told}{left}"
    if report.comparison.status is SyncStatus.SYNCED:
        return ""
    if report.comparison.error is not None:
        return ""  # an error: told with the others
    objects = _objects(report.comparison)
    when = f", again at {_time(report.decision.at)}" if report.decision.at else ""
    return (
        f"{report.subject}: {report.comparison.status.value}, {objects}: "
        f"{report.decision.reason}{when}"
    )


def _objects(comparison: Comparison) -> str:
    count = len(comparison.drifts)
    return f"{count} object{'' if count == 1 else 's'}"


def drift_lines(comparison: Comparison) -> Iterator[str]:
    """The first objects of an Application that differ, with their first fields."""
    for drift in comparison.drifts[:10]:
        yield f"  {drift.key}: {drift.why.value}"
        for each in differences(drift):
            manager = f" (by {each['manager']})" if each["manager"] else ""
            yield f"    {each['path']}: {each['target']!r} in Git, {each['live']!r} live{manager}"


def _last_line(report: Report) -> str:
    counts: dict[str, int] = {}
    for each in report.applications:
        status = each.comparison.status.value
        counts[status] = counts.get(status, 0) + 1
    told = ", ".join(f"{counts[each]} {each.value}" for each in SyncStatus if counts.get(each))
    engine = (
        f"engine {report.engine_seconds:.1f} s{' (everything)' if report.full else ''}"
        if report.runs
        else "engine not started"
    )
    revision = report.commit[:10] or "no commit"
    parts = (f"{revision}: {told or 'no Application'}", engine, f"{report.seconds:.2f} s")
    return "; ".join(parts)


def _application(report: ApplicationReport) -> dict[str, Any]:
    result: dict[str, Any] = {
        "name": report.name,
        "subject": report.subject,
        "sync": {
            "status": report.comparison.status.value,
            "revision": report.record.revision,
            "digest": report.record.digest,
        },
        "health": {"status": report.health.status.value, "message": report.health.message},
        "decision": {
            "action": report.decision.action.value,
            "reason": report.decision.reason,
            "at": _time(report.decision.at) if report.decision.at else None,
        },
        "conditions": [
            {"type": each.type, "message": each.message} for each in report.record.conditions
        ],
        "found": [_drift(each) for each in report.found.drifts],
        "left": [_drift(each) for each in report.comparison.drifts],
    }
    if report.synced is not None:
        result["operation"] = {
            "phase": "Failed" if report.synced.failure else "Succeeded",
            "message": report.synced.failure or report.synced.waits,
            "seconds": round(report.synced.seconds, 3),
            "changes": _changes(report.synced.changes),
        }
    return result


def _drift(drift: Any) -> dict[str, Any]:
    return {
        "group": drift.key.group,
        "kind": drift.key.kind,
        "namespace": drift.key.namespace,
        "name": drift.key.name,
        "why": drift.why.value,
        "differences": differences(drift),
    }


def _changes(changes: Changes | None) -> Mapping[str, int]:
    if changes is None:
        return {}
    return {
        outcome.value: changes[outcome]
        for outcome in Outcome
        if outcome is not Outcome.UNCHANGED and changes[outcome]
    }


def _time(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z")
