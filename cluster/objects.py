"""What does one object look like, and how is it deleted?

Called where a LIST is too much: reading a single object, and removing an orphan whose identity the
caller has just proved.
"""

from __future__ import annotations

import json
from enum import StrEnum
from typing import Any

from cluster.connection import Connection, StatusError
from cluster.discovery import ApiResource
from gitops.errors import ClusterError
from gitops.objects.manifest import ResourceKey

_NOT_FOUND = 404
_CONFLICT = 409


class Propagation(StrEnum):
    """What happens to the objects a deleted one owns (Kubernetes, "Garbage Collection")."""

    BACKGROUND = "Background"
    FOREGROUND = "Foreground"
    ORPHAN = "Orphan"


def get(connection: Connection, resource: ApiResource, key: ResourceKey) -> dict[str, Any] | None:
    """The live object, None when there is none.

    Raises:
        ClusterError: the server does not answer or refuses.
    """
    try:
        live = connection.get(resource.path(namespace=key.namespace, name=key.name))
    except StatusError as error:
        if error.code == _NOT_FOUND:
            return None
        raise
    return dict(live)


def delete(
    connection: Connection,
    resource: ApiResource,
    key: ResourceKey,
    *,
    uid: str,
    propagation: Propagation = Propagation.BACKGROUND,
) -> bool:
    """Delete the object with this uid, and no other that has taken its name since.

    Returns:
        True when the deletion was accepted (finalizers may keep the object for a while), False
        when there was nothing to delete any more.

    Raises:
        ClusterError: another object has the name now, or the server does not answer or refuses.
    """
    options = {
        "apiVersion": "v1",
        "kind": "DeleteOptions",
        "propagationPolicy": propagation.value,
        "preconditions": {"uid": uid},
    }
    path = resource.path(namespace=key.namespace, name=key.name)
    try:
        connection.delete(path, json.dumps(options).encode())
    except StatusError as error:
        if error.code == _NOT_FOUND:
            return False
        if error.code == _CONFLICT:
            raise ClusterError(
                str(key),
                f"not deleted, it is no longer the object with uid {uid}",
                remedy="look at what replaced it, then run again",
            ) from error
        raise
    return True
