"""What should people know about an Application, and how healthy is it with what is missing?

Called by the pass before it remembers. The types are ArgoCD's where it has one (ComparisonError,
SyncError, OrphanedResourceWarning); ours are RolledBack, RenderVaries and Warning.
"""

from __future__ import annotations

from collections.abc import Sequence

from gitops.comparison import Comparison, Why
from gitops.health import Health, HealthStatus
from gitops.health.status import one_line
from gitops.orphaned_resources import CONDITION
from gitops.records.record import ApplicationRecord, OperationPhase
from gitops.status.application import application_health
from gitops.status.resource import ResourceStatus
from reconciler.reconcile_deciding import Known
from reconciler.reconcile_records import Synced

RENDER_VARIES = "RenderVaries"
_BETTER = (HealthStatus.HEALTHY, HealthStatus.SUSPENDED, HealthStatus.PROGRESSING)


def conditions(
    known: Known, comparison: Comparison, synced: Synced | None, *, orphaned: str = ""
) -> dict[str, str]:
    """Everything people should know of an Application, by type.

    Args:
        known: what is known of it.
        comparison: how it is at the end of the pass.
        synced: what became of its sync in this pass.
        orphaned: what there is in its namespace that belongs to no Application.
    """
    found = {CONDITION: orphaned} if orphaned else dict[str, str]()
    if comparison.error is not None:
        found["ComparisonError"] = str(comparison.error)
    elif comparison.unknown:
        kinds = sorted({f"{key.kind}.{key.group}".rstrip(".") for key in comparison.unknown})
        found["ComparisonError"] = f"{', '.join(kinds)} cannot be listed, so nobody knows"
    if failure := _failure(known, synced):
        found["SyncError"] = failure
    record = known.record
    if record and record.pinned and record.pinned.digest == known.wanted:
        found["RolledBack"] = (
            f"to {record.pinned.revision} from {record.pinned.instead_of}; another content in Git "
            "or a sync ends that"
        )
    if known.varies:
        found[RENDER_VARIES] = (
            "the same source renders to something else every time, so it is never Synced for long; "
            "give its chart fixed values for what it generates, such as keys and passwords"
        )
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
    return record is not None and any(each.type == RENDER_VARIES for each in record.conditions)


def _failure(known: Known, synced: Synced | None) -> str:
    if synced is not None:
        return synced.failure
    operation = known.record.operation if known.record else None
    if operation is None or operation.phase is not OperationPhase.FAILED:
        return ""
    return operation.message if operation.digest == known.digest else ""
