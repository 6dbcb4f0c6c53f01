"""What is there to declare in a run that nobody has decided before?

Called by the composition root for every run but those that are handed over by a reconciler. It
reads Git, the cluster and the last deployment.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pulumi

from components.last_deployment import read_inventory
from components.live_cluster import LiveCluster
from components.opening import open_cluster
from gitops.command_plugin import with_plugin
from gitops.config import Settings
from gitops.decision import Run, decide
from gitops.definitions import is_definition, share_of
from gitops.errors import OrderError
from gitops.scope import defined_kind
from gitops.stack_names import definitions_stack, is_definitions_stack, main_stack
from gitops.stores import chart_store, render_cache
from gitops.target import ClusterView, Target, compose


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
    )
    owned = cluster.owned()
    checked = replace(target, applications=with_plugin(target.applications))
    separate = settings.separate_definitions
    share = share_of(stack, checked, owned, inventory, separate=separate)
    run = decide(
        settings,
        share.target,
        inventory,
        live=share.live,
        owners=cluster.owners(owned),
        stack=name,
        elsewhere=share.elsewhere,
    )
    if is_definitions_stack(stack):
        return replace(run, namespaces=()), cluster
    if separate and view.complete:
        _require_definitions(target, view, stack)
    return run, cluster


def _require_definitions(target: Target, view: ClusterView, stack: str) -> None:
    """Stop before the API server refuses objects of kinds that it does not have.

    Raises:
        OrderError: a definition in Git is not in the cluster.
    """
    served = {(each.group, each.kind) for each in view.served}
    kinds = {
        f"{kind.kind}.{kind.group}"
        for application in target.applications
        for each in application.manifests
        if is_definition(each.key) and (kind := defined_kind(each.body))
        if (kind.group, kind.kind) not in served
    }
    if not kinds:
        return
    error = OrderError(
        f"stack {stack}",
        f"the cluster does not have {', '.join(sorted(kinds))}",
        remedy=f"run `pulumi up --stack {definitions_stack(stack)}` first, as `gitops up` does",
    )
    if not pulumi.runtime.is_dry_run():
        raise error
    pulumi.log.warn(str(error))
