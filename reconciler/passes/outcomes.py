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
from gitops.prune import holds_deletion
from gitops.records.record import ApplicationRecord, SyncStatus
from reconciler.passes.deciding import Known
from reconciler.passes.records import Synced

if TYPE_CHECKING:
    from reconciler.engine.events import Changes
    from reconciler.syncing.results import SyncResult

SHARED, FULL_RUN = "shared", "fullRun"


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
    tried before, or the removal of an Application, which waits while one is broken."""

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
    removed = not records.keys() <= {each.spec.name for each in found}
    return any(news) or (removed and not any(each.error for each in found))


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


def missed(left: Collection[str], result: SyncResult) -> dict[str, str]:
    """What is to be said of Applications that a run of everything has changed though it was not to.

    Args:
        left: the Applications that were what Git says; those it has not changed have an empty text.
        result: what the run did.
    """
    changed = {n: each for n, each in result.changes.items() if n in left and each.changed}
    return {name: _missed(changed[name]) if name in changed else "" for name in sorted(left)}


def _missed(changes: Changes) -> str:
    return (
        f"a run of everything changed it ({changes}) though no pass had found anything to do: the "
        "runs of single Applications have missed that, or Pulumi's state was an older one"
    )


def applied(wanted: Collection[str], result: SyncResult) -> frozenset[str]:
    """The Applications to sync of which everything was applied, as far as the engine says so."""

    def is_changed(name: str) -> bool:
        changes = result.changes.get(name)
        return changes is not None and changes.changed > 0

    whole = (name for name in wanted if name not in result.failures)
    return frozenset(name for name in whole if result.complete or is_changed(name))


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
    found: dict[str, Synced] = {}
    for name, decision in decisions.items():
        if decision.action is not Action.SYNC:
            continue
        waits = "" if interrupted else _waits(known[name], decision, result)
        found[name] = Synced(
            decision=decision,
            started=started.replace(microsecond=0),
            finished=finished,
            seconds=result.seconds,
            failure=_failure(known[name], result, waits=bool(waits)),
            waits=waits,
            interrupted=interrupted,
            changes=result.changes.get(name),
        )
    return found


def _waits(known: Known, decision: Decision, result: SyncResult) -> str:
    """Why a sync that may prune has left what is no longer in Git; empty where it has not, or
    failed to delete it."""
    if not decision.prune or not known.comparison.requires_pruning:
        return ""
    if waits := result.waiting.get(known.name) or known.holds_deletion:
        return waits
    others = sorted(result.failures.keys() - {known.name})
    return "" if result.complete or result.error else holds_deletion(others)


def _failure(known: Known, result: SyncResult, *, waits: bool) -> str:
    if failure := result.failures.get(known.name):
        return failure
    if result.complete or (waits and known.comparison.only_prune):
        return ""
    # Something else went wrong in the same run: that is its failure only where it left something.
    return (result.error or "not everything was applied") if known.comparison.drifts else ""
