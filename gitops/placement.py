"""In which namespace does each object of an Application live, and will anything accept its kind?

Called by composition after rendering. Objects without a namespace get the Application's
destination; cluster-scoped objects lose one they should not have, as the API server would ignore it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from gitops.application import ApplicationSpec
from gitops.application_target import ApplicationTarget
from gitops.errors import ManifestError
from gitops.manifest import HOOK, Manifest, ResourceKey
from gitops.ordering import plan
from gitops.scope import Scopes


def place(
    spec: ApplicationSpec, manifests: Sequence[Manifest], *, scopes: Scopes
) -> ApplicationTarget:
    """Give every object its namespace and its place in the sync.

    Returns:
        The Application with its objects in order, or with the error that breaks it: a kind nothing
        serves, the same object twice, or nothing at all where allowEmpty is off.
    """
    target = ApplicationTarget(spec=spec)
    if not manifests and not spec.sync_policy.allow_empty:
        return target.broken(
            ManifestError(
                spec.subject,
                "renders to nothing",
                remedy="add an object, remove the directory, or set syncPolicy.automated."
                "allowEmpty: true",
            )
        )
    try:
        placed = [_placed(each, spec=spec, scopes=scopes) for each in manifests]
        _refuse_repeated(placed, spec)
    except ManifestError as error:
        return target.broken(error)
    ordered = (each for wave in plan(placed) for each in wave.manifests)
    return replace(target, manifests=tuple(ordered), warnings=tuple(_hook_warnings(placed, spec)))


def _placed(manifest: Manifest, *, spec: ApplicationSpec, scopes: Scopes) -> Manifest:
    key = manifest.key
    found = scopes.find(key.group, key.kind)
    if found is None:
        raise ManifestError(
            f"{spec.subject}: {key}",
            f"neither the cluster nor any Application provides the kind {key.kind} of "
            f"{manifest.api_version}",
            remedy="add its CustomResourceDefinition to an Application, or correct apiVersion "
            "and kind",
        )
    version = manifest.api_version.rpartition("/")[2]
    if found.versions and version not in found.versions:
        raise ManifestError(
            f"{spec.subject}: {key}",
            f"{manifest.api_version} is not served",
            remedy=f"use one of the served versions: {', '.join(sorted(found.versions))}",
        )
    wanted = (key.namespace or spec.destination.namespace) if found.namespaced else ""
    if wanted == key.namespace:
        return manifest
    moved = ResourceKey(group=key.group, kind=key.kind, namespace=wanted, name=key.name)
    return replace(manifest, key=moved, body=_in_namespace(manifest.body, wanted))


def _in_namespace(body: Mapping[str, Any], namespace: str) -> dict[str, Any]:
    metadata = {key: value for key, value in body["metadata"].items() if key != "namespace"}
    if namespace:
        metadata["namespace"] = namespace
    return {**body, "metadata": metadata}


def _refuse_repeated(manifests: Iterable[Manifest], spec: ApplicationSpec) -> None:
    seen: dict[ResourceKey, Manifest] = {}
    for manifest in manifests:
        first = seen.setdefault(manifest.key, manifest)
        if first is not manifest:
            where = " and ".join(part for part in (first.source, manifest.source) if part)
            raise ManifestError(
                spec.subject,
                f"{manifest.key} is rendered twice{f' ({where})' if where else ''}",
                remedy="remove or rename one of the two",
            )


def _hook_warnings(manifests: Iterable[Manifest], spec: ApplicationSpec) -> Iterable[str]:
    for manifest in manifests:
        if HOOK in manifest.annotations:
            yield (
                f"{spec.subject}: {manifest.key} is a hook; hooks are not run yet, so it is applied "
                "as an ordinary object"
            )
