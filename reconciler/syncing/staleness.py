"""Which objects is the state wrong about?

Called by ``sync``: the engine believes its state, so what was changed or deleted in the cluster by
hand has to be read anew before it is put right. And by the pass after a run that did not end well:
what the state does not know is nobody's until everything is run again.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from gitops.comparison import Comparison, Why
from gitops.deployment.definitions import is_definition
from gitops.deployment.inventory import Inventory
from gitops.deployment.unchanged import unchanged
from gitops.objects.manifest import ResourceKey
from gitops.target import Target


def stale(wanted: Mapping[str, Comparison], target: Target, inventory: Inventory) -> frozenset[str]:
    """The URNs of objects that the state has as Git does, or has at all, and the cluster has not.

    Args:
        wanted: the Applications to sync, each with how it differs from the cluster.
        target: all Applications.
        inventory: the last deployment.
    """
    manifests = {each.key: each for app in target.applications for each in app.manifests}
    found = _namespaces(wanted, target, inventory)
    for comparison in wanted.values():
        for drift in comparison.drifts:
            last = inventory.objects.get(drift.key)
            if last is None or drift.why is Why.EXTRANEOUS:
                continue
            if drift.why is Why.MISSING or unchanged(manifests[drift.key], last.body):
                found |= set(inventory.urns[drift.key])
    return frozenset(found)


def unknown(
    synced: Collection[str], target: Target, inventory: Inventory, *, separate_definitions: bool
) -> tuple[ResourceKey, ...]:
    """The objects of Applications that are what Git says, and that the state does not have: a run
    that was killed has made them, or the state was lost or is an older one.

    Args:
        synced: these Applications; those that are synced anyway are none of them.
        target: all Applications.
        inventory: the last deployment.
        separate_definitions: whether definitions are in another stack's state.
    """
    return tuple(
        manifest.key
        for application in target.applications
        if application.spec.name in synced
        for manifest in application.manifests
        if manifest.key not in inventory.objects
        and not (separate_definitions and is_definition(manifest.key))
    )


def left_over(
    synced: Collection[str], target: Target, inventory: Inventory, live: Collection[ResourceKey]
) -> tuple[ResourceKey, ...]:
    """The objects that only the state has: a run has deleted them and could not write it down, as
    its provider died. Empty while nothing may be deleted.

    Args:
        synced: the Applications that are what Git says; those that are synced anyway are none.
        target: all Applications.
        inventory: the last deployment.
        live: what the cluster has of ours.
    """
    if target.all_errors:
        return ()
    others = {each.spec.name for each in target.applications}.difference(synced)
    known = {*target.keys, *live}
    return tuple(
        key
        for key, each in inventory.objects.items()
        if each.application and each.application not in others and key not in known
    )


def _namespaces(wanted: Mapping[str, Comparison], target: Target, inventory: Inventory) -> set[str]:
    """The namespaces of Applications of which something is gone: perhaps with its namespace."""
    names = {
        each.spec.destination.namespace
        for each in target.applications
        if each.spec.name in wanted
        and any(
            drift.why is Why.MISSING and drift.key in inventory.objects
            for drift in wanted[each.spec.name].drifts
        )
    }
    keys = (ResourceKey(group="", kind="Namespace", namespace="", name=name) for name in names)
    return {urn for key in keys for urn in inventory.urns.get(key, ())}
