"""What is remembered of an Application after a pass?

Called by the pass for every Application. Pure: what is known goes in, the record comes out; where
nothing happened it is the record that was there, so nothing is written.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from gitops.comparison import Comparison, ObjectDrift, Why
from gitops.health import Health, HealthStatus
from gitops.objects.manifest import ResourceKey
from gitops.policy.decision import Action, Decision
from gitops.records.record import (
    ApplicationRecord,
    HistoryEntry,
    Operation,
    OperationPhase,
    SyncStatus,
)
from gitops.status.resource import ResourceStatus
from reconciler.engine.events import Changes, Outcome
from reconciler.passes.deciding import INTERRUPTED, Known
from reconciler.passes.workspace import Commit

MOST_FIELDS = 5
MOST_RESOURCES = 100
LONGEST = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Synced:
    """What became of the sync of one Application; ``interrupted`` says that it failed because the
    engine or the pass was ended, ``waits`` why it left objects that are no longer in Git."""

    decision: Decision
    started: datetime
    finished: datetime
    seconds: float = 0.0
    failure: str = ""
    waits: str = ""
    interrupted: bool = False
    changes: Changes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class After:
    """How an Application is at the end of a pass.

    Args:
        comparison: after the sync, where there was one.
        health: its own, with its message.
        resources: its live objects with their health.
        equal: comparisons to remember.
        conditions: what people should know, by type.
        synced: what became of its sync.
    """

    comparison: Comparison
    health: Health
    resources: Sequence[ResourceStatus] = ()
    equal: Mapping[str, str] | None = None
    conditions: Mapping[str, str] | None = None
    synced: Synced | None = None


def next_record(known: Known, after: After, commit: Commit, *, now: datetime) -> ApplicationRecord:
    """The record of an Application.

    Args:
        known: what was known when the pass decided.
        after: how it is now.
        commit: what it was compared with.
        now: the time, whole seconds, as that is what a record can hold.
    """
    record = _identified(known)
    digest = known.digest
    status = after.comparison.status
    if record.digest != digest or not record.revision:
        # a commit that changes nothing of an Application is no new revision of it
        record = replace(record, revision=commit.id)
    synced = after.synced or _found_done(record, status, now)
    if synced is not None:
        record = _operated(record, known, synced, commit)
    else:
        record = _interrupted(record, now)
    if status is SyncStatus.SYNCED:
        record = replace(record, digest=digest, inputs=_inputs(known))
    if known.target and _settled(record, known, after, synced):
        record = replace(record, settings=known.target.settings)
    if record.pinned and known.wanted and known.wanted != record.pinned.digest:
        record = replace(record, pinned=None)
    record = replace(
        record,
        sync=status,
        health=after.health.status,
        message=after.health.message,
        objects=len(known.target.manifests) if known.target else 0,
        resources=tuple(_resources(after)),
        equal=dict(after.equal or {}),
    )
    return record.with_conditions(after.conditions or {}, now)


def _settled(record: ApplicationRecord, known: Known, after: After, synced: Synced | None) -> bool:
    """Whether the engine knows an Application's settings, or need not be told of them."""
    if synced is not None:
        return not synced.failure
    automated = known.target is not None and known.target.spec.sync_policy.automated is not None
    return after.comparison.status is SyncStatus.SYNCED and not (record.settings and automated)


def begun(known: Known, decision: Decision, commit: Commit, started: datetime) -> ApplicationRecord:
    """The record of an Application while it is being synced: a pass that is killed leaves it."""
    operation = Operation(
        phase=OperationPhase.RUNNING,
        revision=commit.id,
        digest=known.digest,
        settings=known.target.settings if known.target else "",
        message=decision.reason,
        started=started,
        retries=decision.retries,
    )
    return replace(_identified(known), operation=operation)


def _identified(known: Known) -> ApplicationRecord:
    record = known.record or ApplicationRecord(name=known.name)
    if known.target is None:
        return record
    spec = known.target.spec
    return replace(
        record,
        project=spec.project,
        path=spec.source.path,
        namespace=spec.destination.namespace,
    )


