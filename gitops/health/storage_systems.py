"""Is data safe? Rules for Rook Ceph, Longhorn and VolSync."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from gitops.health.fields import at, cause, condition, mapping, moment, text
from gitops.health.status import Health, degraded, healthy, progressing

OVERDUE = timedelta(hours=1)


def ceph_cluster(live: Mapping[str, Any]) -> Health | None:
    """Ceph's own health goes before the phase, which tells only how the operator fares.

    Rook, "CephCluster CRD", "Ceph Status"; Ceph, "Health checks". HEALTH_WARN is Degraded, as in
    ArgoCD: it names what will become an error.
    """
    health = text(live, "status", "ceph", "health")
    if health in ("HEALTH_ERR", "HEALTH_WARN"):
        details = mapping(live, "status", "ceph", "details")
        told = [text(details, name, "message") or name for name in sorted(details)]
        return degraded(f"{health}: {'; '.join(told)}".removesuffix(": "))
    return None


def longhorn_volume(live: Mapping[str, Any]) -> Health | None:
    """Robustness and state (Longhorn, "Volume Conditions"; VolumeRobustness, VolumeState).

    ``degraded`` is Longhorn's word for replicas that are being rebuilt; a detached volume is idle,
    and its robustness is unknown.
    """
    state, robustness = text(live, "status", "state"), text(live, "status", "robustness")
    if robustness == "faulted":
        return degraded("faulted: no replica is usable")
    scheduled = condition(live, "Scheduled") if isinstance(_conditions(live), list) else {}
    if text(scheduled, "status") == "False":
        return degraded(f"its replicas cannot be scheduled: {cause(scheduled)}")
    if state == "detached":
        return healthy("detached")
    if state == "attached":
        return progressing("replicas are rebuilt") if robustness == "degraded" else healthy()
    return progressing(state or "its controller has not reported on it yet")


def backup_target(live: Mapping[str, Any]) -> Health | None:
    """Whether the target can be reached (Longhorn, "Setting a Backup Target").

    One without an address is not in use.
    """
    available = at(live, "status", "available")
    if not text(live, "spec", "backupTargetURL") or not isinstance(available, bool):
        return healthy("not in use") if not text(live, "spec", "backupTargetURL") else None
    unavailable = condition(live, "Unavailable")
    return healthy() if available else degraded(f"unavailable: {cause(unavailable)}")


def replication(live: Mapping[str, Any], now: datetime) -> Health | None:
    """Whether the last transfer ended well, and whether the next is overdue.

    VolSync, "Triggers" and "Usage": condition Synchronizing tells only that one is under way;
    ``latestMoverStatus`` how the last ended, ``nextSyncTime`` when the next is due.
    """
    synchronizing = condition(live, "Synchronizing")
    mover = mapping(live, "status", "latestMoverStatus")
    if text(synchronizing, "reason") == "Error":
        return degraded(cause(synchronizing))
    if text(mover, "result") == "Failed":
        last = text(mover, "logs").strip().rpartition("\n")[2]
        return degraded(f"the last transfer failed: {last}".removesuffix(": "))
    due = moment(live, "status", "nextSyncTime")
    if text(synchronizing, "status") == "True":
        first = moment(live, "status", "lastSyncTime") is None
        return progressing("the first transfer is under way") if first else healthy("transferring")
    if due is not None and now - due > OVERDUE:
        return degraded(f"its transfer was due at {text(live, 'status', 'nextSyncTime')}")
    if not synchronizing:
        return progressing("its controller has not reported on it yet")
    return healthy()


def _conditions(live: Mapping[str, Any]) -> Any:
    """Longhorn's v1beta1 had a mapping there."""
    return at(live, "status", "conditions")
