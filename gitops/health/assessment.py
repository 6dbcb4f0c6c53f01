"""Which rule judges an object? Called as ``gitops.health.assess``; the families hold the rules.

An object in deletion is Progressing whatever its kind. Then the first of these that there is: a
script of the user's; for kinds that ArgoCD assesses in code, the rule; for a custom resource, what
its project alone means by some field; its conditions and phases, by convention. What a rule cannot
read is Unknown, never an error.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from gitops.health import (
    apis,
    autoscaling,
    batch,
    conditions,
    custom_resources,
    networking,
    pods,
    storage,
    workloads,
)
from gitops.health.fields import SurpriseError, mapping, sequence, text
from gitops.health.lua_rules import UserRules
from gitops.health.status import Health, healthy, progressing, unknown
from gitops.health.user_rules import UserRule

Rule = Callable[[Mapping[str, Any]], Health]

HOOK_FINALIZER = "argocd.argoproj.io/hook-finalizer"

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
    ("extensions", "Ingress"): networking.ingress,
    ("networking.k8s.io", "Ingress"): networking.ingress,
    ("snapshot.storage.k8s.io", "VolumeSnapshot"): storage.snapshot,
}


def assess(
    live: Mapping[str, Any], *, now: datetime | None = None, rules: UserRules | None = None
) -> Health:
    """The health of one object as it is in the cluster.

    Args:
        live: the object, as the API server returned it.
        now: the clock that time-dependent rules go by; the machine's when not given.
        rules: the user's own health scripts; they come before our rules, as in ArgoCD.

    Returns:
        Its status and the cause in one line. Nothing an object can hold makes this raise: where
        its status has a form no rule can read, or a script fails, the answer is Unknown and the
        message says why.
    """
    return assess_all([live], now=now, rules=rules)[0]


def assess_all(
    objects: Iterable[Mapping[str, Any]],
    *,
    now: datetime | None = None,
    rules: UserRules | None = None,
) -> list[Health]:
    """``assess`` for many objects, in their order; each script is asked once about all of its."""
    clock = now or datetime.now(UTC)
    if clock.tzinfo is None:
        clock = clock.replace(tzinfo=UTC)
    answers: list[Health] = []
    scripted: dict[UserRule, list[tuple[int, Mapping[str, Any]]]] = {}
    for place, live in enumerate(objects):
        try:
            rule, health = _assess(live, clock, rules)
        except SurpriseError as surprise:
            rule, health = None, unknown(str(surprise))
        answers.append(health)
        if rule is not None:
            scripted.setdefault(rule, []).append((place, live))
    for rule, asked in scripted.items():
        assert rules is not None
        found = rules.judge(rule, [live for _, live in asked], now=clock)
        for (place, _), health in zip(asked, found, strict=True):
            answers[place] = health
    return answers


def _assess(
    live: Mapping[str, Any], now: datetime, rules: UserRules | None
) -> tuple[UserRule | None, Health]:
    """The rule of the user's that is to judge an object, or what ours say."""
    kind, group = text(live, "kind"), text(live, "apiVersion").rpartition("/")[0]
    if not kind:
        return None, unknown("it has no kind")
    metadata = mapping(live, "metadata")
    if metadata.get("deletionTimestamp") and not _is_held_as_hook(metadata):
        return None, _being_deleted(metadata)
    if rules is not None and (found := rules.find(group=group, kind=kind)):
        return found, healthy()
    if rule := RULES.get((group, kind)):
        mapping(live, "status")  # one that is no mapping surprises rules that do not read it, too
        return None, rule(live)
    return None, conditions.any_kind(
        live, group=group, kind=kind, now=now, special=custom_resources.judge
    )


def _is_held_as_hook(metadata: Mapping[str, Any]) -> bool:
    """ArgoCD keeps a finished hook with a finalizer until it has read how the hook ended."""
    return HOOK_FINALIZER in sequence(metadata, "finalizers")


def _being_deleted(metadata: Mapping[str, Any]) -> Health:
    """Kubernetes, "Finalizers": the object stays until its list of finalizers is empty."""
    names = [name for name in sequence(metadata, "finalizers") if isinstance(name, str)]
    held = f", held by finalizer {', '.join(names)}" if names else ""
    return progressing(f"being deleted{held}")
