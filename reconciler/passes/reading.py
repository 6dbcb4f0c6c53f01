"""What does the cluster hold of a stack, read in one LIST per kind?

Called by the pass: the same objects are compared with Git and judged for health. Definitions come
as metadata alone, they are most of the bytes of a cluster; the comparison reads those it has to.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any

from cluster.connection import Connection
from cluster.discovery import ApiResource, ClusterFacts
from cluster.limited_listing import list_within
from cluster.listing import Listing, ListStats, Query, Skipped, listable
from cluster.live_status import LiveStatus, read_status
from cluster.objects import get
from gitops.health import HealthStatus, UserRules
from gitops.objects.manifest import Manifest, ResourceKey
from gitops.objects.orphans import LiveObject
from gitops.objects.ownership import APPLICATION_LABEL, label_value
from gitops.rights.limits import Limits
from gitops.status.reading import is_applied, is_definition, is_settled
from gitops.status.resource import ResourceStatus
from gitops.target import Target
from reconciler.passes.kept import Kept, KnownObject

Kind = tuple[str, str]
WORKERS = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveState:
    """What carries our label.

    ``statuses`` are the objects of each Application with their health; ``unlisted`` the kinds
    nothing is known about; ``outdated`` says that discovery has to be asked again.
    """

    objects: Mapping[ResourceKey, Mapping[str, Any]]
    owned: Sequence[LiveObject]
    statuses: Mapping[str, Sequence[ResourceStatus]]
    skipped: tuple[Skipped, ...] = ()
    stats: ListStats = field(default_factory=ListStats)
    outdated: bool = False

    @property
    def unlisted(self) -> frozenset[Kind]:
        """The kinds that could not be listed."""
        return frozenset((each.resource.group, each.resource.kind) for each in self.skipped)


def read_live(
    connection: Connection,
    facts: ClusterFacts,
    target: Target,
    *,
    stack: str,
    rules: UserRules | None = None,
    applications: Collection[str] = (),
    kinds: Collection[Kind] = (),
    limits: Limits | None = None,
    kept: Kept | None = None,
) -> LiveState:
    """List what carries our label.

    Args:
        connection: the API server.
        facts: what it serves.
        target: decides in which version each kind is read.
        stack: whose objects count for health.
        rules: the user's own health scripts.
        applications: only these; all when empty.
        kinds: only these; all when empty.
        limits: where to look, if not everywhere.
        kept: what earlier passes have read.

    Raises:
        ClusterError: the server does not answer, or refuses for another reason than one kind.
    """
    queries = _queries(facts, _chosen(facts, target), applications, kinds)
    listing = list_within(connection, queries, limits, known=kept.items if kept else None)
    known = [_known(body, kept, rules) for body in listing.objects]
    unsettled = Listing(
        objects=[
            body for body, each in zip(listing.objects, known, strict=True) if not each.status
        ],
        skipped=listing.skipped,
        stats=listing.stats,
    )
    found = read_status(connection, facts, stack=stack, rules=rules, listing=unsettled)
    if kept:
        kept.keep_objects(_settled(known, found, rules))
    return LiveState(
        objects={each.live.key: each.live.body for each in known},
        owned=[each.live for each in known],
        statuses=_statuses(known, found),
        skipped=listing.skipped,
        stats=found.stats,
        outdated=found.waits_for_discovery,
    )


def _queries(
    facts: ClusterFacts,
    chosen: Mapping[Kind, ApiResource],
    applications: Collection[str],
    kinds: Collection[Kind],
) -> list[Query]:
    selector = APPLICATION_LABEL
    if applications:
        selector += f" in ({','.join(sorted(label_value(name) for name in applications))})"
    return [
        Query(
            resource=chosen.get((each.group, each.kind), each),
            label_selector=selector,
            metadata_only=is_definition(each.group, each.kind),
        )
        for each in listable(facts.resources)
        if is_applied(each.group, each.kind) and (not kinds or (each.group, each.kind) in kinds)
    ]


def _known(body: Mapping[str, Any], kept: Kept | None, rules: UserRules | None) -> KnownObject:
    found = kept.object(body) if kept else None
    if found is None:
        return KnownObject(live=LiveObject.from_body(body))
    if found.status is not None and not _is_settled(found.status, rules):
        return replace(found, application=None, status=None)
    return found


def _is_settled(status: ResourceStatus, rules: UserRules | None) -> bool:
    healthy = status.health.status is HealthStatus.HEALTHY
    return healthy and is_settled(status.key.group, status.key.kind, rules)


def _settled(
    known: Iterable[KnownObject], found: LiveStatus, rules: UserRules | None
) -> Iterator[KnownObject]:
    """What is known of the objects by now, with the health of those that only a change of them or
    of the rules can make another."""
    judged = {
        each.key: (name, each)
        for name, several in found.resources.items()
        for each in several
        if _is_settled(each, rules)
    }
    for each in known:
        if each.status is not None:
            continue  # it is kept already
        if (now := judged.get(each.live.key)) is None:
            yield each
        else:
            yield replace(each, application=now[0], status=now[1])


def _statuses(known: Iterable[KnownObject], found: LiveStatus) -> dict[str, list[ResourceStatus]]:
    statuses = {name: list(several) for name, several in found.resources.items()}
    for each in known:
        if each.application is not None and each.status is not None:
            statuses.setdefault(each.application, []).append(each.status)
    return statuses


def read_each(
    connection: Connection, facts: ClusterFacts, manifests: Iterable[Manifest]
) -> dict[ResourceKey, dict[str, Any]]:
    """Objects one by one, each in the version Git has it in; one that is not there is left out.

    Raises:
        ClusterError: the server does not answer or refuses.
    """

    def one(manifest: Manifest) -> dict[str, Any] | None:
        resource = resource_of(facts, manifest)
        return get(connection, resource, manifest.key) if resource else None

    asked = list(manifests)
    if not asked:
        return {}
    with ThreadPoolExecutor(WORKERS) as pool:
        found = zip(asked, pool.map(one, asked), strict=True)
        return {manifest.key: live for manifest, live in found if live is not None}


def find_each(
    connection: Connection, facts: ClusterFacts, keys: Collection[ResourceKey]
) -> dict[ResourceKey, dict[str, Any]]:
    """Objects one by one, each in the version the server prefers; what is not there is left out.

    Raises:
        ClusterError: the server does not answer or refuses.
    """

    def one(key: ResourceKey) -> dict[str, Any] | None:
        resource = facts.find(key.group, key.kind)
        return get(connection, resource, key) if resource else None

    if not keys:
        return {}
    with ThreadPoolExecutor(WORKERS) as pool:
        found = zip(keys, pool.map(one, keys), strict=True)
        return {key: live for key, live in found if live is not None}


def resource_of(facts: ClusterFacts, manifest: Manifest) -> ApiResource | None:
    """The kind of an object in the version Git has it in; None where that is not served."""
    key, version = manifest.key, manifest.api_version.rpartition("/")[2]
    preferred = facts.find(key.group, key.kind)
    if preferred is None or preferred.version == version:
        return preferred
    return next(
        (
            each
            for each in facts.resources
            if (each.group, each.kind, each.version) == (key.group, key.kind, version)
        ),
        None,
    )


def _chosen(facts: ClusterFacts, target: Target) -> dict[Kind, ApiResource]:
    """The kinds no object of which Git has in the version the server prefers."""
    used: dict[Kind, set[str]] = {}
    example: dict[Kind, Manifest] = {}
    for application in target.applications:
        for manifest in application.manifests:
            kind = (manifest.key.group, manifest.key.kind)
            used.setdefault(kind, set()).add(manifest.api_version)
            example[kind] = manifest
    found: dict[Kind, ApiResource] = {}
    for kind, versions in used.items():
        preferred = facts.find(*kind)
        if preferred is not None and preferred.api_version not in versions:
            resource = resource_of(facts, example[kind])
            if resource is not None and "list" in resource.verbs:
                found[kind] = resource
    return found
