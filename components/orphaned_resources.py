"""How are objects deleted that the cluster holds and the state has forgotten?

Made by the program only when there are some, so that a preview lists them and an update of other
targets leaves them alone. The engine cannot delete what it does not know: creating this component
does.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence

import pulumi

from components.live_cluster import LiveCluster
from gitops.deployment.inventory import ORPHANED_RESOURCES_TYPE
from gitops.objects.orphans import LiveObject


class OrphanedResources(pulumi.ComponentResource):
    """The objects an interrupted run left behind, deleted when this is created or changes.

    Args:
        name: its logical name.
        orphans: the objects.
        cluster: where they are.
        opts: the provider.
        users: by Application, as whom its objects are deleted.
    """

    def __init__(
        self,
        name: str,
        orphans: Sequence[LiveObject],
        cluster: LiveCluster,
        opts: pulumi.ResourceOptions | None = None,
        *,
        users: Mapping[str, str] | None = None,
    ) -> None:
        def collect(_: pulumi.ResourceHookArgs) -> None:
            cluster.delete(orphans, users=users or {})

        hook = pulumi.ResourceHook("delete-orphaned-resources", collect)
        binding = pulumi.ResourceHookBinding(after_create=[hook], after_update=[hook])
        # a run of its own makes this a change even where an earlier deletion of the same failed
        inputs = {"objects": [str(each.key) for each in orphans], "run": uuid.uuid4().hex}
        own = pulumi.ResourceOptions(hooks=binding)
        super().__init__(
            ORPHANED_RESOURCES_TYPE, name, inputs, pulumi.ResourceOptions.merge(own, opts)
        )
        self.register_outputs({})
