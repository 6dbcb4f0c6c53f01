"""Which Application gets an object that several of them render?

Called by composition once every Application is placed. One object has one owner: a second
Application that renders it is refused with both named. Only an identical CustomResourceDefinition
or Namespace may stand in several Applications, as real trees do that; the first by wave, then name,
keeps it. FailOnSharedResource=true (ArgoCD, "Fail the sync if a shared resource is found") refuses
those, too, and what an Application of another stack or of an ArgoCD has in the cluster.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from gitops.application_target import ApplicationTarget
from gitops.deployment.inventory import Inventory
from gitops.errors import OwnershipError
from gitops.objects.manifest import Manifest, ResourceKey, annotations_of
from gitops.objects.ownership import STACK, live_key, owner
from gitops.objects.scope import is_crd

ARGOCD_TRACKING_ID = "argocd.argoproj.io/tracking-id"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Claim:
    application: str
    manifest: Manifest


def settle(targets: Sequence[ApplicationTarget]) -> list[ApplicationTarget]:
    """Give every object rendered more than once to its first Application.

    Returns:
        The Applications in the order given: owners as they were, others without the shared object
        and with a warning, or broken with an error that names both.
    """
    claims: dict[ResourceKey, list[_Claim]] = {}
    for target in targets:
        for manifest in target.manifests:
            claims.setdefault(manifest.key, []).append(
                _Claim(application=target.spec.name, manifest=manifest)
            )
    owners = {
        key: min(several, key=lambda claim: (claim.manifest.wave, claim.application))
        for key, several in claims.items()
        if len(several) > 1
    }
    names = {target.spec.name: target.subject for target in targets}
    return [_settled(target, owners, names) for target in targets]


def refuse_taken(
    targets: Sequence[ApplicationTarget],
    inventory: Inventory,
    find: Callable[[Sequence[ResourceKey]], Mapping[ResourceKey, Mapping[str, Any]]],
    *,
    stack: str,
) -> tuple[ApplicationTarget, ...]:
    """The Applications; one with FailOnSharedResource=true is broken where an object it would
    create is somebody else's in the cluster.

    Args:
        targets: all Applications of a run.
        inventory: the last deployment; what it holds is ours.
        find: asks for live objects; those that are there, or their metadata.
        stack: this stack.
    """
    return tuple(
        _refused_if_taken(target, inventory, find, stack)
        if target.default_options.fail_on_shared_resource
        else target
        for target in targets
    )


def taken_by(live: Mapping[str, Any], application: str, *, stack: str) -> str:
    """Whose a live object is, in words; empty where no other stack and no ArgoCD says it is its.

    An ArgoCD's Application of the same name is no other one: it is the one that moves here.
    """
    annotations = annotations_of(live)
    other = annotations.get(STACK)
    if other is not None and other != stack and owner(live) is not None:
        return f"Application {owner(live)} of the stack {other}"
    name, _, rest = annotations.get(ARGOCD_TRACKING_ID, "").partition(":")
    key = live_key(live)
    # controllers copy annotations, so it counts only where it names this very object
    if (
        name not in ("", application)
        and rest == f"{key.group}/{key.kind}:{key.namespace}/{key.name}"
    ):
        return f"Application {name} of an ArgoCD"
    return ""


def _refused_if_taken(
    target: ApplicationTarget,
    inventory: Inventory,
    find: Callable[[Sequence[ResourceKey]], Mapping[ResourceKey, Mapping[str, Any]]],
    stack: str,
) -> ApplicationTarget:
    keys = [each.key for each in target.manifests if each.key not in inventory.objects]
    for key, live in sorted(find(keys).items() if keys else ()):
        other = taken_by(live, target.spec.name, stack=stack)
        if other:
            return target.broken(
                OwnershipError(
                    target.subject,
                    f"{key} is in the cluster already and belongs to {other}",
                    remedy="remove it from one of the two, or remove FailOnSharedResource=true",
                )
            )
    return target


def _settled(
    target: ApplicationTarget, owners: dict[ResourceKey, _Claim], names: dict[str, str]
) -> ApplicationTarget:
    lost = [
        manifest
        for manifest in target.manifests
        if manifest.key in owners and owners[manifest.key].application != target.spec.name
    ]
    if not lost:
        return target
    for manifest in lost:
        first = owners[manifest.key]
        if (
            target.default_options.fail_on_shared_resource
            or not _may_be_shared(manifest)
            or manifest.body != first.manifest.body
        ):
            return target.broken(
                OwnershipError(
                    target.subject,
                    f"{manifest.key} is also rendered by {names[first.application]}",
                    remedy="remove it from one of the two Applications",
                )
            )
    given_up = {manifest.key for manifest in lost}
    return replace(
        target,
        manifests=tuple(each for each in target.manifests if each.key not in given_up),
        warnings=(
            *target.warnings,
            *(
                f"{target.subject}: {each.key} is identical in "
                f"{names[owners[each.key].application]}, which owns it"
                for each in lost
            ),
        ),
    )


def _may_be_shared(manifest: Manifest) -> bool:
    is_namespace = manifest.key.kind == "Namespace" and not manifest.key.group
    return is_namespace or is_crd(manifest.outline)
