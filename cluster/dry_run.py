"""Would applying an object change anything?

Asked about the few objects whose fields seem to differ: only the API server knows all of its
defaults and conversions, and what its admission does. A server-side apply with ``dryRun=All``
(Kubernetes, "Server-Side Apply" and "Dry-run") answers what the object would be; nothing is
written.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from dataclasses import replace as changed
from typing import Any

from cluster.connection import Connection, StatusError
from cluster.discovery import ApiResource
from gitops.objects.manifest import ResourceKey, annotations_of

APPLY = "application/apply-patch+yaml"
WORKERS = 8
_STEERING = "pulumi.com/"
# What differs between any two writes of one object, or is its controllers' own.
_NOISE = frozenset(
    {"creationTimestamp", "generation", "managedFields", "resourceVersion", "selfLink", "uid"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Suspect:
    """An object to ask about.

    Args:
        key: its identity.
        resource: its kind.
        body: what a sync would apply.
        live: the object as it is.
        user: as whom a sync would apply it, if not as who connects.
    """

    key: ResourceKey
    resource: ApiResource
    body: Mapping[str, Any] = field(hash=False)
    live: Mapping[str, Any] = field(hash=False)
    user: str = ""


def innocent(
    connection: Connection, suspects: Sequence[Suspect], *, manager: str
) -> frozenset[ResourceKey]:
    """The suspects that a sync would leave exactly as they are; asked in parallel.

    Args:
        connection: the API server.
        suspects: objects that seem to differ.
        manager: our field manager.

    Raises:
        UnreachableError: the server does not answer. A refusal is no answer: whatever the sync says
            about the object then is better than what can be said here.
    """
    if not suspects:
        return frozenset()
    with ThreadPoolExecutor(WORKERS) as pool:
        found = pool.map(lambda each: _changes_nothing(connection, each, manager), suspects)
        pairs = zip(suspects, found, strict=True)
        return frozenset(each.key for each, nothing in pairs if nothing)


def _changes_nothing(connection: Connection, suspect: Suspect, manager: str) -> bool:
    version = str(suspect.body["apiVersion"]).rpartition("/")[2]
    resource = changed(suspect.resource, version=version)
    path = resource.path(namespace=suspect.key.namespace, name=suspect.key.name)
    try:
        result = connection.acting_as(suspect.user).patch(
            path,
            json.dumps(_steered(suspect.body, suspect.live)).encode(),
            content_type=APPLY,
            params={"dryRun": "All", "fieldManager": manager, "force": "true"},
        )
    except StatusError:
        return False
    return _comparable(result) == _comparable(suspect.live)


def _steered(body: Mapping[str, Any], live: Mapping[str, Any]) -> dict[str, Any]:
    """The body with the annotations a sync adds for the provider: without them they would seem to
    be taken away."""
    steering = {n: v for n, v in annotations_of(live).items() if n.startswith(_STEERING)}
    metadata = dict(body["metadata"])
    metadata["annotations"] = {**annotations_of(body), **steering}
    return {**body, "metadata": metadata}


def _comparable(body: Mapping[str, Any]) -> dict[str, Any]:
    kept = {name: value for name, value in body.items() if name != "status"}
    kept["metadata"] = {n: v for n, v in body["metadata"].items() if n not in _NOISE}
    return kept
