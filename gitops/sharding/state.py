"""What do two states look like once Applications have moved from one to the other?

Called by the reconciler with two documents of ``pulumi stack export``; what it returns is imported,
the destination first. Nothing in the cluster knows which state an object is in, so nothing there is
read or written. Where the destination has an Application already, because a run was killed between
both writes, or because it was run first, it keeps what it has and the source lets go.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gitops.deployment.inventory import (
    APPLICATION_SET_TYPE,
    APPLICATION_TYPE,
    DELETION_TYPE,
    ORPHANED_RESOURCES_TYPE,
    PROJECT,
)

Document = Mapping[str, Any]
Resource = Mapping[str, Any]
_NAMESPACE = "kubernetes:core/v1:Namespace"
_PROVIDERS = "pulumi:providers:"


@dataclass(frozen=True, slots=True, kw_only=True)
class States:
    """Two documents."""

    source: Document
    destination: Document


def applications_of(document: Document) -> frozenset[str]:
    """The Applications a state has, with those it has nothing but the deletion of."""
    names = (_application(str(each["urn"])) for each in resources(document))
    return frozenset(filter(None, names))


def move(states: States, applications: Collection[str], *, source: str, destination: str) -> States:
    """Move Applications with everything that stands under them.

    Copied with them is what they cannot be without and the destination may lack: the stack's own
    resource, providers, ApplicationSets, and namespaces made by CreateNamespace. What one of them
    waited for and what stays behind no longer wait for each other; the next run says so again.

    Args:
        states: both as they are; the destination may be that of a stack that was never run.
        applications: the names of those to move.
        source: the short name of the stack they leave.
        destination: the short name of the stack they come to.
    """
    leaving = _members(states.source, applications)
    arriving = frozenset(applications) - applications_of(states.destination)
    return States(
        source=_without(states.source, leaving),
        destination=_with(
            states.destination,
            states.source,
            _members(states.source, arriving),
            _Renaming(source, destination),
        ),
    )


def emptied(document: Document) -> Document:
    """A state of which nothing is left; only where nothing but copies is in it.

    Raises:
        ValueError: it has something that is nowhere else.
    """
    left = [str(e["urn"]) for e in resources(document) if not _is_copied(e, _parents(document))]
    if left:
        raise ValueError(f"{left[0]} is in no other state")
    return _replaced(document, [])


def resources(document: Document) -> list[Resource]:
    """The resources of a state, each after what it depends on."""
    return list((document.get("deployment") or {}).get("resources") or ())


class _Renaming:
    """URNs of one stack as another has them."""

    def __init__(self, source: str, destination: str) -> None:
        self._source, self._destination = source, destination

    def urn(self, urn: str) -> str:
        """One URN, or a provider's with its id."""
        start = f"urn:pulumi:{self._source}::"
        if not urn.startswith(start):
            return urn
        # the stack's own resource is called after it
        own = f"::pulumi:pulumi:Stack::{PROJECT}-"
        renamed = f"urn:pulumi:{self._destination}::{urn.removeprefix(start)}"
        return renamed.replace(f"{own}{self._source}", f"{own}{self._destination}")

    def resource(self, resource: Resource) -> dict[str, Any]:
        """One resource; what was applied and what came of it stay as they are."""
        found = dict(resource)
        found["urn"] = self.urn(str(found["urn"]))
        for name in ("parent", "provider", "deletedWith"):
            if found.get(name):
                found[name] = self.urn(str(found[name]))
        for name in ("dependencies", "aliases", "replaceWith"):
            if found.get(name):
                found[name] = [self.urn(str(each)) for each in found[name]]
        if found.get("propertyDependencies"):
            found["propertyDependencies"] = {
                name: [self.urn(str(each)) for each in urns or ()]
                for name, urns in found["propertyDependencies"].items()
            }
        return found


def _application(urn: str) -> str:
    """The Application a component stands for, or whose deletion it is; else an empty text."""
    return urn.split("::", 3)[3] if _type(urn) in (APPLICATION_TYPE, DELETION_TYPE) else ""


def _members(document: Document, applications: Collection[str]) -> frozenset[str]:
    """The URNs of Applications and of everything under them; a parent comes before its children."""
    found: set[str] = set()
    for each in resources(document):
        urn = str(each["urn"])
        if _application(urn) in applications or each.get("parent") in found:
            found.add(urn)
    return frozenset(found)


