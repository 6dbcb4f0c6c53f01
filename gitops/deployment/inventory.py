"""What did the last deployment leave behind?

Read once per run from `pulumi stack export`; every decision that needs "what was there before"
(keeping, pruning, moving, immutable fields) is a function of the target and this value.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from gitops.objects.manifest import ResourceKey

PROJECT = "home-ops"
APPLICATION_TYPE = "home-ops:index:Application"
APPLICATION_SET_TYPE = "home-ops:index:ApplicationSet"
WAVE_TYPE = "home-ops:index:Wave"
DELETION_TYPE = "home-ops:index:Deletion"
ORPHANED_RESOURCES_TYPE = "home-ops:index:OrphanedResources"
ORPHANED_RESOURCES = "orphaned-resources"
SYNCED = "synced"


@dataclass(frozen=True, slots=True, kw_only=True)
class InventoryObject:
    """One object of the last deployment: ``body`` was applied, ``live`` is what the API server made
    of it then.

    ``application`` and ``application_set`` are empty for what belongs to no Application: the
    bootstrap's own objects and namespaces made by CreateNamespace. ``retained`` is the flag that
    keeps the object in the cluster whenever it leaves the state; ``retained_with_application`` is
    set where it stays when its Application goes as a whole. ``provider`` is the URN and
    id of the provider it was applied through.
    """

    key: ResourceKey
    urn: str
    body: Mapping[str, Any] = field(hash=False)
    live: Mapping[str, Any] = field(default_factory=dict, hash=False)
    application: str = ""
    application_set: str = ""
    retained: bool = False
    retained_with_application: bool = False
    provider: str = ""

    @property
    def api_version(self) -> str:
        """The version the object was last applied in."""
        return str(self.body.get("apiVersion", ""))


@dataclass(frozen=True, slots=True, kw_only=True)
class PassedWave:
    """The marker of a gate: for which digest of its Application it was last tried, how often in
    vain, and whether it passed."""

    digest: str
    attempt: int = 0
    passed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Inventory:
    """The objects of the last deployment by identity, with all URNs each identity has; the inputs
    of each Application's own component, the gates between waves by name, and those of deletions by
    Application. ``unsynced`` are the Applications whose last sync failed after it had begun.
    ``members`` are the URNs of everything that stands under an Application, ``edges``
    those that each resource cannot be without: its parent and what it is deleted before."""

    objects: Mapping[ResourceKey, InventoryObject] = field(default_factory=dict)
    urns: Mapping[ResourceKey, tuple[str, ...]] = field(default_factory=dict)
    application_inputs: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    waves: Mapping[str, PassedWave] = field(default_factory=dict)
    deletions: Mapping[str, PassedWave] = field(default_factory=dict)
    unsynced: frozenset[str] = frozenset()
    members: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    edges: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def of_application(self, name: str) -> tuple[InventoryObject, ...]:
        """The objects one Application had."""
        return tuple(each for each in self.objects.values() if each.application == name)

    @property
    def applications(self) -> Mapping[str, str]:
        """The Applications of the last deployment, each with its ApplicationSet."""
        return {
            each.application: each.application_set
            for each in self.objects.values()
            if each.application
        }


def from_export(export: Mapping[str, Any]) -> Inventory:
    """Read the JSON of `pulumi stack export`; no deployment gives an empty Inventory."""
    resources = (export.get("deployment") or {}).get("resources") or []
    parents = {str(each["urn"]): str(each.get("parent", "")) for each in resources}
    objects: dict[ResourceKey, InventoryObject] = {}
    urns: dict[ResourceKey, tuple[str, ...]] = {}
    for resource in resources:
        if _is_object(resource):
            found = _object(resource, parents)
            objects[found.key] = found
            urns[found.key] = (*urns.get(found.key, ()), found.urn)
    return Inventory(
        objects=objects,
        urns=urns,
        application_inputs={
            _name_of(str(each["urn"]), APPLICATION_TYPE): each.get("inputs") or {}
            for each in resources
            if each.get("type") == APPLICATION_TYPE
        },
        waves=_gates(resources, WAVE_TYPE),
        deletions=_gates(resources, DELETION_TYPE),
        unsynced=frozenset(
            _name_of(str(each["urn"]), APPLICATION_TYPE)
            for each in resources
            if each.get("type") == APPLICATION_TYPE
            if (each.get("outputs") or {}).get(SYNCED) is False
        ),
        members=_members(parents),
        edges={str(each["urn"]): _edges(each) for each in resources},
    )


def _edges(resource: Mapping[str, Any]) -> tuple[str, ...]:
    found = {resource.get("parent"), resource.get("deletedWith")}
    found |= set(resource.get("dependencies") or ())
    for urns in (resource.get("propertyDependencies") or {}).values():
        found |= set(urns or ())
    return tuple(str(each) for each in found if each)


def _members(parents: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
    found: dict[str, list[str]] = {}
    for urn, parent in parents.items():
        if name := _name_of(parent, APPLICATION_TYPE):
            found.setdefault(name, []).append(urn)
    return {name: tuple(urns) for name, urns in found.items()}


def _is_object(resource: Mapping[str, Any]) -> bool:
    # "delete" marks what an interrupted replacement left to be deleted: no longer an object of ours
    inputs = resource.get("inputs") or {}
    return bool(
        resource.get("custom")
        and str(resource.get("type", "")).startswith("kubernetes:")
        and not resource.get("delete")
        and inputs.get("kind")
        and (inputs.get("metadata") or {}).get("name")
    )


def _object(resource: Mapping[str, Any], parents: Mapping[str, str]) -> InventoryObject:
    inputs = resource["inputs"]
    metadata = inputs["metadata"]
    owner = parents[str(resource["urn"])]
    application = _name_of(owner, APPLICATION_TYPE)
    live = resource.get("outputs") or {}
    # what was applied before anything served its kind may say a namespace where the kind has none
    created = live.get("metadata") or {}
    namespace = (created if created.get("uid") else metadata).get("namespace")
    return InventoryObject(
        key=ResourceKey(
            group=str(inputs.get("apiVersion", "")).rpartition("/")[0],
            kind=str(inputs["kind"]),
            namespace=str(namespace or ""),
            name=str(metadata["name"]),
        ),
        urn=str(resource["urn"]),
        body=inputs,
        live=live,
        application=application,
        application_set=_name_of(parents.get(owner, ""), APPLICATION_SET_TYPE),
        retained=bool(resource.get("retainOnDelete")),
        retained_with_application=bool(resource.get("deletedWith")),
        provider=str(resource.get("provider") or ""),
    )


def _gates(resources: Iterable[Mapping[str, Any]], wanted_type: str) -> dict[str, PassedWave]:
    found = (each for each in resources if each.get("type") == wanted_type)
    return {_name_of(str(each["urn"]), wanted_type): _wave(each) for each in found}


def _wave(resource: Mapping[str, Any]) -> PassedWave:
    inputs, outputs = resource.get("inputs") or {}, resource.get("outputs") or {}
    return PassedWave(
        digest=str(inputs.get("digest", "")),
        attempt=int(inputs.get("attempt", 0)),
        passed=outputs.get("passed") is True,
    )


def _name_of(urn: str, wanted_type: str) -> str:
    """The name in a URN whose own type is the wanted one, else an empty text."""
    parts = urn.split("::", 3)
    if len(parts) != 4 or parts[2].rpartition("$")[2] != wanted_type:
        return ""
    return parts[3]
