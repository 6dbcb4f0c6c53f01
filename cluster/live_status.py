"""How are the objects we applied, as the cluster has them?

Called by the reconciler for every status it shows or waits for. One LIST per kind finds what is
ours: whole objects only where health reads them, never the data of a Secret. A second round, for
the unhealthy alone, reads what they own and what was reported about it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from cluster.connection import Connection
from cluster.discovery import ClusterFacts
from cluster.listing import Listing, ListStats, Query, Skipped, list_queries, listable
from cluster.objects import get
from gitops.health import Health, HealthStatus, UserRules, assess_all
from gitops.health.status import healthy
from gitops.objects.manifest import ResourceKey
from gitops.objects.ownership import APPLICATION_LABEL, live_key
from gitops.status.family import family
from gitops.status.joining import Wanted, wanted
from gitops.status.reading import is_applied, is_definition, metadata_suffices
from gitops.status.resource import ResourceStatus, owned_by_application, resource_status

Live = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveStatus:
    """The objects of each Application with their health.

    ``skipped`` are the kinds that could not be listed: nothing is known about their objects.
    ``waits_for_discovery`` says that a definition is not served yet, so the facts this was read
    with will be out of date soon.
    """

    resources: Mapping[str, Sequence[ResourceStatus]]
    skipped: tuple[Skipped, ...] = ()
    stats: ListStats = field(default_factory=ListStats)
    waits_for_discovery: bool = False


def read_status(
    connection: Connection,
    facts: ClusterFacts,
    *,
    stack: str,
    rules: UserRules | None = None,
    label_selector: str = APPLICATION_LABEL,
    now: datetime | None = None,
    listing: Listing | None = None,
) -> LiveStatus:
    """Read what the stack has applied and judge it.

    Args:
        connection: the API server.
        facts: what it serves.
        stack: the stack whose objects count; several may share a cluster.
        rules: the user's own health scripts.
        label_selector: which of our objects; all when not given.
        now: the clock of time-dependent rules; the machine's when not given.
        listing: our objects, where they have been listed already.

    Raises:
        ClusterError: the server does not answer, or refuses for another reason than one kind.
    """
    listing = listing or _list_owned(connection, facts, rules, label_selector)
    owned = owned_by_application(listing.objects, stack=stack)
    ours = _judge(connection, facts, [body for each in owned.values() for body in each], rules, now)
    around = _list_around(connection, facts, wanted(ours.values()))
    explained = _explained(ours, around.objects, rules, now)
    return LiveStatus(
        resources={
            application: tuple(explained[live_key(body)] for body in bodies)
            for application, bodies in owned.items()
        },
        skipped=listing.skipped,
        stats=listing.stats + around.stats,
        waits_for_discovery=any(
            is_definition(key.group, key.kind) and health.status is not HealthStatus.HEALTHY
            for key, (_, health) in ours.items()
        ),
    )


def _list_owned(
    connection: Connection, facts: ClusterFacts, rules: UserRules | None, label_selector: str
) -> Listing:
    return list_queries(
        connection,
        [
            Query(
                resource=each,
                label_selector=label_selector,
                metadata_only=metadata_suffices(each.group, each.kind, rules),
                managed_fields=False,
            )
            for each in listable(facts.resources)
            if is_applied(each.group, each.kind)
        ],
    )


def _judge(
    connection: Connection,
    facts: ClusterFacts,
    bodies: Sequence[Live],
    rules: UserRules | None,
    now: datetime | None,
) -> dict[ResourceKey, tuple[Live, Health]]:
    """Each object with its health; a definition that is not served is read whole for its reason."""
    served = {f"{each.plural}.{each.group}" for each in facts.resources}
    known: dict[ResourceKey, tuple[Live, Health]] = {}
    others: dict[ResourceKey, Live] = {}
    for body in bodies:
        key = live_key(body)
        others[key] = body
        if is_definition(key.group, key.kind) and "spec" not in body:
            if key.name in served and not body["metadata"].get("deletionTimestamp"):
                known[key] = (others.pop(key), healthy())
            elif whole := _whole(connection, facts, key):
                others[key] = whole
    healths = assess_all(others.values(), now=now, rules=rules)
    found = zip(others.values(), healths, strict=True)
    return known | dict(zip(others, found, strict=True))


def _whole(connection: Connection, facts: ClusterFacts, key: ResourceKey) -> Live | None:
    resource = facts.find(key.group, key.kind)
    return get(connection, resource, key) if resource else None


def _list_around(connection: Connection, facts: ClusterFacts, asked: Iterable[Wanted]) -> Listing:
    """What explains the unhealthy; a kind that is not served explains nothing."""
    queries = []
    for each in asked:
        resource = facts.find(each.group, each.kind)
        if resource is not None:
            queries.append(Query(resource=resource, namespace=each.namespace, managed_fields=False))
    return list_queries(connection, queries) if queries else Listing(objects=[])


def _explained(
    ours: Mapping[ResourceKey, tuple[Live, Health]],
    around: Sequence[Live],
    rules: UserRules | None,
    now: datetime | None,
) -> dict[ResourceKey, ResourceStatus]:
    """Each object with the root cause and the children that the second round found."""
    relatives = [body for body in around if not _is_event(body)]
    events = [body for body in around if _is_event(body)]
    found = zip(relatives, assess_all(relatives, now=now, rules=rules), strict=True)
    healths = {id(body): health for body, health in [*ours.values(), *found]}
    known = family(relatives, events)
    return {
        key: resource_status(body, health, known, assess=lambda live: healths[id(live)])
        for key, (body, health) in ours.items()
    }


def _is_event(body: Live) -> bool:
    return bool(body["kind"] == "Event")
