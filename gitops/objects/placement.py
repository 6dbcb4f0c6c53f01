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
from gitops.objects.manifest import Manifest, ResourceKey
from gitops.objects.scope import Scopes
from gitops.ordering import plan
from gitops.syncing.checks import permits_missing_kind
from gitops.syncing.hook_plan import hooks_of, phases_of
from gitops.syncing.hooks import hook_of

_EMPTY = (
    "renders to nothing; add an object, remove the directory, or set syncPolicy.automated."
    "allowEmpty: true"
)


def place(
    spec: ApplicationSpec, manifests: Sequence[Manifest], *, scopes: Scopes
) -> ApplicationTarget:
    """Give every object its namespace and its place in the sync.

    Returns:
        The Application with its objects in order, its hooks, and a warning about hooks that have no
        phase here; or with the error that breaks it: a kind nothing serves, the same object twice,
        a malformed hook. One that renders to nothing without allowEmpty gets a warning: the prune
        gate keeps what it had.
    """
    target = ApplicationTarget(spec=spec)
    if not manifests and not (spec.sync_policy.allow_empty or spec.declares):
        return replace(target, warnings=(f"{spec.subject}: {_EMPTY}",))
    try:
        found = hooks_of(
            [
                each if _left_out(each) else _placed(each, spec=spec, scopes=scopes)
                for each in manifests
            ]
        )
        _refuse_repeated(found.manifests, spec)
    except ManifestError as error:
        return target.broken(_within(spec, error))
    ordered = (each for wave in plan(found.manifests) for each in wave.manifests)
    return replace(
        target,
        manifests=tuple(ordered),
        hooks=found.hooks,
        skipped=tuple(_key(each.key, spec, scopes) for each in found.skipped),
        warnings=(
            *_warnings(spec, found.unsupported),
            *_unserved(spec, found.manifests, scopes),
        ),
    )


def _left_out(manifest: Manifest) -> bool:
    """Whether an object never gets to the cluster, so that nothing has to serve its kind."""
    hook = hook_of(manifest.outline)
    return hook is not None and (hook.skipped or not phases_of(hook, manifest.key))


def _warnings(spec: ApplicationSpec, unsupported: Iterable[Manifest]) -> tuple[str, ...]:
    left_out = [
        f"{each.key} ({hook})"
        for each in unsupported
        if (hook := hook_of(each.outline)) and not hook.is_helm_test
    ]
    if not left_out:
        return ()
    return (
        f"{spec.subject}: left out, as there is no phase of a sync for such hooks: "
        f"{', '.join(left_out)}",
    )


def _unserved(
    spec: ApplicationSpec, manifests: Iterable[Manifest], scopes: Scopes
) -> Iterable[str]:
    # they are here because SkipDryRunOnMissingResource=true permits it
    for each in manifests:
        if scopes.find(each.key.group, each.key.kind) is None:
            yield (
                f"{spec.subject}: {each.key}: nothing provides the kind {each.key.kind} of "
                f"{each.api_version} yet; a sync tries for a minute"
            )


def _within(spec: ApplicationSpec, error: ManifestError) -> ManifestError:
    if error.subject.startswith(spec.subject):
        return error
    return ManifestError(f"{spec.subject}: {error.subject}", error.reason, remedy=error.remedy)


def _placed(manifest: Manifest, *, spec: ApplicationSpec, scopes: Scopes) -> Manifest:
    key = manifest.key
    found = scopes.find(key.group, key.kind)
    if found is None:
        if permits_missing_kind(manifest.outline, spec.sync_policy):
            return _in_place(manifest, spec, scopes)
        raise ManifestError(
            f"{spec.subject}: {key}",
            f"neither the cluster nor any Application provides the kind {key.kind} of "
            f"{manifest.api_version}",
            remedy="add its CustomResourceDefinition to an Application, correct apiVersion and "
            "kind, or set SkipDryRunOnMissingResource=true where something else will provide it",
        )
    version = manifest.api_version.rpartition("/")[2]
    if found.versions and version not in found.versions:
        raise ManifestError(
            f"{spec.subject}: {key}",
            f"{manifest.api_version} is not served",
            remedy=f"use one of the served versions: {', '.join(sorted(found.versions))}",
        )
    return _in_place(manifest, spec, scopes)


def _in_place(manifest: Manifest, spec: ApplicationSpec, scopes: Scopes) -> Manifest:
    placed = _key(manifest.key, spec, scopes)
    if placed == manifest.key:
        return manifest
    return replace(manifest, key=placed, outline=_in_namespace(manifest.outline, placed.namespace))


def _key(key: ResourceKey, spec: ApplicationSpec, scopes: Scopes) -> ResourceKey:
    found = scopes.find(key.group, key.kind)
    namespaced = found is None or found.namespaced
    namespace = (key.namespace or spec.destination.namespace) if namespaced else ""
    # asked of every object in every pass, and several times as fast as replace()
    return ResourceKey(group=key.group, kind=key.kind, namespace=namespace, name=key.name)


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
