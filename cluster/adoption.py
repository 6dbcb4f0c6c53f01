"""How does a live object change its owner, and how does it go back?

Called by ``gitops adopt``. What would change is asked of the API server with dry runs; what is
written is metadata alone, in two requests that are refused when the object has changed since it was
read: our marks in place of the former managers', then the record of who owns which field.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from cluster.connection import Connection, StatusError
from cluster.discovery import ApiResource
from cluster.dry_run import APPLY
from gitops.adoption.backup import Saved, former_managed_fields, restored
from gitops.adoption.fields import LeftField
from gitops.adoption.plan import Adoption, lost_fields, managed_fields, marked
from gitops.adoption.tracking import TEMPORARY
from gitops.errors import ClusterError, OwnershipError
from gitops.ignoring.json_paths import pointer
from gitops.ignoring.partial import FIELD_MANAGER
from gitops.objects.manifest import ResourceKey

JSON_PATCH = "application/json-patch+json"
ATTEMPTS = 5
CONFLICT = 409
Live = Mapping[str, Any]


def try_apply(
    connection: Connection, resource: ApiResource, key: ResourceKey, body: Mapping[str, Any]
) -> dict[str, Any]:
    """What an object would be after a sync; nothing is written.

    Raises:
        OwnershipError: the API server refuses what Git says of the object.
        UnreachableError: the server does not answer.
    """
    try:
        result = connection.patch(
            _path(resource, key),
            json.dumps(body).encode(),
            content_type=APPLY,
            params={"dryRun": "All", "fieldManager": FIELD_MANAGER, "force": "true"},
        )
    except StatusError as error:
        raise OwnershipError(
            str(key),
            f"the API server refuses what Git says of it: {error.status.get('message', error)}",
            remedy="correct it in Git, or delete the object where it has to be made anew",
        ) from error
    return dict(result)


def try_without(
    connection: Connection, resource: ApiResource, key: ResourceKey, fields: Sequence[LeftField]
) -> dict[str, Any] | None:
    """What an object would be without some fields: defaults come back. None where the API server
    does not let them go.

    Raises:
        UnreachableError: the server does not answer.
    """
    # from the end, so that the items of a list do not shift before they are removed
    paths = sorted({each.path for each in fields}, reverse=True)
    patch = [{"op": "remove", "path": pointer(path)} for path in paths]
    try:
        result = connection.patch(
            _path(resource, key),
            json.dumps(patch).encode(),
            content_type=JSON_PATCH,
            params={"dryRun": "All", "fieldManager": TEMPORARY},
        )
    except StatusError:
        return None
    return dict(result)


def take_over(
    connection: Connection,
    resource: ApiResource,
    adoption: Adoption,
    again: Callable[[ResourceKey], Adoption | None],
) -> dict[str, Any] | None:
    """Make an object ours.

    Args:
        connection: the API server.
        resource: the object's kind.
        adoption: what is to be done.
        again: looks at an object that has changed in the meantime; None where nothing is left to
            do.

    Returns:
        The object as the API server has it then; None where there was nothing to do.

    Raises:
        OwnershipError: it may not be adopted any more, or a field would have been lost.
        ClusterError: the server does not answer or refuses, or others keep writing to the object.
    """
    current: Adoption | None = adoption
    for _ in range(ATTEMPTS):
        if current is None:
            return None
        if current.problem is not None:
            raise current.problem
        changed = _edit(connection, resource, current.key, current.live, marked(current))
        if changed is not None:
            return _with_managers(
                connection,
                resource,
                current.key,
                changed,
                partial(managed_fields, current),
            )
        current = again(current.key)
    raise _busy(adoption.key)


def give_back(
    connection: Connection,
    resource: ApiResource,
    saved: Saved,
    read: Callable[[], Live | None],
) -> dict[str, Any]:
    """Return an object to its former managers.

    Args:
        connection: the API server.
        resource: its kind, in the version it was saved in.
        saved: how it was.
        read: the object as it is now.

    Raises:
        OwnershipError: it is not there any more, or another object has its name.
        ClusterError: the server does not answer or refuses, or others keep writing to the object.
    """
    for _ in range(ATTEMPTS):
        live = read()
        if live is None or live["metadata"]["uid"] != saved.uid:
            raise OwnershipError(
                str(saved.key),
                "is no longer the object that was adopted",
                remedy="nothing is to be given back; remove it from the backup",
            )
        changed = _edit(connection, resource, saved.key, live, restored(saved, live))
        if changed is not None:
            return _with_managers(
                connection,
                resource,
                saved.key,
                changed,
                partial(former_managed_fields, saved),
            )
    raise _busy(saved.key)


def lost(before: Live, after: Live) -> list[str]:
    """The fields of an object that another state of it does not have, as JSON pointers; values,
    status and what the API server decides aside."""
    return [pointer(path) for path in lost_fields(_content(before), _content(after))]


def _edit(
    connection: Connection, resource: ApiResource, key: ResourceKey, live: Live, wanted: Live
) -> dict[str, Any] | None:
    """Give an object these labels and annotations; None where it has changed since it was read."""
    metadata = wanted["metadata"]
    patch = [_unchanged(live)]
    for name in ("labels", "annotations"):
        value = metadata.get(name) or {}
        if value != (live["metadata"].get(name) or {}):
            patch.append({"op": "add", "path": f"/metadata/{name}", "value": value})
    result = _patched(connection, resource, key, patch)
    gone = lost(wanted, result) if result else []
    if gone:
        raise OwnershipError(
            str(key),
            f"{', '.join(gone)} went when its labels and annotations were changed",
            remedy="something in the cluster (a webhook) changes such objects; look at it, and go "
            "back with `gitops adopt --undo`",
        )
    return result


def _with_managers(
    connection: Connection,
    resource: ApiResource,
    key: ResourceKey,
    live: Live,
    managers: Callable[[Live], list[dict[str, Any]]],
) -> dict[str, Any]:
    """Write down who owns what."""
    current = live
    for _ in range(ATTEMPTS):
        value = managers(current)
        change = {"op": "replace", "path": "/metadata/managedFields", "value": value}
        result = _patched(connection, resource, key, [_unchanged(current), change])
        if result is not None:
            return result
        current = dict(connection.get(_path(resource, key)))
    raise _busy(key)


def _patched(
    connection: Connection, resource: ApiResource, key: ResourceKey, patch: Sequence[Any]
) -> dict[str, Any] | None:
    try:
        return dict(
            connection.patch(
                _path(resource, key),
                json.dumps(patch).encode(),
                content_type=JSON_PATCH,
                params={"fieldManager": TEMPORARY},
            )
        )
    except StatusError as error:
        if error.code == CONFLICT:
            return None
        raise


def _unchanged(live: Live) -> dict[str, Any]:
    # the API server refuses an object with another version than its own (409)
    version = live["metadata"]["resourceVersion"]
    return {"op": "replace", "path": "/metadata/resourceVersion", "value": version}


def _content(body: Live) -> dict[str, Any]:
    metadata = {
        name: value
        for name, value in body["metadata"].items()
        if value and name in ("labels", "annotations", "finalizers", "ownerReferences")
    }
    kept = {name: value for name, value in body.items() if name != "status"}
    return {**kept, "metadata": metadata}


def _busy(key: ResourceKey) -> ClusterError:
    return ClusterError(
        str(key),
        "others wrote to it each time it was to be changed",
        remedy="find out who does (its managedFields), then run again",
    )


def _path(resource: ApiResource, key: ResourceKey) -> str:
    return resource.path(namespace=key.namespace, name=key.name)
