"""When may an object that is replaced be created again?

Bound by the Application to objects whose replacement is permitted. A delete call returns before the
object is gone: finalizers and dependents hold it. Applied at that moment the new object would meet
the old one and be refused.
"""

from __future__ import annotations

import asyncio
import time

import pulumi

from cluster.threads import in_thread
from components.live_cluster import LiveCluster
from gitops.errors import ClusterError
from gitops.objects.manifest import Manifest, ResourceKey

WAIT_SECONDS = 60.0
STEP_SECONDS = 0.1


def after_deletion(cluster: LiveCluster) -> pulumi.ResourceHookBinding:
    """Hooks that hold back a creation until the deleted object has left the cluster."""

    async def wait(args: pulumi.ResourceHookArgs) -> None:
        key = Manifest.from_body(dict(args.new_inputs or {})).key
        await _gone(cluster, key)

    return pulumi.ResourceHookBinding(
        before_create=[pulumi.ResourceHook("wait-for-the-deletion-of-what-is-replaced", wait)]
    )


async def _gone(cluster: LiveCluster, key: ResourceKey) -> None:
    deadline = time.monotonic() + WAIT_SECONDS
    while await in_thread(cluster.is_going, key):
        if time.monotonic() > deadline:
            raise ClusterError(
                str(key),
                f"deleted to be replaced, and {WAIT_SECONDS:g} seconds later it is still there",
                remedy="end what uses it or remove its finalizers, then run again",
            )
        await asyncio.sleep(STEP_SECONDS)
