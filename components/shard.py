"""What of everything is this shard's, in a run that nobody has decided before?

Called by such a run with everything composed and listed. Where a stack is not divided, all of it
is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from cluster.live_status import read_status
from components.last_deployment import read_inventory
from components.live_cluster import LiveCluster
from gitops.application_order import in_order
from gitops.config import Settings
from gitops.deployment.inventory import Inventory
from gitops.deployment.stack_names import is_definitions_stack, main_stack, shard_index, shard_stack
from gitops.objects.bootstrap_objects import has_derived_rights
from gitops.objects.orphans import LiveObject
from gitops.objects.ownership import APPLICATION_LABEL, label_value
from gitops.sharding.division import (
    Division,
    divide,
    is_divided,
    own_live,
    own_names,
    refuse_strangers,
)
from gitops.sharding.waiting import Beside, awaited_beside, waiting
from gitops.status.resource import ResourceStatus
from gitops.target import Target


@dataclass(frozen=True, slots=True, kw_only=True)
class Shard:
    """What of a target, and of what the cluster holds of ours, a stack is about; ``others`` are the
    last deployments of other shards, where the rights that all share are derived from all."""

    division: Division
    live: Sequence[LiveObject]
    others: Sequence[Inventory] = ()


def share_of_shard(
    settings: Settings,
    target: Target,
    owned: Sequence[LiveObject],
    inventory: Inventory,
    cluster: LiveCluster,
    *,
    stack: str,
    root: Path,
) -> Shard:
    """Divide; Applications that wait for another shard are broken, so that they stay as they are.

    Args:
        settings: the stack's config.
        target: what Git holds.
        owned: what the cluster holds of ours.
        inventory: the last deployment of this stack.
        cluster: where the health of other shards' Applications is read.
        stack: the stack, or one of its shards.
        root: the project's folder.

    Raises:
        OwnershipError: the state still has Applications of another shard.
        ToolError: the state of another shard cannot be read.
    """
    if is_definitions_stack(stack) or not is_divided(settings.shards, stack):
        return Shard(division=Division(whole=target, own=target), live=owned)
    name = main_stack(stack)

    @cache
    def state(index: int) -> Inventory:
        return read_inventory(shard_stack(name, index), root)

    division = divide(target, settings.shards, stack=stack)
    refuse_strangers(division, inventory, stack=stack)
    numbers = [n for n in range(settings.shards.count) if n != shard_index(stack)]
    names = own_names(
        division,
        {each.application for each in owned if each.application},
        state=lambda: inventory,
        others=lambda: map(state, numbers),
    )
    beside = Beside(
        statuses=_statuses(cluster, awaited_beside(division), stack=name),
        served=_served(cluster),
        namespaces={e.key.name for e in owned if e.key.kind == "Namespace"},
        state=state,
        rules=settings.ignore_differences,
    )
    return Shard(
        division=_without_waiting(division, beside, settings, stack),
        live=own_live(owned, names, first=division.first),
        others=(
            [state(n) for n in numbers] if division.first and has_derived_rights(settings) else []
        ),
    )


def _without_waiting(
    division: Division, beside: Beside, settings: Settings, stack: str
) -> Division:
    """The same, with the Applications broken that wait for another shard, and for these."""
    found = waiting(division, {each.spec.name for each in division.own.applications}, beside)
    left_out = (
        each.broken(found[each.spec.name]) if each.spec.name in found else each
        for each in division.whole.applications
    )
    ordered = replace(division.whole, applications=tuple(in_order(list(left_out))))
    settled = divide(ordered, settings.shards, stack=stack)
    return replace(settled, own=replace(settled.own, errors=division.own.errors))


def _statuses(
    cluster: LiveCluster, names: frozenset[str], *, stack: str
) -> dict[str, Sequence[ResourceStatus]]:
    if not names or cluster.connection is None or cluster.facts is None:
        return {}
    selector = f"{APPLICATION_LABEL} in ({','.join(sorted(map(label_value, names)))})"
    found = read_status(cluster.connection, cluster.facts, stack=stack, label_selector=selector)
    return dict(found.resources)


def _served(cluster: LiveCluster) -> set[tuple[str, str]]:
    return {(e.group, e.kind) for e in cluster.facts.resources} if cluster.facts else set()
