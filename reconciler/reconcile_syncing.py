"""What came of a sync, Application by Application?

Called by the pass around the one call of ``sync``: before it to say what is wanted, afterwards to
tell what it did to each. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from gitops.comparison import Comparison
from gitops.policy.decision import Action, Decision
from gitops.records.record import SyncStatus
from reconciler.reconcile_deciding import Known
from reconciler.reconcile_records import Synced
from reconciler.sync import SyncResult

SHARED, FULL_RUN = "shared", "fullRun"


def wanted(known: Mapping[str, Known], decisions: Mapping[str, Decision]) -> dict[str, Comparison]:
    """The Applications to sync, each with how it differs."""
    return {
        name: known[name].comparison
        for name, decision in decisions.items()
        if decision.action is Action.SYNC
    }


def held(known: Mapping[str, Known], decisions: Mapping[str, Decision]) -> frozenset[str]:
    """The Applications that a run of everything leaves as they are."""
    return frozenset(
        name
        for name, each in known.items()
        if decisions[name].action is not Action.SYNC
        and each.comparison.status is not SyncStatus.SYNCED
        and not each.broken
    )


def full_run_due(
    memory: Mapping[str, str], shared: str, *, every: timedelta, now: datetime
) -> bool:
    """Whether everything the program declares has to be run: what is no Application's own has
    changed, or it is time to prove that nothing was missed.

    Args:
        memory: what the last full run left.
        shared: what it would be now.
        every: how often; never for that reason when zero.
        now: the time, with its zone.
    """
    if memory.get(SHARED) != shared:
        return True
    try:
        last = datetime.fromisoformat(memory.get(FULL_RUN, ""))
    except ValueError:
        return True
    return bool(every) and now - last >= every


def outcomes(
    known: Mapping[str, Known],
    decisions: Mapping[str, Decision],
    result: SyncResult,
    *,
    started: datetime,
) -> dict[str, Synced]:
    """What became of each Application that was to be synced.

    Args:
        known: what is known of them after the sync.
        decisions: what was decided before it.
        result: what the sync says.
        started: when it began.
    """
    finished = datetime.now(UTC).replace(microsecond=0)
    return {
        name: Synced(
            decision=decision,
            started=started.replace(microsecond=0),
            finished=finished,
            seconds=result.seconds,
            failure=_failure(name, known[name], result),
            changes=result.changes.get(name),
        )
        for name, decision in decisions.items()
        if decision.action is Action.SYNC
    }


def _failure(name: str, known: Known, result: SyncResult) -> str:
    if failure := result.failures.get(name):
        return failure
    if result.complete:
        return ""
    # Something else went wrong in the same run: that is its failure only where it left something.
    return (result.error or "not everything was applied") if known.comparison.drifts else ""
