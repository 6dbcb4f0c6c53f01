"""Does the cluster serve the kinds whose definitions have a stack of their own?

Called by a run of the main stack before it declares anything. Without them the API server would
refuse object after object, each of which the provider tries for a minute.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping

import pulumi

from cluster.discovery import facts
from components.live_cluster import LiveCluster
from gitops.deployment.definitions import is_definition
from gitops.deployment.stack_names import definitions_stack
from gitops.errors import OrderError
from gitops.objects.manifest import ResourceKey
from gitops.objects.scope import ServedKind, defined_kind
from gitops.target import Target

PATIENCE_SECONDS = 30.0
_STEP_SECONDS = 0.2

Kind = tuple[str, str]


def require_definitions(
    target: Target, served: Iterable[ServedKind], cluster: LiveCluster, *, stack: str
) -> None:
    """Stop a run whose kinds the cluster does not have; a preview goes on with a warning.

    A definition that was applied a moment ago is there some time before its kind is served, longer
    where the API server has much to do: that is waited for.

    Args:
        target: all Applications.
        served: the kinds the API server had when it was asked.
        cluster: that API server.
        stack: the main stack, or one of its shards.

    Raises:
        OrderError: a definition in Git is not in the cluster, or is not served.
        ClusterError: the cluster does not answer or refuses.
    """
    missing = _without(_defined(target), served)
    if missing and not pulumi.runtime.is_dry_run():
        missing = _awaited(missing, cluster)
    if not missing:
        return
    kinds = ", ".join(sorted(f"{kind}.{group}" for group, kind in missing))
    error = OrderError(
        f"stack {stack}",
        f"the cluster does not have {kinds}",
        remedy=f"run `pulumi up --stack {definitions_stack(stack)}` first, as `gitops up` does",
    )
    if not pulumi.runtime.is_dry_run():
        raise error
    pulumi.log.warn(str(error))


def _defined(target: Target) -> dict[Kind, ResourceKey]:
    """The kinds that Git defines, each with its definition."""
    return {
        (kind.group, kind.kind): each.key
        for application in target.applications
        for each in application.manifests
        if is_definition(each.key) and (kind := defined_kind(each.body))
    }


def _without(
    kinds: Mapping[Kind, ResourceKey], served: Iterable[ServedKind]
) -> dict[Kind, ResourceKey]:
    found = {(each.group, each.kind) for each in served}
    return {kind: key for kind, key in kinds.items() if kind not in found}


def _awaited(missing: Mapping[Kind, ResourceKey], cluster: LiveCluster) -> dict[Kind, ResourceKey]:
    """What of these is not served once those that are in the cluster had the time to be."""
    connection, left = cluster.connection, dict(missing)
    if connection is None or any(cluster.find(key) is None for key in left.values()):
        return left
    deadline = time.monotonic() + PATIENCE_SECONDS
    while left and time.monotonic() < deadline:
        time.sleep(_STEP_SECONDS)
        left = _without(left, facts(connection).served_kinds())
    return left