def _without(document: Document, leaving: frozenset[str]) -> Document:
    staying = [each for each in resources(document) if each["urn"] not in leaving]
    kept = frozenset(str(each["urn"]) for each in staying)
    return _replaced(document, [_with_edges_to(each, kept) for each in staying])


def _with(
    destination: Document, source: Document, arriving: frozenset[str], renaming: _Renaming
) -> Document:
    if not arriving:
        return destination
    there = resources(destination)
    known = {str(each["urn"]) for each in there}
    ids = {str(each["urn"]): str(each.get("id", "")) for each in there}
    needed = arriving | _needed(source, arriving)
    added: list[Resource] = []
    for each in resources(source):
        if each["urn"] not in needed:
            continue
        renamed = renaming.resource(each)
        if renamed["urn"] in known:  # an object has the same URN in whichever Application it is
            continue
        if provider := str(renamed.get("provider") or ""):
            urn, _, own = provider.rpartition("::")
            renamed["provider"] = f"{urn}::{ids.get(urn, own)}"
        added.append(renamed)
    known |= {str(each["urn"]) for each in added}
    result = _replaced(destination, [*there, *(_with_edges_to(each, known) for each in added)])
    deployment = result["deployment"]
    own_secrets = source["deployment"].get("secrets_providers")
    if own_secrets and not deployment.get("secrets_providers"):
        deployment["secrets_providers"] = own_secrets
    if not (deployment.get("manifest") or {}).get("magic"):  # of a stack that was never run
        deployment["manifest"] = source["deployment"].get("manifest")
    return {"version": source.get("version", 3), **result}


def _needed(document: Document, arriving: frozenset[str]) -> frozenset[str]:
    """What is copied: parents, providers and namespaces of what arrives, and theirs."""
    by_urn = {str(each["urn"]): each for each in resources(document)}
    parents = _parents(document)
    waiting = sorted(arriving)
    found: set[str] = set()
    while waiting:
        each = by_urn[waiting.pop()]
        edges = {str(each.get("parent") or ""), str(each.get("provider") or "").rpartition("::")[0]}
        edges |= {
            urn
            for urn in _depended_on(each)
            if urn in by_urn and _is_created_namespace(by_urn[urn], parents)
        }
        new = {urn for urn in edges if urn in by_urn} - found - arriving
        found |= new
        waiting += sorted(new)
    return frozenset(found)


def _depended_on(resource: Resource) -> Iterator[str]:
    yield from resource.get("dependencies") or ()
    for urns in (resource.get("propertyDependencies") or {}).values():
        yield from urns or ()


def _with_edges_to(resource: Resource, known: Collection[str]) -> dict[str, Any]:
    """A resource that depends on nothing but what is in the same state."""

    def kept(urns: Iterable[str] | None) -> list[str]:
        return [urn for urn in urns or () if urn in known]

    found = dict(resource)
    for name in ("dependencies", "replaceWith"):
        if found.get(name):
            found[name] = kept(found[name])
    if found.get("propertyDependencies"):
        found["propertyDependencies"] = {
            name: kept(urns) for name, urns in found["propertyDependencies"].items()
        }
    return found


def _parents(document: Document) -> dict[str, str]:
    return {str(each["urn"]): str(each.get("parent") or "") for each in resources(document)}


def _type(urn: str) -> str:
    parts = urn.split("::", 3)
    return parts[2].rpartition("$")[2] if len(parts) == 4 else ""


def _is_created_namespace(resource: Resource, parents: Mapping[str, str]) -> bool:
    urn = str(resource["urn"])
    return _type(urn) == _NAMESPACE and _type(parents.get(urn, "")) == APPLICATION_SET_TYPE


def _is_copied(resource: Resource, parents: Mapping[str, str]) -> bool:
    """Whether every shard has its own of a resource, whose going deletes nothing."""
    kind = _type(str(resource["urn"]))
    return (
        kind in ("pulumi:pulumi:Stack", APPLICATION_SET_TYPE, ORPHANED_RESOURCES_TYPE)
        or kind.startswith(_PROVIDERS)
        or _is_created_namespace(resource, parents)
    )


def _replaced(document: Document, found: Sequence[Resource]) -> dict[str, Any]:
    deployment = dict(document.get("deployment") or {})
    urns = {each["urn"] for each in found}
    deployment["resources"] = list(found)
    pending = deployment.get("pending_operations") or ()
    deployment["pending_operations"] = [e for e in pending if e["resource"]["urn"] in urns]
    return {**document, "deployment": deployment}
