"""How is an object written other than by applying it?

Called by the program's hooks for objects whose sync options ask for it. The provider does all other
writing.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace as changed
from http import HTTPStatus
from typing import Any

from cluster.connection import Connection, StatusError
from cluster.discovery import ApiResource

STRICT_DECODING = "strict decoding error"


def put(
    connection: Connection,
    resource: ApiResource,
    body: Mapping[str, Any],
    live: Mapping[str, Any],
    *,
    manager: str,
    validate: bool,
) -> None:
    """Replace a live object by a manifest, as ``kubectl replace`` does: what is not in the manifest
    is gone, whoever set it.

    Args:
        connection: the API server.
        resource: the object's kind.
        body: the manifest.
        live: the object as it is now; if it changes before the request arrives, that is refused.
        manager: who the fields belong to then.
        validate: whether fields the schema does not have are refused, or dropped.

    Raises:
        ClusterError: the server does not answer or refuses.
    """
    version = live["metadata"]["resourceVersion"]
    sent = {**body, "metadata": {**body["metadata"], "resourceVersion": version}}
    params = {"fieldManager": manager, "fieldValidation": "Strict" if validate else "Ignore"}
    connection.put(_path(resource, body), json.dumps(sent).encode(), params=params)


def unknown_fields(
    connection: Connection, resource: ApiResource, body: Mapping[str, Any], *, exists: bool
) -> str:
    """What the API server says about fields its schema does not have; empty where it has them all.

    Any other refusal is left to the request that does the writing.

    Raises:
        UnreachableError: the server does not answer.
    """
    content = json.dumps(body).encode()
    params = {"dryRun": "All", "fieldValidation": "Strict"}
    path = _path(resource, body)
    try:
        if exists:
            kind = "application/merge-patch+json"
            connection.patch(path, content, content_type=kind, params=params)
        else:
            connection.post(path.rpartition("/")[0], content, params=params)
    except StatusError as error:
        message = str(error.status.get("message", ""))
        return message[message.index(STRICT_DECODING) :] if STRICT_DECODING in message else ""
    return ""


def label(
    connection: Connection,
    resource: ApiResource,
    body: Mapping[str, Any],
    labels: Mapping[str, str | None],
    *,
    manager: str,
) -> None:
    """Set labels of a live object, or remove those whose value is None.

    Raises:
        ClusterError: the server does not answer or refuses.
    """
    connection.patch(
        _path(resource, body),
        json.dumps({"metadata": {"labels": dict(labels)}}).encode(),
        content_type="application/merge-patch+json",
        params={"fieldManager": manager},
    )


def refuses_apply(
    connection: Connection, resource: ApiResource, body: Mapping[str, Any], *, manager: str
) -> bool:
    """Whether the API server calls an object invalid that is applied over the one it has; what
    makes ``kubectl apply --force`` delete it.

    Raises:
        UnreachableError: the server does not answer.
    """
    params = {"dryRun": "All", "fieldManager": manager, "force": "true"}
    try:
        connection.patch(
            _path(resource, body),
            json.dumps(body).encode(),
            content_type="application/apply-patch+yaml",
            params=params,
        )
    except StatusError as error:
        return error.code == HTTPStatus.UNPROCESSABLE_ENTITY
    return False


def _path(resource: ApiResource, body: Mapping[str, Any]) -> str:
    metadata = body["metadata"]
    served = changed(resource, version=str(body["apiVersion"]).rpartition("/")[2])
    return served.path(namespace=metadata.get("namespace") or "", name=metadata["name"])
