"""Config, bootstrap, Applications: what `pulumi preview` and `pulumi up` run."""

from __future__ import annotations

from pathlib import Path

import pulumi

from components.commands import with_plugin
from components.interruption import end_quietly
from components.last_deployment import read_inventory
from components.live_cluster import open_cluster
from components.program import declare
from components.provider import cluster_provider
from components.sdk_costs import registrations_begun, spare_sdk_costs
from components.settings import stack_settings
from gitops.decision import decide
from gitops.errors import HomeOpsError
from gitops.stores import chart_store, render_cache
from gitops.target import compose


async def main() -> None:
    """Declare what Git holds; every error a user can repair ends the run as one message."""
    spare_sdk_costs()
    end_quietly()
    root = Path(__file__).resolve().parent
    stack = pulumi.get_stack()
    try:
        settings = stack_settings(root)
        cluster = open_cluster(settings)
        inventory = read_inventory(stack, root)
        target = compose(
            settings,
            root=root,
            cluster=cluster.view,
            charts=chart_store(settings, root),
            cache=render_cache(),
            inventory=inventory,
            stack=stack,
        )
        owned = cluster.owned()
        owners = cluster.owners(owned)
        run = decide(
            settings, with_plugin(target), inventory, live=owned, owners=owners, stack=stack
        )
    except HomeOpsError as error:
        raise pulumi.RunError(str(error)) from error
    try:
        await declare(run, cluster, cluster_provider(settings))
    finally:
        await registrations_begun()


pulumi.run(main)
