"""Which rule judges an object? Called as ``gitops.health.assess``; the families hold the rules.

An object in deletion is Progressing whatever its kind; kinds that ArgoCD assesses in code have a
rule; any other is judged by its conditions. What a rule cannot read is Unknown, never an error.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from gitops.health import (
    apis,
    autoscaling,
    batch,
    conditions,
    networking,
    pods,
    storage,
    workloads,
)
from gitops.health.fields import SurpriseError, mapping, sequence, text
from gitops.health.status import Health, progressing, unknown

Rule = Callable[[Mapping[str, Any]], Health]

RULES: Mapping[tuple[str, str], Rule] = {
    ("", "Namespace"): apis.namespace,
    ("", "PersistentVolume"): storage.volume,
    ("", "PersistentVolumeClaim"): storage.claim,
    ("", "Pod"): pods.pod,
    ("", "Service"): networking.service,
    ("apiextensions.k8s.io", "CustomResourceDefinition"): apis.definition,
    ("apiregistration.k8s.io", "APIService"): apis.api_service,
    ("apps", "DaemonSet"): workloads.daemon_set,
    ("apps", "Deployment"): workloads.deployment,
    ("apps", "ReplicaSet"): workloads.replica_set,
    ("apps", "StatefulSet"): workloads.stateful_set,
    ("argoproj.io", "Workflow"): batch.workflow,
    ("autoscaling", "HorizontalPodAutoscaler"): autoscaling.horizontal,
    ("batch", "CronJob"): batch.cron_job,
    ("batch", "Job"): batch.job,
    ("networking.k8s.io", "Ingress"): networking.ingress,
    ("snapshot.storage.k8s.io", "VolumeSnapshot"): storage.snapshot,
}


def assess(live: Mapping[str, Any], *, now: datetime | None = None) -> Health:
    """The health of one object as it is in the cluster.

    Args:
        live: the object, as the API server returned it.
        now: the clock that time-dependent rules go by; the machine's when not given.

    Returns:
        Its status and the cause in one line. Nothing an object can hold makes this raise: where
        its status has a form no rule can read the answer is Unknown and the message says why.
    """
    clock = now or datetime.now(UTC)
    if clock.tzinfo is None:
        clock = clock.replace(tzinfo=UTC)
    try:
        return _assess(live, clock)
    except SurpriseError as surprise:
        return unknown(str(surprise))


def _assess(live: Mapping[str, Any], now: datetime) -> Health:
    kind, group = text(live, "kind"), text(live, "apiVersion").rpartition("/")[0]
    if not kind:
        return unknown("it has no kind")
    metadata = mapping(live, "metadata")
    if metadata.get("deletionTimestamp"):
        return _being_deleted(metadata)
    rule = RULES.get((group, kind))
    if rule is None:
        return conditions.any_kind(live, group=group, kind=kind, now=now)
    mapping(live, "status")  # a status that is no mapping surprises even rules that do not read it
    return rule(live)


def _being_deleted(metadata: Mapping[str, Any]) -> Health:
    """Kubernetes, "Finalizers": the object stays until its list of finalizers is empty."""
    names = [name for name in sequence(metadata, "finalizers") if isinstance(name, str)]
    held = f", held by finalizer {', '.join(names)}" if names else ""
    return progressing(f"being deleted{held}")
