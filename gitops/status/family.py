"""Which objects does a live object own, and what was reported about it?

Made from the objects that ``joining`` asked for; read by ``causes`` and ``resource``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from gitops.health.fields import SurpriseError, mapping, mappings, text
from gitops.objects.manifest import annotations_of
from gitops.objects.ownership import live_key

Live = Mapping[str, Any]

_REVISION = "deployment.kubernetes.io/revision"
_SERVICE = "kubernetes.io/service-name"
_WARNING = "Warning"


@dataclass(frozen=True, slots=True)
class Family:
    """Objects by the uid of their controller, claims and slices by what refers to them, events
    by the uid of their subject; the newest is last in each."""

    children: Mapping[str, Sequence[Live]] = field(default_factory=dict)
    events: Mapping[str, Sequence[Live]] = field(default_factory=dict)
    named: Mapping[tuple[str, str, str], Live] = field(default_factory=dict)
    slices: Mapping[tuple[str, str], Sequence[Live]] = field(default_factory=dict)
    by_uid: Mapping[str, Live] = field(default_factory=dict)

    def children_of(self, live: Live) -> list[Live]:
        """What an object owns and still uses: no ReplicaSet of an older revision that has no Pod
        left, and of a CronJob only the latest Job."""
        found = [
            child
            for child in self.children.get(uid_of(live), ())
            if child.get("kind") != "ReplicaSet" or _in_use(child)
        ]
        if live.get("kind") == "CronJob":
            return found[-1:]
        return found

    def last_event(self, live: Live, *, warnings: bool = True) -> Live | None:
        """The newest event about an object; only warnings unless told otherwise."""
        found = [
            event
            for event in self.events.get(uid_of(live), ())
            if not warnings or event.get("type") == _WARNING
        ]
        return found[-1] if found else None

    def claim(self, namespace: str, name: str) -> Live | None:
        """A PersistentVolumeClaim by its name."""
        return self.named.get(("PersistentVolumeClaim", namespace, name))

    def endpoints_of(self, namespace: str, service: str) -> Sequence[Live]:
        """The EndpointSlices of a Service."""
        return self.slices.get((namespace, service), ())


def family(objects: Iterable[Live], events: Iterable[Live] = ()) -> Family:
    """Put objects and events in their places; what has a surprising form is left out."""
    children: dict[str, list[Live]] = {}
    named: dict[tuple[str, str, str], Live] = {}
    slices: dict[tuple[str, str], list[Live]] = {}
    by_uid: dict[str, Live] = {}
    for each in sorted(objects, key=_created):
        by_uid[uid_of(each)] = each
        if controller := controller_of(each):
            children.setdefault(controller, []).append(each)
        key = live_key(each)
        named[key.kind, key.namespace, key.name] = each
        if key.kind == "EndpointSlice":
            service = _text(each, "metadata", "labels", _SERVICE)
            slices.setdefault((key.namespace, service), []).append(each)
    about: dict[str, list[Live]] = {}
    for event in sorted(events, key=_reported):
        about.setdefault(_text(event, "involvedObject", "uid"), []).append(event)
    by_uid.pop("", None)
    about.pop("", None)
    return Family(children, about, named, slices, by_uid)


def uid_of(live: Live) -> str:
    """The uid of an object, empty when it has none."""
    return _text(live, "metadata", "uid")


def controller_of(live: Live) -> str:
    """The uid of the object that controls this one, or of its first owner; empty without one.

    Kubernetes, "Owners and Dependents": at most one reference is the controller's; operators
    leave the mark out now and then.
    """
    try:
        owners = mappings(live, "metadata", "ownerReferences")
        ordered = sorted(owners, key=lambda each: each.get("controller") is not True)
        return text(ordered[0], "uid") if ordered else ""
    except SurpriseError:
        return ""


def _in_use(replica_set: Live) -> bool:
    """A Deployment keeps the ReplicaSets of older revisions, scaled to zero."""
    try:
        if mapping(replica_set, "spec").get("replicas") != 0:
            return True
        return bool(mapping(replica_set, "status").get("replicas"))
    except SurpriseError:
        return True


def _created(live: Live) -> tuple[str, int, str]:
    revision = str(annotations_of(live).get(_REVISION) or "")
    number = int(revision) if revision.isdecimal() and len(revision) < 10 else 0
    return _text(live, "metadata", "creationTimestamp"), number, _text(live, "metadata", "name")


def _reported(event: Live) -> str:
    """When an event was last seen; Kubernetes API reference, Event: new ones have ``eventTime``
    and, when they recur, ``series``; older ones ``lastTimestamp``."""
    return (
        _text(event, "series", "lastObservedTime")
        or _text(event, "lastTimestamp")
        or _text(event, "eventTime")
        or _text(event, "metadata", "creationTimestamp")
    )


def _text(live: Live, *path: str) -> str:
    try:
        return text(live, *path)
    except SurpriseError:
        return ""
