"""What is there to declare in a run that nobody has decided before?

Called by the composition root for every run but those that are handed over by a reconciler. It
reads Git, the cluster and the last deployment.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from components.last_deployment import read_inventory
from components.live_cluster import LiveCluster
from components.opening import open_cluster
from gitops.command_plugin import with_plugin
from gitops.config import Settings
from gitops.decision import Run, decide
from gitops.stores import chart_store, render_cache
from gitops.target import compose


def decide_all(settings: Settings, *, root: Path, stack: str) -> tuple[Run, LiveCluster]:
    """Everything a run declares, and the cluster it was decided with.

    Raises:
        HomeOpsError: Git, the state or the cluster cannot be read, or the state is ambiguous.
    """
    cluster, view = open_cluster(settings)
    inventory = read_inventory(stack, root)
    target = compose(
        settings,
        root=root,
        cluster=view,
        charts=chart_store(settings, root),
        cache=render_cache(),
        inventory=inventory,
        stack=stack,
    )
    owned = cluster.owned()
    owners = cluster.owners(owned)
    checked = replace(target, applications=with_plugin(target.applications))
    run = decide(settings, checked, inventory, live=owned, owners=owners, stack=stack)
    return run, cluster
