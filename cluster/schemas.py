"""What do objects of a kind look like, as the API server itself says?

Asked for the versions of objects that a run would create or change, and for no others: each version
is one document, fetched once. Source: Kubernetes, "The Kubernetes API" (OpenAPI V3).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cluster.connection import Connection
from gitops.errors import ClusterError
from gitops.objects.known_fields import Schema

INDEX = "/openapi/v3"
_KINDS = "x-kubernetes-group-version-kind"


class Schemas:
    """The schemas of one API server.

    Args:
        connection: the API server.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._versions: dict[str, Mapping[str, Mapping[str, Any]]] = {}
        self._paths: Mapping[str, Any] | None = None

    def find(self, api_version: str, kind: str) -> Schema | None:
        """A kind's schema; None where the server does not tell, or not to this user."""
        if api_version not in self._versions:
            self._versions[api_version] = self._fetched(api_version)
        parts = self._versions[api_version]
        group, _, version = api_version.rpartition("/")
        wanted = {"group": group, "version": version, "kind": kind}
        root = next((each for each in parts.values() if wanted in each.get(_KINDS, ())), None)
        return None if root is None else Schema(root=root, parts=parts)

    def _fetched(self, api_version: str) -> Mapping[str, Mapping[str, Any]]:
        name = f"apis/{api_version}" if "/" in api_version else f"api/{api_version}"
        try:
            if self._paths is None:
                self._paths = self._connection.get(INDEX).get("paths") or {}
            if name not in self._paths:
                return {}
            # the server's own address has the document's hash in it; without, it is the newest
            document = self._connection.get(f"{INDEX}/{name}")
        except ClusterError:
            return {}
        return (document.get("components") or {}).get("schemas") or {}
