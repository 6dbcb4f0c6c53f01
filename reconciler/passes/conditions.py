"""What should people know about an Application, and how healthy is it with what is missing?

Called by the pass before it remembers. The types are ArgoCD's where it has one (ComparisonError,
SyncError, OrphanedResourceWarning); ours are MissedChangeWarning, PruneWaits, RolledBack,
RenderVaries and Warning.
"""

from __future__ import annotations

from collections.abc import Sequence

from gitops.comparison import Comparison, Why
from gitops.health import Health, HealthStatus
from gitops.health.status import one_line
from gitops.objects.orphaned_resources import CONDITION
from gitops.policy.decision import Decision
from gitops.records.record import ApplicationRecord, OperationPhase
from gitops.status.application import application_health
from gitops.status.resource import ResourceStatus
from reconciler.passes.deciding import PRUNE_WAITS, Known
from reconciler.passes.records import Synced

RENDER_VARIES = "RenderVaries"
MISSED_CHANGE = "MissedChangeWarning"
_VARIES = (
    "the same source renders to something else every time, so it is never Synced for long; "
    "give its chart fixed values for what it generates, such as keys and passwords"
)
_BETTER = (HealthStatus.HEALTHY, HealthStatus.SUSPENDED, HealthStatus.PROGRESSING)


def conditions(
    known: Known,
    comparison: Comparison,
    synced: Synced | None,
    *,
    decision: Decision | None = None,
    orphaned: str = "",
    missed: str | None = None,
) -> dict[str, str]:
    """Everything people should know of an Application, by type.

    Args:
        known: what is known of it.
        comparison: how it is at the end of the pass.
        synced: what became of its sync in this pass.
        decision: what the pass decided about it.
        orphaned: what there is in its namespace that belongs to no Application.
        missed: what only a run of everything has found about it in this pass; empty where that has
            found nothing, None where there was none that can tell.
    """
    found = {CONDITION: orphaned} if orphaned else dict[str, str]()
    if alarm := _alarm(known, synced) if missed is None else missed:
        found[MISSED_CHANGE] = alarm
    if unknown := _unknown(comparison):
        found["ComparisonError"] = unknown
    if failure := _failure(known, synced):
        found["SyncError"] = failure
    if waits := _prune_waits(known, comparison, synced, decision):
        found[PRUNE_WAITS] = waits
    record = known.record
    if record and record.pinned and record.pinned.digest == known.wanted:
        found["RolledBack"] = (
            f"to {record.pinned.revision} from {record.pinned.instead_of}; another content in Git "
            "or a sync ends that"
        )
    if known.varies:
        found[RENDER_VARIES] = _VARIES
    if known.target and known.target.warnings:
        found["Warning"] = "\n".join(known.target.warnings)
    return found


def health_of(comparison: Comparison, resources: Sequence[ResourceStatus], known: Known) -> Health:
    """The health of an Application: its worst object's, and Missing where one is not there
    (ArgoCD, "Resource Health")."""
    gone = [each for each in comparison.drifts if each.why is Why.MISSING]
    if not resources and not gone and known.target and not known.broken:
        return Health(status=HealthStatus.HEALTHY)  # it renders to nothing
    health = application_health(resources)
    if gone and health.status in _BETTER:
        others = f" (and {len(gone) - 1} more)" if len(gone) > 1 else ""
        text = f"{gone[0].key}: not in the cluster{others}"
        return one_line(HealthStatus.MISSING, text)
    return health


def may_vary(known: Known) -> bool:
    """Whether what an Application renders to has changed, and nothing that it is rendered from."""
    record, target = known.record, known.target
    if record is None or target is None or target.error is not None or not record.inputs:
        return False
    return record.inputs == target.inputs and record.digest != target.digest


def is_known_to_vary(record: ApplicationRecord | None) -> bool:
    """Whether an earlier pass has found out."""
    return record is not None and record.has_condition(RENDER_VARIES)


def _unknown(comparison: Comparison) -> str:
    if comparison.error is not None:
        return str(comparison.error)
    kinds = sorted({f"{key.kind}.{key.group}".rstrip(".") for key in comparison.unknown})
    return f"{', '.join(kinds)} cannot be listed, so nobody knows" if kinds else ""


def _prune_waits(
    known: Known, comparison: Comparison, synced: Synced | None, decision: Decision | None
) -> str:
    """Why objects that are no longer in Git, and may go, are still there. It is said until they are
    gone, as policy asks whether it was."""
    if not comparison.requires_pruning:
        return ""
    if synced is not None:
        return synced.waits
    if decision is not None and decision.reason == known.holds_deletion:
        return decision.reason
    left = known.record is not None and known.record.has_condition(PRUNE_WAITS)
    return known.holds_deletion or "the next sync deletes them" if left else ""


def _alarm(known: Known, synced: Synced | None) -> str:
    """What an earlier run of everything has found, until somebody has synced it by hand."""
    if known.record is None or (known.asked and synced is not None and not synced.failure):
        return ""
    found = (each.message for each in known.record.conditions if each.type == MISSED_CHANGE)
    return next(found, "")


def _failure(known: Known, synced: Synced | None) -> str:
    if synced is not None:
        return synced.failure
    operation = known.record.operation if known.record else None
    if operation is None or operation.phase is not OperationPhase.FAILED:
        return ""
    return operation.message if operation.digest == known.digest else ""
