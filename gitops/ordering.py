"""In which order are the objects of a sync applied?

Called by composition to order an Application's manifests. The order is phase, wave, kind, name, as
in ArgoCD ("Sync Phases and Waves"), with one addition: a Namespace or CustomResourceDefinition is
never later than the first object that needs it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from gitops.objects.manifest import Manifest, ResourceKey, SyncPhase
from gitops.objects.scope import CRD_GROUP, crd_target

PHASES = tuple(SyncPhase)

# ArgoCD's order of kinds inside a wave; kinds that are not named come after these.
KINDS = (
    "Namespace",
    "CustomResourceDefinition",
    "NetworkPolicy",
    "ResourceQuota",
    "LimitRange",
    "PodDisruptionBudget",
    "PriorityClass",
    "ServiceAccount",
    "Secret",
    "ConfigMap",
    "StorageClass",
    "PersistentVolume",
    "PersistentVolumeClaim",
    "ClusterRole",
    "ClusterRoleBinding",
    "Role",
    "RoleBinding",
    "Service",
    "DaemonSet",
    "Pod",
    "ReplicationController",
    "ReplicaSet",
    "Deployment",
    "HorizontalPodAutoscaler",
    "StatefulSet",
    "Job",
    "CronJob",
    "IngressClass",
    "Ingress",
    "APIService",
)
KIND_RANK = {kind: rank for rank, kind in enumerate(KINDS)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Wave:
    """The objects applied together: one phase, one wave number, in kind and name order."""

    phase: SyncPhase
    wave: int
    manifests: tuple[Manifest, ...]


def sort_key(manifest: Manifest) -> tuple[int, int, int, str, str, str, str]:
    """Where a manifest stands in a sync: phase, wave, kind, then namespace and name."""
    key = manifest.key
    rank = KIND_RANK.get(key.kind, len(KINDS))
    return (
        PHASES.index(manifest.phase),
        manifest.wave,
        rank,
        key.kind,
        key.group,
        key.namespace,
        key.name,
    )


def plan(manifests: Sequence[Manifest]) -> list[Wave]:
    """Group manifests into waves, in the order they are applied.

    A Namespace or CustomResourceDefinition that stands in a later phase or wave than one of its
    users is moved up to that user's.
    """
    ordered = sorted(_with_providers_first(manifests), key=sort_key)
    return [
        Wave(phase=phase, wave=wave, manifests=tuple(together))
        for (phase, wave), together in groupby(ordered, key=lambda each: (each.phase, each.wave))
    ]


def _with_providers_first(manifests: Sequence[Manifest]) -> list[Manifest]:
    earliest: dict[object, tuple[int, int]] = {}
    for manifest in manifests:
        place = (PHASES.index(manifest.phase), manifest.wave)
        for need in (manifest.key.namespace, (manifest.key.group, manifest.key.kind)):
            earliest[need] = min(earliest.get(need, place), place)
    return [_moved_up(manifest, earliest) for manifest in manifests]


def _moved_up(manifest: Manifest, earliest: dict[object, tuple[int, int]]) -> Manifest:
    provided = provides(manifest)
    place = (PHASES.index(manifest.phase), manifest.wave)
    if provided is None or earliest.get(provided, place) >= place:
        return manifest
    phase, wave = earliest[provided]
    return replace(manifest, phase=PHASES[phase], wave=wave)


def provides(manifest: Manifest) -> object | None:
    """What other objects need this one for: a namespace's name, or a (group, kind)."""
    key: ResourceKey = manifest.key
    if key.kind == "Namespace" and not key.group:
        return key.name
    if key.kind == "CustomResourceDefinition" and key.group == CRD_GROUP:
        return crd_target(manifest.outline)
    return None
