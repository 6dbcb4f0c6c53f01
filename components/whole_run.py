"""What is there to declare in a run that nobody has decided before?

Called by the composition root for every run but those that are handed over by a reconciler. It
reads Git, the cluster and the last deployment.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pulumi

from cluster.own_rights import within_own_rights
from components.definitions_served import require_definitions
from components.last_deployment import made_by_sets, read_inventory
from components.live_cluster import LiveCluster
from components.opening import open_cluster
from components.shard import share_of_shard
from gitops.argocd.set_policy import Recall
from gitops.command_plugin import with_plugin
from gitops.config import Settings
from gitops.decision import Run, decide
from gitops.deployment.definitions import advice, share_of
from gitops.deployment.inventory import Inventory
from gitops.deployment.stack_names import is_definitions_stack, main_stack
from gitops.objects.known_fields import refuse_unknown_fields
from gitops.rights.limits import limits_of
from gitops.stores import chart_store, render_cache
from gitops.target import compose


def decide_all(settings: Settings, *, root: Path, stack: str) -> tuple[Run, LiveCluster]:
    """Everything a run declares, and the cluster it was decided with.

    Raises:
        HomeOpsError: Git, the state or the cluster cannot be read, or the state is ambiguous.
    """
    name = main_stack(stack)
    cluster, view = open_cluster(settings)
    inventory = read_inventory(stack, root)
    target = compose(
        settings,
        root=root,
        cluster=view,
        charts=chart_store(settings, root),
        cache=render_cache(),
        inventory=inventory,
        stack=name,
        recall=_recall(settings, stack, root),
    )
    if cluster.connection is not None:
        target = within_own_rights(cluster.connection, settings, target)
    owned = cluster.owned(limits_of(settings, target, others=_namespaces(inventory)))
    known = refuse_unknown_fields(with_plugin(target.applications), inventory, cluster.schemas)
    checked = replace(target, applications=known)
    separate = settings.separate_definitions
    shard = share_of_shard(settings, checked, owned, inventory, cluster, stack=stack, root=root)
    share = share_of(stack, shard.division.own, shard.live, inventory, separate=separate)
    run = decide(
        settings,
        share.target,
        inventory,
        live=share.live,
        owners=cluster.owners(owned),
        stack=name,
        elsewhere=share.elsewhere | shard.division.elsewhere,
        division=shard.division if shard.division.beside else None,
        others=shard.others,
    )
    if is_definitions_stack(stack):
        return replace(run, namespaces=()), cluster
    if separate and view.complete:
        require_definitions(target, view.served, cluster, stack=stack)
    if not separate and (words := advice(stack, target)):
        pulumi.log.info(words)
    return run, cluster


def _recall(settings: Settings, stack: str, root: Path) -> Recall | None:
    if not is_definitions_stack(stack):
        return None
    return made_by_sets(stack, root, shards=settings.shards.count)


def _namespaces(inventory: Inventory) -> set[str]:
    return {each.key.namespace for each in inventory.objects.values() if each.application}
