"""Is there anything in the Applications' namespaces that belongs to none of them?

Called by the pass at its end. Only where a project has ``orphanedResources`` is the cluster asked:
one more LIST per namespaced kind, of metadata alone.
"""

from __future__ import annotations

from collections.abc import Iterable

from cluster.connection import Connection
from cluster.discovery import facts
from cluster.listing import Listing, Query, list_queries, listable
from cluster.stack_memory import memory_key
from gitops.config import Settings
from gitops.objects import orphaned_resources
from gitops.objects.bootstrap_objects import bootstrap_keys
from gitops.objects.manifest import annotations_of
from gitops.objects.orphans import LiveObject
from gitops.objects.ownership import APPLICATION_LABEL, STACK
from gitops.target import Target
from reconciler.passes.report import Report, timed

FORBIDDEN = 403


def orphaned(
    target: Target,
    owned: Iterable[LiveObject],
    *,
    settings: Settings,
    stack: str,
    connection: Connection,
    report: Report,
) -> dict[str, str]:
    """What is to be said, by Application, of objects that belong to none.

    Args:
        target: the Applications and their projects.
        owned: what carries our label; that of Applications which have left Git belongs to nobody.
        settings: the stack's config.
        stack: its name.
        connection: its cluster.
        report: what it costs is written down here.

    Raises:
        ClusterError: the cluster does not answer or refuses.
    """
    namespaces = orphaned_resources.watched(target)
    if not namespaces:
        return {}
    with timed(report.timings, "orphaned"):
        listing = _others(connection, next(iter(namespaces)) if len(namespaces) == 1 else "")
    if hidden := sorted({each.resource.kind for each in listing.skipped if each.code == FORBIDDEN}):
        report.warn(
            f"orphanedResources: {len(hidden)} kinds may not be listed and are left out, "
            f"{hidden[0]} among them"
        )
    report.requests += listing.stats.requests
    report.size += listing.stats.size
    own = {
        *bootstrap_keys(settings, stack=stack, namespaces=namespaces),
        memory_key(namespace=settings.bootstrap.namespace, stack=stack),
    }
    names = {each.spec.name for each in target.applications}
    left = (
        each.body
        for each in owned
        if each.application not in names and annotations_of(each.body).get(STACK) == stack
    )
    return orphaned_resources.orphaned(target, [*listing.objects, *left], own=own)


def _others(connection: Connection, namespace: str) -> Listing:
    """What has no label of ours, in a namespace or in all of them."""
    return list_queries(
        connection,
        [
            Query(
                resource=each,
                namespace=namespace,
                label_selector=f"!{APPLICATION_LABEL}",
                metadata_only=True,
                managed_fields=False,
            )
            for each in listable(facts(connection).resources)
            if each.namespaced and (each.group, each.kind) not in orphaned_resources.NEVER
        ],
    )
