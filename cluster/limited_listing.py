"""Which objects does the cluster hold, as far as we may see?

Called instead of ``listing`` where the rights are limited. A kind that may not be listed across the
cluster is listed in the namespaces of Applications; one that no Application has is passed over.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from cluster.connection import Connection
from cluster.listing import Listing, Query, Skipped, list_queries
from gitops.rights.limits import Limits

if TYPE_CHECKING:
    from cluster.known_items import KnownItems

_FORBIDDEN = 403


def list_within(
    connection: Connection,
    queries: Iterable[Query],
    limits: Limits | None,
    *,
    known: KnownItems | None = None,
) -> Listing:
    """Several LISTs across the cluster, each where it is permitted.

    Args:
        connection: the API server.
        queries: what to list, in all namespaces.
        limits: where to look instead; None lists as ``list_queries`` does.
        known: as in ``list_queries``.

    Raises:
        ClusterError: the server does not answer, or refuses for another reason than one kind.
    """
    asked = list(queries)
    first = list_queries(connection, asked, known=known)
    refused = [each for each in first.skipped if each.code == _FORBIDDEN]
    if limits is None or not refused:
        return first
    ours = [each for each in refused if _kind(each) in limits.looked_for]
    again = {_kind(each) for each in ours if each.resource.namespaced}
    second = list_queries(
        connection,
        [
            replace(query, namespace=namespace)
            for query in asked
            if (query.resource.group, query.resource.kind) in again
            for namespace in limits.namespaces
        ],
        known=known,
    )
    # where one namespace is refused and another is not, what is in the first seems to be missing;
    # whoever applies it is then told by the API server what is not permitted
    hidden = [
        each
        for each in ours
        if _kind(each) in limits.kinds
        and sum(other.resource == each.resource for other in second.skipped)
        == (len(limits.namespaces) if each.resource.namespaced else 0)
    ]
    others = [each for each in first.skipped if each.code != _FORBIDDEN]
    return Listing(
        objects=first.objects + second.objects,
        skipped=(*others, *hidden),
        stats=first.stats + second.stats,
    )


def _kind(skipped: Skipped) -> tuple[str, str]:
    return skipped.resource.group, skipped.resource.kind
