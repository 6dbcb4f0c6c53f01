"""Are the options and annotations of an Application and its objects ones that can be honoured?

Called by composition for every Application, once its objects have their namespaces. One wrong
annotation breaks its own Application; what is right is read here once and carried along.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from gitops.application import ApplicationSpec, SyncPolicy
from gitops.application_target import ApplicationTarget
from gitops.errors import ManifestError
from gitops.objects.manifest import Manifest, ResourceKey, annotations_of
from gitops.syncing.annotations import PREFIX, application_options, check_annotations
from gitops.syncing.options import ObjectOptions, object_options


def with_options(target: ApplicationTarget) -> ApplicationTarget:
    """The Application, its objects and hooks in place, with their options; or broken by the first
    wrong annotation."""
    if target.error is not None:
        return target
    policy = target.spec.sync_policy
    try:
        application_options(target.spec.annotations, subject=target.subject)
        hooks = (hook.manifest for hook in target.hooks)
        own = dict(_own_options((*target.manifests, *hooks), policy))
    except ManifestError as error:
        return target.broken(_within(target.spec, error))
    return replace(target, default_options=object_options({}, policy), own_options=own)


def permits_missing_kind(body: Mapping[str, Any], policy: SyncPolicy) -> bool:
    """Whether an object is left unchecked while nothing serves its kind (ArgoCD, "Skip Dry Run for
    new custom resources types")."""
    try:
        return object_options(body, policy).skip_dry_run_on_missing_resource
    except ManifestError:
        return False  # reported by ``with_options``


def _own_options(
    manifests: Iterable[Manifest], policy: SyncPolicy
) -> Iterable[tuple[ResourceKey, ObjectOptions]]:
    for manifest in manifests:
        annotations = annotations_of(manifest.outline)
        # most objects have none of ArgoCD's annotations: thousands are passed over here
        if annotations and any(name.startswith(PREFIX) for name in annotations):
            check_annotations(manifest.outline)
            yield manifest.key, object_options(manifest.outline, policy)


def _within(spec: ApplicationSpec, error: ManifestError) -> ManifestError:
    subject = error.subject.removeprefix("Application.argoproj.io ")
    if subject != spec.subject:
        subject = f"{spec.subject}: {subject}"
    return ManifestError(subject, error.reason, remedy=error.remedy)