def _found_done(record: ApplicationRecord, status: SyncStatus, now: datetime) -> Synced | None:
    """A sync that was interrupted, once the Application has turned out to be what Git says."""
    operation = record.operation
    if operation is None or status is not SyncStatus.SYNCED or operation.phase not in INTERRUPTED:
        return None
    decision = Decision(action=Action.SYNC, reason="what an interrupted sync was to do is done")
    return Synced(decision=decision, started=operation.started, finished=now)


def _interrupted(record: ApplicationRecord, now: datetime) -> ApplicationRecord:
    """What a killed pass had begun does not run any more."""
    operation = record.operation
    if operation is None or operation.phase is not OperationPhase.RUNNING:
        return record
    ended = replace(
        operation,
        phase=OperationPhase.ERROR,
        message="the pass that began it was killed",
        finished=now,
    )
    return replace(record, operation=ended)


def _inputs(known: Known) -> str:
    return known.target.inputs if known.target else ""


def _operated(
    record: ApplicationRecord, known: Known, synced: Synced, commit: Commit
) -> ApplicationRecord:
    operation = Operation(
        phase=_phase(synced),
        revision=commit.id,
        digest=known.digest,
        settings=known.target.settings if known.target else "",
        message=_short(synced.failure or synced.waits or synced.decision.reason, 1000),
        started=synced.started,
        finished=synced.finished,
        retries=synced.decision.retries,
    )
    was = record.digest
    record = replace(record, operation=operation)
    if synced.failure or known.target is None:
        return record
    record = replace(record, inputs=_inputs(known))
    if was == known.digest and record.history:
        return record  # healed: the same was deployed once more
    entry = HistoryEntry(
        id=0,
        revision=commit.id,
        digest=known.digest,
        author=commit.author,
        message=_short(commit.message, LONGEST),
        deployed=synced.finished,
        seconds=round(synced.seconds, 3),
        changes=_counts(synced.changes),
    )
    return record.deployed(entry, limit=known.target.spec.revision_history_limit)


def _phase(synced: Synced) -> OperationPhase:
    if not synced.failure:
        return OperationPhase.SUCCEEDED
    return OperationPhase.ERROR if synced.interrupted else OperationPhase.FAILED


def _counts(changes: Changes | None) -> dict[str, int]:
    if changes is None:
        return {}
    return {
        outcome.value: changes[outcome]
        for outcome in Outcome
        if outcome is not Outcome.UNCHANGED and changes[outcome]
    }


def _resources(after: After) -> list[dict[str, Any]]:
    """The objects people look for: not Synced, or not Healthy."""
    drifts = {each.key: each for each in after.comparison.drifts}
    healths = {each.key: each for each in after.resources}
    unhealthy = (
        key
        for key, each in healths.items()
        if each.health.status is not HealthStatus.HEALTHY and not each.hook
    )
    keys = sorted({*drifts, *unhealthy})
    return [_resource(key, drifts.get(key), healths.get(key)) for key in keys[:MOST_RESOURCES]]


def _resource(
    key: ResourceKey, drift: ObjectDrift | None, found: ResourceStatus | None
) -> dict[str, Any]:
    version = drift.api_version if drift else found.api_version if found else ""
    result: dict[str, Any] = {
        "group": key.group,
        "version": version.rpartition("/")[2],
        "kind": key.kind,
        "namespace": key.namespace,
        "name": key.name,
        "status": (SyncStatus.OUT_OF_SYNC if drift else SyncStatus.SYNCED).value,
    }
    if drift and drift.why is Why.EXTRANEOUS:
        result["requiresPruning"] = True
    if found:
        health: dict[str, Any] = {"status": found.health.status.value}
        if found.message:
            health["message"] = found.message
        result["health"] = health
    elif drift and drift.why is Why.MISSING:
        result["health"] = {"status": HealthStatus.MISSING.value}
    if drift and drift.differences:
        result["differences"] = differences(drift)
    return result


def differences(drift: ObjectDrift) -> list[dict[str, str]]:
    """The first fields that differ, as text; the diff has hidden what is secret."""
    return [
        {
            "path": each.path,
            "target": _short(_text(each.target), LONGEST),
            "live": _short(_text(each.live), LONGEST),
            "manager": each.manager,
        }
        for each in drift.differences[:MOST_FIELDS]
    ]


def _text(value: Any) -> str:
    return "" if value is None else str(value)


def _short(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 3]}..."
