"""Who may change the cluster on behalf of a stack right now?

One Lease per stack (Kubernetes, "Leases"), taken by the reconciler for a pass and asked for by a
run a person starts. The API server refuses a write made from an outdated copy, so two that reach
for the lease at once cannot both have it.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from cluster.connection import Connection, StatusError
from gitops.errors import ClusterError, HomeOpsError

PATH = "/apis/coordination.k8s.io/v1/namespaces"
MERGE_PATCH = "application/merge-patch+json"
ENVIRONMENT = "HOME_OPS_LEASE"
"""Names the identity on whose behalf a run of the program was started, so that it needs no warning
about a lease that is its own."""
DURATION = timedelta(seconds=60)
_NOT_FOUND = 404
_CONFLICT = 409


class LeaseHeldError(HomeOpsError):
    """Somebody else holds the lease."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaseHolder:
    """Who has a lease, and until when without renewing it."""

    identity: str
    renewed: datetime
    expires: datetime

    def active(self, now: datetime) -> bool:
        """Whether the lease still counts."""
        return bool(self.identity) and now < self.expires


def lease_name(stack: str) -> str:
    """The name of a stack's Lease."""
    return f"home-ops-{stack}".lower().replace("_", "-").replace("/", "-")


def holder(
    connection: Connection, *, namespace: str, stack: str, now: datetime
) -> LeaseHolder | None:
    """Who holds a stack's lease now; None when nobody does.

    Raises:
        ClusterError: the server does not answer or refuses.
    """
    found = _get(connection, namespace, lease_name(stack))
    if found is None:
        return None
    current = _holder(found)
    return current if current.active(now) else None


@contextmanager
def held(
    connection: Connection,
    *,
    namespace: str,
    stack: str,
    identity: str,
    duration: timedelta = DURATION,
) -> Iterator[LeaseHolder]:
    """Hold a stack's lease while the block runs, renewed in a thread; released at its end.

    Args:
        connection: the cluster.
        namespace: the bootstrap's namespace, which must exist.
        stack: whose lease it is.
        identity: who takes it; names the process, as the next one to come is told it.
        duration: how long it holds when its holder dies without releasing it.

    Raises:
        LeaseHeldError: somebody else has it.
        ClusterError: the server does not answer or refuses.
    """
    taken = _take(connection, namespace, stack, identity, duration)
    ended = threading.Event()
    renewing = threading.Thread(
        target=_renew, args=(connection, namespace, stack, taken, duration, ended), daemon=True
    )
    renewing.start()
    try:
        yield taken
    finally:
        ended.set()
        renewing.join()
        _release(connection, namespace, stack, identity)


def _take(
    connection: Connection, namespace: str, stack: str, identity: str, duration: timedelta
) -> LeaseHolder:
    name, now = lease_name(stack), datetime.now(UTC)
    found = _get(connection, namespace, name)
    current = _holder(found) if found else None
    if current and current.identity != identity and current.active(now):
        raise _held(stack, current)
    transitions = int(((found or {}).get("spec") or {}).get("leaseTransitions") or 0)
    spec = {
        "holderIdentity": identity,
        "leaseDurationSeconds": int(duration.total_seconds()),
        "acquireTime": _text(now),
        "renewTime": _text(now),
        "leaseTransitions": transitions + (1 if found else 0),
    }
    try:
        if found is None:
            taken = _create(connection, namespace, name, spec)
        else:
            taken = _patch(connection, namespace, name, spec, found["metadata"]["resourceVersion"])
    except StatusError as error:
        if error.code != _CONFLICT:
            raise
        # another one was faster: it is the holder now
        faster = _get(connection, namespace, name) or {}
        raise _held(stack, _holder(faster)) from error
    return _holder(taken)


def _renew(
    connection: Connection,
    namespace: str,
    stack: str,
    taken: LeaseHolder,
    duration: timedelta,
    ended: threading.Event,
) -> None:
    while not ended.wait(duration.total_seconds() / 4):
        try:
            found = _get(connection, namespace, lease_name(stack))
            if found is None or _holder(found).identity != taken.identity:
                return
            version = found["metadata"]["resourceVersion"]
            now = {"renewTime": _text(datetime.now(UTC))}
            _patch(connection, namespace, lease_name(stack), now, version)
        except ClusterError:
            # The next attempt may succeed; until then the lease's duration protects the run.
            continue


def _release(connection: Connection, namespace: str, stack: str, identity: str) -> None:
    try:
        found = _get(connection, namespace, lease_name(stack))
        if found is not None and _holder(found).identity == identity:
            version = found["metadata"]["resourceVersion"]
            _patch(connection, namespace, lease_name(stack), {"holderIdentity": ""}, version)
    except ClusterError:
        # It expires by itself; failing here would hide how the block ended.
        return


def _held(stack: str, current: LeaseHolder) -> LeaseHeldError:
    return LeaseHeldError(
        f"stack {stack}",
        f"{current.identity or 'another run'} holds its lease until {_text(current.expires)}",
        remedy="wait for it to end; the lease of one that was killed ends by itself at that time",
    )


def _holder(body: dict[str, Any]) -> LeaseHolder:
    spec = body.get("spec") or {}
    renewed = _time(spec.get("renewTime"))
    seconds = int(spec.get("leaseDurationSeconds") or 0)
    return LeaseHolder(
        identity=str(spec.get("holderIdentity") or ""),
        renewed=renewed,
        expires=renewed + timedelta(seconds=seconds),
    )


def _get(connection: Connection, namespace: str, name: str) -> dict[str, Any] | None:
    try:
        found: dict[str, Any] = connection.get(f"{PATH}/{namespace}/leases/{name}")
    except StatusError as error:
        if error.code == _NOT_FOUND:
            return None
        raise
    return found


def _create(
    connection: Connection, namespace: str, name: str, spec: dict[str, Any]
) -> dict[str, Any]:
    body = {
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": {"name": name, "namespace": namespace},
        "spec": spec,
    }
    created: dict[str, Any] = connection.post(
        f"{PATH}/{namespace}/leases", json.dumps(body).encode()
    )
    return created


def _patch(
    connection: Connection, namespace: str, name: str, spec: dict[str, Any], version: str
) -> dict[str, Any]:
    body = {"metadata": {"resourceVersion": version}, "spec": spec}
    patched: dict[str, Any] = connection.patch(
        f"{PATH}/{namespace}/leases/{name}", json.dumps(body).encode(), content_type=MERGE_PATCH
    )
    return patched


def _text(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _time(text: Any) -> datetime:
    if not isinstance(text, str):
        return datetime.fromtimestamp(0, UTC)
    return datetime.fromisoformat(text.replace("Z", "+00:00"))
