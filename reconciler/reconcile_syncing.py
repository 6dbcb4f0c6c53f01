"""What came of a sync, Application by Application?

Called by the pass around the one call of ``sync``: before it to say what is wanted, afterwards to
tell what it did to each. Pure.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from gitops.application_target import ApplicationTarget
from gitops.comparison import Comparison
from gitops.policy.decision import Action, Decision
from gitops.records.record import ApplicationRecord, SyncStatus
from reconciler.reconcile_deciding import Known
from reconciler.reconcile_records import Synced

if TYPE_CHECKING:
    from reconciler.sync_results import SyncResult

SHARED, FULL_RUN = "shared", "fullRun"
MISSED = (
    "a run of everything changed it though no pass had found anything to do; the runs of single "
    "Applications have missed that"
)


def wanted(known: Mapping[str, Known], decisions: Mapping[str, Decision]) -> dict[str, Comparison]:
    """The Applications to sync, each with how it differs."""
    return {
        name: known[name].comparison
        for name, decision in decisions.items()
        if decision.action is Action.SYNC
    }


def has_news(
    applications: Iterable[ApplicationTarget], records: Mapping[str, ApplicationRecord]
) -> bool:
    """Whether Git has something that automation will most likely sync: what it has not synced nor
    tried before, or the removal of an Application."""

    def is_new(each: ApplicationTarget) -> bool:
        record = records.get(each.spec.name)
        if record is None:
            return True
        tried = record.operation.digest if record.operation else ""
        return each.digest not in (record.digest, tried) and not record.paused

    found = list(applications)
    news = (
        each.error is None and each.spec.sync_policy.automated is not None and is_new(each)
        for each in found
    )
    return any(news) or not records.keys() <= {each.spec.name for each in found}


def held(known: Mapping[str, Known], decisions: Mapping[str, Decision]) -> frozenset[str]:
    """The Applications that a run of everything leaves as they are."""
    return frozenset(
        name
        for name, each in known.items()
        if decisions[name].action is not Action.SYNC
        and (each.comparison.status is not SyncStatus.SYNCED or each.pinned)
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


def missed(wanted: Collection[str], result: SyncResult) -> list[str]:
    """The Applications that a run of everything has changed though nobody wanted it."""
    return sorted(
        name
        for name, changes in result.changes.items()
        if name and name not in wanted and changes.changed
    )


def outcomes(
    known: Mapping[str, Known],
    decisions: Mapping[str, Decision],
    result: SyncResult,
    *,
    started: datetime,
    interrupted: bool = False,
) -> dict[str, Synced]:
    """What became of each Application that was to be synced.

    Args:
        known: what is known of them after the sync.
        decisions: what was decided before it.
        result: what the sync says.
        started: when it began.
        interrupted: whether it was ended before it was done.
    """
    finished = datetime.now(UTC).replace(microsecond=0)
    return {
        name: Synced(
            decision=decision,
            started=started.replace(microsecond=0),
            finished=finished,
            seconds=result.seconds,
            failure=_failure(name, known[name], result),
            interrupted=interrupted,
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
