"""Which other objects must be read to say why some are not healthy?

Called by ``cluster.live_status`` between its first round of LISTs, which finds what is ours, and
its second. Where everything is healthy there is no second round.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from gitops.health.fields import SurpriseError, mapping, text
from gitops.health.status import Health
from gitops.objects import scope
from gitops.status.causes import FINE

Live = Mapping[str, Any]
Kind = tuple[str, str]

MOST_NAMESPACES = 8
"""With unhealthy objects in more namespaces than this, a kind is listed in all at once."""

EVENT: Kind = ("", "Event")
_POD: Kind = ("", "Pod")
_CLAIM: Kind = ("", "PersistentVolumeClaim")
_REPLICA_SET: Kind = ("apps", "ReplicaSet")
_JOB: Kind = ("batch", "Job")
_SLICE: Kind = ("discovery.k8s.io", "EndpointSlice")
_PODS: tuple[Kind, ...] = (_POD, _CLAIM, EVENT)
_ANY_WORKLOAD: tuple[Kind, ...] = (
    ("apps", "Deployment"),
    ("apps", "StatefulSet"),
    ("apps", "DaemonSet"),
    _REPLICA_SET,
    _JOB,
    *_PODS,
)

# What the objects of a kind own, down to the Pods; Kubernetes, "Workloads".
_BELOW: Mapping[Kind, tuple[Kind, ...]] = {
    ("", "PersistentVolumeClaim"): (EVENT,),
    ("", "Pod"): (_CLAIM, EVENT),
    ("", "Service"): (EVENT,),
    ("apps", "DaemonSet"): _PODS,
    ("apps", "Deployment"): (_REPLICA_SET, *_PODS),
    ("apps", "ReplicaSet"): _PODS,
    ("apps", "StatefulSet"): _PODS,
    ("batch", "CronJob"): (_JOB, *_PODS),
    ("batch", "Job"): _PODS,
    ("networking.k8s.io", "Ingress"): (EVENT,),
    # cert-manager, "Troubleshooting": Certificate, CertificateRequest, Order, Challenge
    ("cert-manager.io", "Certificate"): (
        ("cert-manager.io", "CertificateRequest"),
        ("acme.cert-manager.io", "Order"),
        ("acme.cert-manager.io", "Challenge"),
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Wanted:
    """A kind to list in one namespace, or in all when it is empty."""

    group: str
    kind: str
    namespace: str = ""

    @property
    def is_event(self) -> bool:
        """Whether it asks for events."""
        return (self.group, self.kind) == EVENT


def wanted(found: Iterable[tuple[Live, Health]]) -> list[Wanted]:
    """What to read to explain the unhealthy objects among these; nothing when all are fine."""
    namespaces: dict[Kind, set[str]] = {}
    for live, health in found:
        if health.status not in FINE:
            for kind, namespace in _around(live):
                namespaces.setdefault(kind, set()).add(namespace)
    return sorted(
        Wanted(group=group, kind=kind, namespace=name)
        for (group, kind), names in namespaces.items()
        for name in (names if len(names) <= MOST_NAMESPACES else {""})
    )


def _around(live: Live) -> Iterator[tuple[Kind, str]]:
    try:
        namespace = text(live, "metadata", "namespace")
        group, kind = text(live, "apiVersion").rpartition("/")[0], text(live, "kind")
        if (group, kind) == ("apiregistration.k8s.io", "APIService"):
            service = text(live, "spec", "service", "namespace")
            if service:
                yield from ((below, service) for below in (_SLICE, _POD, EVENT))
        elif namespace:
            yield from ((below, namespace) for below in _kinds_below(live, group, kind))
    except SurpriseError:  # nothing can be said about what is below an object of such a form
        return


def _kinds_below(live: Live, group: str, kind: str) -> tuple[Kind, ...]:
    """A custom resource may own any workload, once its controller has begun to report on it."""
    if known := _BELOW.get((group, kind)):
        return known
    is_built_in = group in scope.NAMESPACED_KINDS or group in scope.CLUSTER_KINDS
    return _ANY_WORKLOAD if not is_built_in and mapping(live, "status") else ()
