"""Which objects does an ArgoCD in the cluster still sync?

Two that apply the same objects take fields from each other for ever: what ArgoCD syncs next is its
again, tracking metadata included. So adoption waits until it is stopped.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gitops.argocd.clusters import Clusters, Place
from gitops.errors import HomeOpsError, OwnershipError
from gitops.objects.manifest import ResourceKey

GROUP, KIND = "argoproj.io", "Application"


@dataclass(frozen=True, slots=True, kw_only=True)
class ArgoApplication:
    """One live Application; ``active`` says why ArgoCD would write by itself, empty if it would
    not. ``elsewhere`` is one whose destination another stack sees to."""

    name: str
    namespace: str
    active: str
    resources: frozenset[ResourceKey]
    elsewhere: bool = False

    @property
    def names(self) -> frozenset[str]:
        """What tracking metadata may call it."""
        return frozenset({self.name, f"{self.namespace}_{self.name}"})

    def __str__(self) -> str:
        return f"ArgoCD Application {self.namespace}/{self.name}"


def read(bodies: Iterable[Mapping[str, Any]], clusters: Clusters) -> list[ArgoApplication]:
    """The live Applications, whose ArgoCD may serve several clusters."""
    return [
        ArgoApplication(
            name=str(body["metadata"]["name"]),
            namespace=str(body["metadata"].get("namespace", "")),
            active=_active(body),
            resources=frozenset(_resources(body)),
            elsewhere=_place(body, clusters) is Place.ELSEWHERE,
        )
        for body in bodies
    ]


def syncing(
    key: ResourceKey, tracked: Iterable[str], applications: Sequence[ArgoApplication]
) -> HomeOpsError | None:
    """The refusal for an object that ArgoCD still syncs, None where it does not.

    Args:
        key: the object.
        tracked: what its own tracking metadata calls its Application.
        applications: the live ones.
    """
    names = frozenset(tracked)
    for each in applications:
        if not each.active or each.elsewhere:
            continue
        if key in each.resources or names & each.names:
            return OwnershipError(
                str(key),
                f"is still synced by {each} ({each.active})",
                remedy=f"stop it first: `kubectl -n {each.namespace} patch application "
                f'{each.name} --type merge -p \'{{"spec":{{"syncPolicy":{{"automated":null}}}}}}\'`'
                " (in the template, where an ApplicationSet makes it), or delete it with "
                f"`argocd app delete {each.name} --cascade=false`",
            )
    return None


def unknown(tracked: Iterable[str], applications: Sequence[ArgoApplication]) -> list[str]:
    """The names in tracking metadata that no live Application has."""
    known = {name for each in applications for name in each.names}
    return sorted(set(tracked) - known)


def _place(body: Mapping[str, Any], clusters: Clusters) -> Place:
    destination = (body.get("spec") or {}).get("destination") or {}
    return clusters.place(
        name=str(destination.get("name") or ""), server=str(destination.get("server") or "")
    )


def _active(body: Mapping[str, Any]) -> str:
    spec, status = body.get("spec") or {}, body.get("status") or {}
    automated = (spec.get("syncPolicy") or {}).get("automated")
    if automated is not None and automated.get("enabled") is not False:
        return "syncPolicy.automated is on"
    running = (status.get("operationState") or {}).get("phase") == "Running"
    return "an operation is running" if body.get("operation") or running else ""


def _resources(body: Mapping[str, Any]) -> Iterable[ResourceKey]:
    for each in (body.get("status") or {}).get("resources") or ():
        yield ResourceKey(
            group=str(each.get("group") or ""),
            kind=str(each.get("kind") or ""),
            namespace=str(each.get("namespace") or ""),
            name=str(each.get("name") or ""),
        )
