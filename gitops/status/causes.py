"""Why is an object not healthy, when the object itself does not say?

Called by ``resource``. The status stays the object's own, as in ArgoCD, where a child's health is
not inherited; only the message gets the root cause: that of the worst object below it (a Pod that
cannot pull its image), else what was reported about it (a quota, an admission webhook).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from gitops.health.fields import SurpriseError, flag, mapping, mappings, text
from gitops.health.status import Health, HealthStatus
from gitops.status.family import Family

Live = Mapping[str, Any]
Assess = Callable[[Live], Health]

FINE = frozenset({HealthStatus.HEALTHY, HealthStatus.SUSPENDED})
_ORDER = list(HealthStatus)
_DEEPEST = 6
# What the message of a Pod or the condition of its object already tells, or nothing but time.
_SAID_ALREADY = frozenset({"FailedScheduling", "BackOff"})
# Kinds whose controllers report failures as events alone (Kubernetes' own); a ReplicaSet has a
# condition for them.
_TOLD_BY_EVENTS = frozenset(
    {"CronJob", "DaemonSet", "Ingress", "Job", "Pod", "Service", "StatefulSet"}
)
_CLAIM = "PersistentVolumeClaim"


def root_cause(live: Live, health: Health, family: Family, *, assess: Assess) -> str:
    """Why an object is not healthy, as far as its family knows more than its own status says.

    Args:
        live: the object.
        health: what its own status says.
        family: what it owns, and what was reported about that.
        assess: the health of any object of the family.

    Returns:
        The name of the object that has the cause, and the cause; empty where there is nothing to
        add.
    """
    if health.status in FINE:
        return ""
    try:
        return _below(live, health, family, assess, 0) or _reported(live, health, family)
    except SurpriseError:  # an object of a form no rule can read explains nothing
        return ""


def _below(live: Live, health: Health, family: Family, assess: Assess, depth: int) -> str:
    """The root cause among the objects below this one, with the name of the object that has it."""
    if depth > _DEEPEST:
        return ""
    found = [(child, assess(child)) for child in _relatives(live, family)]
    bad = [(child, state) for child, state in found if state.status not in FINE]
    for child, state in sorted(bad, key=_weight):
        if deeper := _below(child, state, family, assess, depth + 1):
            return deeper
        reported = _reported(child, state, family)
        told = ": ".join(part for part in (state.message.rstrip(". "), reported) if part)
        if _repeats(health.message, told):
            return ""
        if told:
            return f"{text(child, 'kind')} {text(child, 'metadata', 'name')}: {told}"
    return _no_endpoints(live, family)


def _repeats(message: str, told: str) -> bool:
    """Whether a message ends with what is told of an object below: a Deployment's condition quotes
    its ReplicaSet's, which a rule then introduces in its own words."""
    core = told.partition(": ")[2].rstrip(". ")
    return bool(core) and core in message


def _weight(found: tuple[Live, Health]) -> tuple[int, bool, bool]:
    """The worst first; one that is being deleted, or that says nothing, last among equals."""
    live, health = found
    going = bool(mapping(live, "metadata").get("deletionTimestamp"))
    return -_ORDER.index(health.status), going, not health.message


def _relatives(live: Live, family: Family) -> Iterator[Live]:
    """What can hold an object up: what it owns, the newest first, a Pod's unbound claims, and the
    Pods behind an aggregated API's Service."""
    yield from reversed(family.children_of(live))
    kind = text(live, "kind")
    if kind == "Pod":
        for volume in mappings(live, "spec", "volumes"):
            name = text(volume, "persistentVolumeClaim", "claimName")
            claim = family.claim(text(live, "metadata", "namespace"), name) if name else None
            if claim is not None:
                yield claim
    if kind == "APIService":
        for endpoint in _endpoints(live, family):
            pod = family.by_uid.get(text(endpoint, "targetRef", "uid"))
            if pod is not None:
                yield pod


def _endpoints(api_service: Live, family: Family) -> list[Live]:
    namespace = text(api_service, "spec", "service", "namespace")
    name = text(api_service, "spec", "service", "name")
    return [
        endpoint
        for each in family.endpoints_of(namespace, name)
        for endpoint in mappings(each, "endpoints")
    ]


def _no_endpoints(live: Live, family: Family) -> str:
    """What is missing behind an aggregated API (Kubernetes, "API Aggregation Layer")."""
    name = text(live, "spec", "service", "name") if text(live, "kind") == "APIService" else ""
    if not name:
        return ""
    found = _endpoints(live, family)
    if any(flag(each, "conditions", "ready") for each in found):
        return ""
    return f"Service {name} has no ready Pod" if found else f"Service {name} has no Pods"


def _reported(live: Live, health: Health, family: Family) -> str:
    """The newest event about the object that adds to its message.

    Kubernetes API reference, Event. A claim that waits for its first consumer, or for an external
    provisioner, says so in an ordinary event; of all others only warnings count. What is Degraded
    has named its cause itself.
    """
    kind = text(live, "kind")
    if kind != _CLAIM and kind not in _TOLD_BY_EVENTS:
        return ""
    if health.status is not HealthStatus.PROGRESSING:
        return ""
    event = family.last_event(live, warnings=kind != _CLAIM)
    if event is None or text(event, "reason") in _SAID_ALREADY:
        return ""
    message = text(event, "message").strip()
    if not message or message in health.message:
        return ""
    return f"{text(event, 'reason')}: {message}"
