"""What do some objects, whose names are known, look like now?

Called by gates, which ask again and again, and by passes: kinds with several of the objects are
listed within their namespace, single objects are read one by one.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from cluster.connection import Connection
from cluster.discovery import ApiResource
from cluster.objects import get
from gitops.objects.manifest import ResourceKey
from gitops.objects.ownership import live_key

FEW = 3
WORKERS = 4


def read_objects(
    connection: Connection,
    resources: Mapping[ResourceKey, ApiResource],
    *,
    label_selector: str,
) -> dict[ResourceKey, dict[str, Any]]:
    """The live objects by key; one that is not there is left out.

    Args:
        connection: the API server.
        resources: the objects, each with its kind as the server serves it.
        label_selector: what all of them are labelled with.

    Raises:
        ClusterError: the server does not answer or refuses.
    """
    groups: dict[tuple[ApiResource, str], list[ResourceKey]] = defaultdict(list)
    for key, resource in resources.items():
        groups[resource, key.namespace].append(key)

    def one(group: tuple[tuple[ApiResource, str], list[ResourceKey]]) -> Iterable[dict[str, Any]]:
        (resource, namespace), keys = group
        if len(keys) > FEW:
            return _listed(connection, resource, namespace, label_selector)
        return [live for key in keys if (live := get(connection, resource, key)) is not None]

    with ThreadPoolExecutor(WORKERS) as pool:
        found = [live for lives in pool.map(one, groups.items()) for live in lives]
    return {key: live for live in found if (key := live_key(live)) in resources}


def _listed(
    connection: Connection, resource: ApiResource, namespace: str, label_selector: str
) -> list[dict[str, Any]]:
    page = connection.get(resource.path(namespace=namespace), {"labelSelector": label_selector})
    # items of a list carry no type of their own
    kind = {"apiVersion": resource.api_version, "kind": resource.kind}
    return [{**item, **kind} for item in page.get("items") or ()]
