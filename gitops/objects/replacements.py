"""Which objects of an Application would be deleted and created again?

Called by composition, and before a sync of some Applications, where composition did not know the
last deployment.
"""

from __future__ import annotations

from dataclasses import replace

from gitops.application_target import ApplicationTarget
from gitops.deployment.inventory import Inventory
from gitops.errors import HomeOpsError
from gitops.objects.immutable import check_replacement
from gitops.objects.manifest import ResourceKey


def with_replacements(target: ApplicationTarget, inventory: Inventory) -> ApplicationTarget:
    """The Application with the objects that may be replaced; broken where one may not.

    Args:
        target: the Application.
        inventory: the last deployment.
    """
    replacements: dict[ResourceKey, tuple[str, ...]] = {}
    for manifest in target.manifests:
        last = inventory.objects.get(manifest.key)
        if last is None:
            continue
        try:
            fields = check_replacement(
                manifest.outline,  # no schema is among the fields that are asked about
                last.body,
                subject=f"{target.subject}: {manifest.key}",
                options=target.options_for(manifest.key),
                live=last.live,
            )
        except HomeOpsError as error:
            return target.broken(error)
        if fields:
            replacements[manifest.key] = fields
    return replace(target, replacements=replacements)
