"""Which objects does the cluster hold?

Called by whoever compares, counts, prunes or judges: one LIST per kind, never one request per
object. The caller says which kinds (all of ``ClusterFacts.resources``, or those it knows an
Application has).
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cluster.connection import Connection, StatusError, decode
from cluster.discovery import ApiResource

if TYPE_CHECKING:
    from cluster.known_items import KnownItems

METADATA_ONLY = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
PAGE = 500
WORKERS = 8
# Forbidden; gone since discovery; no LIST after all; the aggregated server behind it is down.
_SKIPPED_CODES = frozenset({403, 404, 405, 503})
_EXPIRED = 410


@dataclass(frozen=True, slots=True, kw_only=True)
class Skipped:
    """A kind that could not be listed, and why; nothing is known about its objects."""

    resource: ApiResource
    code: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """One LIST: of which kind, where, and which of its objects.

    Selectors are in Kubernetes' syntax. ``metadata_only`` leaves out everything but apiVersion,
    kind and metadata; ``managed_fields`` keeps the record of who wrote which field, which is often
    the larger half of an object.
    """

    resource: ApiResource
    namespace: str = ""
    label_selector: str = ""
    field_selector: str = ""
    metadata_only: bool = False
    managed_fields: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class ListStats:
    """What a listing cost."""

    requests: int = 0
    size: int = 0
    seconds: float = 0.0

    def __add__(self, other: ListStats) -> ListStats:
        return ListStats(
            requests=self.requests + other.requests,
            size=self.size + other.size,
            seconds=self.seconds + other.seconds,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """Live objects, each with its apiVersion and kind, in the order of the kinds asked for."""

    objects: list[dict[str, Any]]
    skipped: tuple[Skipped, ...] = ()
    stats: ListStats = ListStats()


@dataclass(slots=True)
class _Answer:
    """The pages of one LIST, as they come in."""

    objects: list[dict[str, Any]]
    skipped: Skipped | None = None
    requests: int = 0
    size: int = 0


def list_objects(
    connection: Connection,
    resources: Iterable[ApiResource],
    *,
    label_selector: str = "",
    metadata_only: bool = False,
    workers: int = WORKERS,
) -> Listing:
    """List kinds across all namespaces, in parallel and in pages.

    A kind given in several versions is listed once, and one that cannot be listed or created not
    at all (see ``listable``).

    Args:
        connection: the API server.
        resources: the kinds.
        label_selector: only objects with these labels, in Kubernetes' syntax.
        metadata_only: leave out everything but apiVersion, kind and metadata.
        workers: how many requests may be under way at once.

    Returns:
        The objects, and as ``skipped`` the kinds the server would not list: absence of an object
        proves nothing there.

    Raises:
        ClusterError: the server does not answer, or refuses for another reason than one kind.
    """
    queries = [
        Query(resource=each, label_selector=label_selector, metadata_only=metadata_only)
        for each in listable(resources)
    ]
    return list_queries(connection, queries, workers=workers)


def list_queries(
    connection: Connection,
    queries: Iterable[Query],
    *,
    workers: int = WORKERS,
    known: KnownItems | None = None,
) -> Listing:
    """Several LISTs at once; result and errors are those of ``list_objects``.

    Args:
        connection: the API server.
        queries: what to list.
        workers: how many requests may be under way at once.
        known: the items of earlier lists; what has not changed is the very same value.
    """
    started = time.perf_counter()
    with ThreadPoolExecutor(workers) as pool:
        answers = list(pool.map(lambda query: _list(connection, query, known), queries))
    return Listing(
        objects=[item for answer in answers for item in answer.objects],
        skipped=tuple(answer.skipped for answer in answers if answer.skipped),
        stats=ListStats(
            requests=sum(answer.requests for answer in answers),
            size=sum(answer.size for answer in answers),
            seconds=time.perf_counter() - started,
        ),
    )


def listable(resources: Iterable[ApiResource]) -> Iterator[ApiResource]:
    """Each kind whose objects can be applied and listed, once: in its preferred version if given.

    Kinds nobody can create (ComponentStatus, the metrics API) are the server's own answers.
    """
    chosen: dict[tuple[str, str], ApiResource] = {}
    for resource in resources:
        key = (resource.group, resource.kind)
        if resource.verbs >= {"list", "create"} and (key not in chosen or resource.preferred):
            chosen[key] = resource
    yield from chosen.values()


def _list(connection: Connection, query: Query, known: KnownItems | None) -> _Answer:
    selectors = {"labelSelector": query.label_selector, "fieldSelector": query.field_selector}
    parameters = {name: value for name, value in selectors.items() if value}
    answer = _Answer([])
    try:
        _read_pages(connection, query, {**parameters, "limit": PAGE}, answer, known)
    except StatusError as error:
        if error.code == _EXPIRED:
            # The snapshot of the first page is compacted away: take all in one (client-go's pager).
            answer.objects.clear()
            _read_pages(connection, query, parameters, answer, known)
        elif error.code in _SKIPPED_CODES:
            answer.objects.clear()
            answer.skipped = Skipped(resource=query.resource, code=error.code, reason=error.reason)
        else:
            raise
    return answer


def _read_pages(
    connection: Connection,
    query: Query,
    parameters: Mapping[str, str | int],
    answer: _Answer,
    known: KnownItems | None,
) -> None:
    path = query.resource.path(namespace=query.namespace)
    accept = f"{METADATA_ONLY},application/json" if query.metadata_only else "application/json"
    token = ""
    while True:
        asked = {**parameters, "continue": token} if token else parameters
        body = connection.get_bytes(path, asked, accept=accept)
        answer.requests += 1
        answer.size += len(body)
        items, metadata = _page(body, query, known)
        answer.objects += items
        token = metadata.get("continue") or ""
        if not token:
            return


def _page(
    body: bytes, query: Query, known: KnownItems | None
) -> tuple[list[dict[str, Any]], Mapping[str, Any]]:
    """The items of a page, and the list's own metadata."""

    def typed(item: dict[str, Any]) -> dict[str, Any]:
        if not query.managed_fields:
            item["metadata"].pop("managedFields", None)
        # Items of a list carry no type of their own, or that of the metadata-only form.
        resource = query.resource
        return {**item, "apiVersion": resource.api_version, "kind": resource.kind}

    if known is not None:
        resource = query.resource
        how = f"metadata={query.metadata_only} managed={query.managed_fields}"
        return known.page(f"{resource.api_version} {resource.kind} {how}", body, typed)
    page = decode(body)
    return [typed(item) for item in page.get("items") or ()], page.get("metadata") or {}
