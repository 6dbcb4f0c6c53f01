"""Does a database run? Rules for operators whose status the conventions do not explain."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gitops.health.fields import at, cause, condition, count, flag, mapping, mappings, number, text
from gitops.health.status import Health, degraded, healthy, progressing, suspended

# the second is what ArgoCD's check asks for
_RECONCILIATION = ("cnpg.io/reconciliationLoop", "cnpg.io/reconciliation")
_HIBERNATION = "cnpg.io/hibernation"
_CNPG_HEALTHY = "Cluster in healthy state"
_CNPG_WAITS = "Waiting for user action"
_CNPG_BROKEN = (
    "Cluster cannot execute instance online upgrade",
    "Cluster cannot proceed to reconciliation",
    "Cluster has incomplete or invalid image catalog",
    "Cluster is unrecoverable",
    "Failed to",
    "Failing over",
    "Not enough disk space",
    "Unable to create",
)


def cnpg_cluster(live: Mapping[str, Any]) -> Health | None:
    """Its phase decides; all phases but the healthy one leave Ready at ClusterIsNotReady.

    CloudNativePG, API reference, ClusterStatus; "Declarative hibernation"; "Rolling Updates" for
    ``Waiting for user action``, which a supervised update asks for; "Failover". A phase that the
    operator works itself out of is Progressing; ArgoCD has most of them as Degraded.
    """
    status = mapping(live, "status")
    annotations = mapping(live, "metadata", "annotations")
    for name in _RECONCILIATION:
        if text(annotations, name) == "disabled":
            return suspended(f"its reconciliation is disabled (annotation {name})")
    hibernation = condition(live, _HIBERNATION)
    if text(hibernation, "status") == "True":
        return suspended(text(hibernation, "message") or "hibernated")
    phase, reason = text(status, "phase"), text(status, "phaseReason")
    told = f"{phase}: {reason}" if reason else phase
    if phase == _CNPG_HEALTHY:
        archiving = condition(live, "ContinuousArchiving")
        if text(archiving, "status") == "False":
            return healthy(f"works, but its WAL is not archived: {cause(archiving)}")
        return healthy()
    if phase == _CNPG_WAITS:
        return suspended(told)
    if phase.startswith(_CNPG_BROKEN):
        return degraded(told)
    instances = number(live, "spec", "instances")
    if instances is not None and phase:
        told = f"{told} ({count(status, 'readyInstances')} of {instances} instances ready)"
    return progressing(told or "its controller has not reported on it yet")


def cnpg_declared(live: Mapping[str, Any]) -> Health | None:
    """A Database, Publication or Subscription is as it is declared once ``applied`` is true.

    CloudNativePG, "PostgreSQL Database Management", "Reconciliation": observedGeneration is that of
    the last success, so a failure before the first one may be a role that is still to come.
    """
    message = text(live, "status", "message")
    if flag(live, "status", "applied"):
        return healthy(message)
    if at(live, "status", "applied") is None:
        return progressing(message or "its controller has not reported on it yet")
    seen = number(live, "status", "observedGeneration") or 0
    if seen and seen == count(live, "metadata", "generation"):
        return degraded(message or "it could not be applied")
    return progressing(f"not applied yet: {message}" if message else "not applied yet")


def cnpg_pooler(live: Mapping[str, Any]) -> Health | None:
    """As many PgBouncers as asked for (CloudNativePG, "Connection pooling"; PoolerStatus)."""
    target, found = number(live, "spec", "instances"), count(live, "status", "instances")
    if target is not None and found < target:
        return progressing(f"{found} of {target} instances")
    return healthy()


def crunchy_cluster(live: Mapping[str, Any]) -> Health | None:
    """All replicas of each instance set ready (Crunchy Postgres for Kubernetes, CRD Reference).

    Its conditions tell of backups and proxies; what they say of a failure goes before.
    """
    if flag(live, "spec", "shutdown"):
        return suspended("shut down (spec.shutdown)")
    for each in mappings(live, "status", "conditions"):
        kind, status = text(each, "type"), text(each, "status")
        if kind in ("PersistentVolumeResizeError", "PGBackRestRestoreFailed") and status == "True":
            return degraded(f"{kind}: {cause(each)}")
    sets = mappings(live, "status", "instances")
    if not sets:
        return progressing("no instance yet")
    for each in sets:
        target, ready = count(each, "replicas"), count(each, "readyReplicas")
        if ready < target:
            return progressing(f"{ready} of {target} replicas of {text(each, 'name')} ready")
    return healthy()
