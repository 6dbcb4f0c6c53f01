"""Which Application gets an object that several of them render?

Called by composition once every Application is placed. One object has one owner: a second
Application that renders it is refused with both named. Only an identical CustomResourceDefinition
or Namespace may stand in several Applications, as real trees do that; the first by wave, then name,
keeps it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from gitops.application_target import ApplicationTarget
from gitops.errors import OwnershipError
from gitops.manifest import Manifest, ResourceKey
from gitops.scope import is_crd


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
        owner = owners[manifest.key]
        if not _may_be_shared(manifest) or manifest.body != owner.manifest.body:
            return target.broken(
                OwnershipError(
                    target.subject,
                    f"{manifest.key} is also rendered by {names[owner.application]}",
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
    return is_namespace or is_crd(manifest.body)
