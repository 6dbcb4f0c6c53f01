"""Has a controller rolled its Pods out? Called by ``assess`` for the kinds of group ``apps``.

The rules are ArgoCD's built-in ones (ArgoCD, "Resource Health": observed generation, updated and
available replicas), which are those of ``kubectl rollout status``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gitops.health.fields import condition, count, flag, number, text
from gitops.health.status import Health, degraded, healthy, progressing, suspended

DEADLINE_EXCEEDED = "ProgressDeadlineExceeded"


def deployment(live: Mapping[str, Any]) -> Health:
    """Updated and available as often as asked for.

    Kubernetes, "Deployments", "Deployment status": Progressing with ProgressDeadlineExceeded is a
    failed rollout; ReplicaFailure (quota, admission) names the cause while the rollout waits.
    """
    if flag(live, "spec", "paused"):
        return suspended("its rollout is paused (spec.paused)")
    if waiting := _unobserved(live):
        return waiting
    late = condition(live, "Progressing")
    if text(late, "reason") == DEADLINE_EXCEEDED:
        cause = _replica_failure(live) or text(late, "message")
        return degraded(f"its rollout exceeded the progress deadline: {cause}".removesuffix(": "))
    target = _replicas(live)
    updated, total = count(live, "status", "updatedReplicas"), count(live, "status", "replicas")
    available = count(live, "status", "availableReplicas")
    if updated < target:
        state = f"{updated} of {target} replicas updated"
    elif total > updated:
        state = f"{total - updated} old replicas still to end"
    elif available < updated:
        state = f"{available} of {updated} updated replicas available"
    else:
        return healthy()
    return _waiting(live, state)


def replica_set(live: Mapping[str, Any]) -> Health:
    """As many Pods available as asked for; ReplicaFailure means they cannot be created.

    Kubernetes API reference, ReplicaSetStatus.
    """
    if waiting := _unobserved(live):
        return waiting
    if failure := _replica_failure(live):
        return degraded(f"cannot create Pods: {failure}")
    target, available = _replicas(live), count(live, "status", "availableReplicas")
    if available < target:
        return progressing(f"{available} of {target} replicas available")
    return healthy()


def daemon_set(live: Mapping[str, Any]) -> Health:
    """Updated and available on every node it is meant for.

    Kubernetes, "Perform a Rolling Update on a DaemonSet"; with OnDelete a person decides when
    Pods are replaced, so nothing is awaited.
    """
    if waiting := _unobserved(live):
        return waiting
    if text(live, "spec", "updateStrategy", "type") == "OnDelete":
        return healthy(f"{count(live, 'status', 'updatedNumberScheduled')} Pods updated (OnDelete)")
    target = count(live, "status", "desiredNumberScheduled")
    updated = count(live, "status", "updatedNumberScheduled")
    available = count(live, "status", "numberAvailable")
    if updated < target:
        return progressing(f"updated on {updated} of {target} nodes")
    if available < target:
        return progressing(f"available on {available} of {target} nodes")
    return healthy()


def stateful_set(live: Mapping[str, Any]) -> Health:
    """All Pods ready, and at the newest revision as far as the update strategy asks for it.

    Kubernetes, "StatefulSets", "Update strategies": OnDelete waits for a person; a partition
    leaves the Pods below it as they are.
    """
    if waiting := _unobserved(live, strict=True):
        return waiting
    target, ready = _replicas(live), count(live, "status", "readyReplicas")
    if ready < target:
        return _waiting(live, f"{ready} of {target} replicas ready")
    if text(live, "spec", "updateStrategy", "type") == "OnDelete":
        return healthy(f"{ready} replicas ready (OnDelete)")
    updated = count(live, "status", "updatedReplicas")
    partition = number(live, "spec", "updateStrategy", "rollingUpdate", "partition")
    if partition is not None:
        wanted = max(target - partition, 0)
        if updated < wanted:
            return progressing(f"{updated} of {wanted} replicas updated (partition {partition})")
        return healthy()
    if text(live, "status", "updateRevision") != text(live, "status", "currentRevision"):
        return progressing(f"{updated} of {target} replicas updated")
    return healthy()


def _replicas(live: Mapping[str, Any]) -> int:
    """``spec.replicas``; the API's default is 1, and an object at rest always has it."""
    target = number(live, "spec", "replicas")
    return 1 if target is None else target


def _unobserved(live: Mapping[str, Any], *, strict: bool = False) -> Health | None:
    """Progressing while the controller has not seen the newest spec.

    ``strict`` also waits where it has seen none yet: ArgoCD asks that of StatefulSets alone, but
    the other kinds' counters say the same.
    """
    generation = count(live, "metadata", "generation")
    observed = count(live, "status", "observedGeneration")
    if generation > observed or (strict and not observed):
        return progressing("waiting for its controller to see the newest spec")
    return None


def _replica_failure(live: Mapping[str, Any]) -> str:
    failure = condition(live, "ReplicaFailure")
    if text(failure, "status") != "True":
        return ""
    return text(failure, "message") or text(failure, "reason") or "ReplicaFailure"


def _waiting(live: Mapping[str, Any], state: str) -> Health:
    failure = _replica_failure(live)
    return progressing(f"{state}: {failure}" if failure else state)
