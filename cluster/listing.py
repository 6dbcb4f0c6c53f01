"""Which objects does the cluster hold?

Called by whoever compares, counts or prunes: one LIST per kind, never one request per object. The
caller says which kinds (all of ``ClusterFacts.resources``, or those it knows an Application has).
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from cluster.connection import Connection, StatusError, decode
from cluster.discovery import ApiResource

METADATA_ONLY = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
PAGE = 500
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
class ListStats:
    """What a listing cost."""

    requests: int = 0
    size: int = 0
    seconds: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """Live objects, each with its apiVersion and kind, in the order of the kinds asked for."""

    objects: list[dict[str, Any]]
    skipped: tuple[Skipped, ...] = ()
    stats: ListStats = ListStats()


@dataclass(slots=True)
class _OneKind:
    """The pages of one kind, as they come in."""

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
    workers: int = 8,
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
    started = time.perf_counter()
    parameters = {"labelSelector": label_selector} if label_selector else {}
    accept = f"{METADATA_ONLY},application/json" if metadata_only else "application/json"

    def one(resource: ApiResource) -> _OneKind:
        return _list_kind(connection, resource, parameters, accept)

    with ThreadPoolExecutor(workers) as pool:
        kinds = list(pool.map(one, listable(resources)))
    return Listing(
        objects=[item for kind in kinds for item in kind.objects],
        skipped=tuple(kind.skipped for kind in kinds if kind.skipped),
        stats=ListStats(
            requests=sum(kind.requests for kind in kinds),
            size=sum(kind.size for kind in kinds),
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


def _list_kind(
    connection: Connection, resource: ApiResource, parameters: Mapping[str, str], accept: str
) -> _OneKind:
    kind = _OneKind([])
    try:
        _read_pages(connection, resource, {**parameters, "limit": PAGE}, accept, kind)
    except StatusError as error:
        if error.code == _EXPIRED:
            # The snapshot of the first page is compacted away: take all in one (client-go's pager).
            kind.objects.clear()
            _read_pages(connection, resource, parameters, accept, kind)
        elif error.code in _SKIPPED_CODES:
            kind.objects.clear()
            kind.skipped = Skipped(resource=resource, code=error.code, reason=error.reason)
        else:
            raise
    return kind


def _read_pages(
    connection: Connection,
    resource: ApiResource,
    parameters: Mapping[str, str | int],
    accept: str,
    kind: _OneKind,
) -> None:
    token = ""
    while True:
        query = {**parameters, "continue": token} if token else parameters
        body = connection.get_bytes(resource.path(), query, accept=accept)
        kind.requests += 1
        kind.size += len(body)
        page = decode(body)
        for item in page.get("items") or ():
            # Items of a list carry no type of their own, or that of the metadata-only form.
            kind.objects.append({**item, "apiVersion": resource.api_version, "kind": resource.kind})
        token = (page.get("metadata") or {}).get("continue") or ""
        if not token:
            return
