"""What does a Lease of the API server hold, and how is it read and written?

Called by ``lease``, which says whose it is.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from cluster.connection import Connection, StatusError
from gitops.deployment.stack_names import own_name

PATH = "/apis/coordination.k8s.io/v1/namespaces"
MERGE_PATCH = "application/merge-patch+json"
PROCESS = "home-ops/process"
"""The annotation that says which process holds it, and as whom, for those that can see that it has
ended."""
_NOT_FOUND = 404


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaseHolder:
    """Who has a lease, and until when without renewing it."""

    identity: str
    renewed: datetime
    expires: datetime
    process: str = ""

    def active(self, now: datetime) -> bool:
        """Whether the lease still counts."""
        return bool(self.identity) and now < self.expires


def lease_name(stack: str) -> str:
    """The name of a stack's Lease."""
    return own_name(stack)


def holder_of(body: dict[str, Any]) -> LeaseHolder:
    """Who has a Lease, given its body."""
    spec = body.get("spec") or {}
    renewed = time_of(spec.get("renewTime"))
    seconds = int(spec.get("leaseDurationSeconds") or 0)
    identity = str(spec.get("holderIdentity") or "")
    annotation = str((body["metadata"].get("annotations") or {}).get(PROCESS) or "")
    process, _, whose = annotation.partition(" ")
    return LeaseHolder(
        identity=identity,
        renewed=renewed,
        expires=renewed + timedelta(seconds=seconds),
        process=process if whose == identity else "",  # others may not know the annotation
    )


def get(
    connection: Connection, namespace: str, name: str, *, timeout: float | None = None
) -> dict[str, Any] | None:
    """A Lease; None where there is none. Raises as ``Connection.get`` does."""
    path = f"{PATH}/{namespace}/leases/{name}"
    try:
        found: dict[str, Any] = connection.get(path, timeout=timeout)
    except StatusError as error:
        if error.code == _NOT_FOUND:
            return None
        raise
    return found


def create(
    connection: Connection,
    namespace: str,
    name: str,
    spec: dict[str, Any],
    annotations: dict[str, str],
) -> dict[str, Any]:
    """Create a Lease. Raises as ``Connection.post`` does."""
    body = {
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": {"name": name, "namespace": namespace, "annotations": annotations},
        "spec": spec,
    }
    created: dict[str, Any] = connection.post(
        f"{PATH}/{namespace}/leases", json.dumps(body).encode()
    )
    return created


def patch(
    connection: Connection,
    namespace: str,
    name: str,
    spec: dict[str, Any],
    metadata: dict[str, Any],
    *,
    timeout: float | None = None,
) -> dict[str, Any]:
    """Change a Lease. Raises as ``Connection.patch`` does."""
    patched: dict[str, Any] = connection.patch(
        f"{PATH}/{namespace}/leases/{name}",
        json.dumps({"metadata": metadata, "spec": spec}).encode(),
        content_type=MERGE_PATCH,
        timeout=timeout,
    )
    return patched


def text_of(moment: datetime) -> str:
    """A time as a Lease has it."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def time_of(text: Any) -> datetime:
    """The time a Lease says; long ago where it says none."""
    if not isinstance(text, str):
        return datetime.fromtimestamp(0, UTC)
    return datetime.fromisoformat(text.replace("Z", "+00:00"))
