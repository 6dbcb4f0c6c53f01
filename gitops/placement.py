"""In which namespace does each object of an Application live, and will anything accept its kind?

Called by composition after rendering. Objects without a namespace get the Application's
destination; cluster-scoped objects lose one they should not have, as the API server would ignore
it. Hooks are left out: they are no objects of the Application but run at a moment of its sync.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from gitops.application import ApplicationSpec
from gitops.application_target import ApplicationTarget
from gitops.errors import ManifestError
from gitops.manifest import Manifest, ResourceKey
from gitops.ordering import plan
from gitops.scope import Scopes
from gitops.syncing.hooks import hook_of


def place(
    spec: ApplicationSpec, manifests: Sequence[Manifest], *, scopes: Scopes
) -> ApplicationTarget:
    """Give every object its namespace and its place in the sync.

    Returns:
        The Application with its objects in order and a warning for each hook that was left out,
        or with the error that breaks it: a kind nothing serves, the same object twice, or nothing
        at all where allowEmpty is off.
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
    hooks = [(each, hook) for each in manifests if (hook := hook_of(each.body))]
    ordinary = [each for each in manifests if hook_of(each.body) is None]
    try:
        placed = [_placed(each, spec=spec, scopes=scopes) for each in ordinary]
        _refuse_repeated(placed, spec)
    except ManifestError as error:
        return target.broken(error)
    ordered = (each for wave in plan(placed) for each in wave.manifests)
    return replace(
        target,
        manifests=tuple(ordered),
        skipped=tuple(_key(each.key, spec, scopes) for each, hook in hooks if hook.skipped),
        warnings=tuple(
            f"{spec.subject}: {each.key} is a hook ({hook}) and left out: hooks are not run yet"
            for each, hook in hooks
            if not (hook.skipped or hook.is_helm_test)
        ),
    )


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
    placed = _key(key, spec, scopes)
    if placed == key:
        return manifest
    return replace(manifest, key=placed, body=_in_namespace(manifest.body, placed.namespace))


def _key(key: ResourceKey, spec: ApplicationSpec, scopes: Scopes) -> ResourceKey:
    found = scopes.find(key.group, key.kind)
    namespaced = found is None or found.namespaced
    namespace = (key.namespace or spec.destination.namespace) if namespaced else ""
    return replace(key, namespace=namespace)


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
