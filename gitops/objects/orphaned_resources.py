"""Which objects beside the Applications' own belong to none of them?

Called by the pass where a project has ``orphanedResources`` (ArgoCD, "Orphaned Resources
Monitoring"): nothing is done about such objects, people are told. What is meant are objects in the
namespaces of the project's Applications that no Application has and no other object owns.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from gitops import globs
from gitops.objects.manifest import ResourceKey
from gitops.objects.ownership import live_key
from gitops.projects import AppProject, OrphanedResources, covers
from gitops.target import Target

CONDITION = "OrphanedResourceWarning"
NEVER = frozenset(
    {
        ("", "Endpoints"),
        ("", "Event"),
        ("coordination.k8s.io", "Lease"),
        ("discovery.k8s.io", "EndpointSlice"),
        ("events.k8s.io", "Event"),
        ("home-ops.dev", "Application"),
    }
)
"""Kinds that are made of others, or that nobody keeps in Git (ArgoCD, ``resource.exclusions``)."""
MOST = 10

_ORDINAL = re.compile(r"-\d+$")


def watched(target: Target) -> frozenset[str]:
    """The namespaces to look at; none where no project asks for it."""
    projects = _projects(target)
    return frozenset(
        each.spec.destination.namespace
        for each in target.applications
        if each.spec.project in projects and each.spec.destination.namespace
    )


def orphaned(
    target: Target, live: Iterable[Mapping[str, Any]], *, own: Collection[ResourceKey] = ()
) -> dict[str, str]:
    """What people should know, by Application.

    Args:
        target: the Applications and their projects.
        live: the metadata of the objects in those namespaces that carry no label of ours.
        own: objects of the program itself.
    """
    projects = _projects(target)
    known = {*own, *target.keys, *target.hook_keys, *target.skipped}
    bodies = list(live)
    sets = {key for key in (*known, *map(live_key, bodies)) if key.kind == "StatefulSet"}
    found: dict[str, list[ResourceKey]] = defaultdict(list)
    for body in bodies:
        key = live_key(body)
        owned = (body.get("metadata") or {}).get("ownerReferences")
        if not owned and key not in known and not _is_everywhere(key) and not _claim(key, sets):
            found[key.namespace].append(key)
    messages = {}
    for each in target.applications:
        namespace, project = each.spec.destination.namespace, projects.get(each.spec.project)
        if project is None:
            continue
        keys = sorted(key for key in found.get(namespace, ()) if _counts(key, project))
        if keys:
            messages[each.spec.name] = _told(keys, namespace)
    return messages


def _projects(target: Target) -> dict[str, AppProject]:
    return {
        each.name: each
        for each in target.projects
        if each.orphaned_resources is not None and each.orphaned_resources.warn
    }


def _counts(key: ResourceKey, project: AppProject) -> bool:
    allowed = project.namespace_resource_whitelist
    permitted = allowed is None or covers(allowed, key)
    if not permitted or covers(project.namespace_resource_blacklist, key):
        return False
    settings = project.orphaned_resources or OrphanedResources()
    return not any(
        globs.matches(each.kind, key.kind)
        and globs.matches(each.group, key.group)
        and globs.matches(each.name, key.name)
        for each in settings.ignore
    )


def _is_everywhere(key: ResourceKey) -> bool:
    """Whether Kubernetes itself makes the object in every namespace, or once."""
    return (
        (key.group, key.kind) in NEVER
        or (key.group, key.kind, key.name)
        in (
            ("", "ServiceAccount", "default"),
            ("", "ConfigMap", "kube-root-ca.crt"),
        )
        or (key.namespace, key.group, key.kind, key.name)
        == ("default", "", "Service", "kubernetes")
    )


def _claim(key: ResourceKey, sets: Collection[ResourceKey]) -> bool:
    """Whether a StatefulSet has made a claim, which nothing but its name says."""
    if (key.group, key.kind) != ("", "PersistentVolumeClaim") or not _ORDINAL.search(key.name):
        return False
    stem = _ORDINAL.sub("", key.name)
    return any(each.namespace == key.namespace and stem.endswith(f"-{each.name}") for each in sets)


def _told(keys: list[ResourceKey], namespace: str) -> str:
    shown = ", ".join(f"{key.kind} {key.name}" for key in keys[:MOST])
    more = f" and {len(keys) - MOST} more" if len(keys) > MOST else ""
    count = "1 object belongs" if len(keys) == 1 else f"{len(keys)} objects belong"
    return f"{count} to no Application in namespace {namespace}: {shown}{more}"
