"""Who may change the cluster on behalf of a stack right now?

One Lease per stack (Kubernetes, "Leases"), taken by the reconciler for a pass and asked for by a
run a person starts. The API server refuses a write made from an outdated copy, so two that reach
for the lease at once cannot both have it. Whoever could not renew it in time, or finds it in other
hands, has lost it and is told so while it still has time to end what it does.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cluster.connection import Connection, StatusError
from cluster.lease_object import (
    PROCESS,
    LeaseHolder,
    create,
    get,
    holder_of,
    lease_name,
    patch,
    text_of,
)
from gitops.errors import ClusterError, HomeOpsError

ENVIRONMENT = "HOME_OPS_LEASE"
"""Names the identity on whose behalf a run of the program was started, so that it needs no warning
about a lease that is its own."""
DURATION = timedelta(seconds=60)
_CONFLICT = 409


class LeaseHeldError(HomeOpsError):
    """Somebody else holds the lease; ``until`` is when it ends unless it is renewed."""

    until: datetime | None = None


def holder(
    connection: Connection, *, namespace: str, stack: str, now: datetime
) -> LeaseHolder | None:
    """Who holds a stack's lease now; None when nobody does.

    Raises:
        ClusterError: the server does not answer or refuses.
    """
    found = get(connection, namespace, lease_name(stack))
    if found is None:
        return None
    current = holder_of(found)
    return current if current.active(now) else None


def last_holder(connection: Connection, *, namespace: str, stack: str) -> LeaseHolder | None:
    """Who had a stack's lease last, and when; without a name where it was released.

    Raises:
        ClusterError: the server does not answer or refuses.
    """
    found = get(connection, namespace, lease_name(stack))
    return holder_of(found) if found else None


@contextmanager
def held(
    connection: Connection,
    *,
    namespace: str,
    stack: str,
    identity: str,
    duration: timedelta = DURATION,
    process: str = "",
    has_ended: Callable[[str], bool] = lambda _: False,
    on_lost: Callable[[str], None] = lambda _: None,
) -> Iterator[LeaseHolder]:
    """Hold a stack's lease while the block runs, renewed in a thread; released at its end.

    Args:
        connection: the cluster.
        namespace: the bootstrap's namespace, which must exist.
        stack: whose lease it is.
        identity: who takes it; names the process, as the next one to come is told it.
        duration: how long it holds when its holder dies without releasing it.
        process: what tells this process from all others, for ``has_ended``.
        has_ended: whether the process that holds it is known to have ended, so that nobody has to
            wait for the lease to do so.
        on_lost: called, from another thread, with the reason why the block may not go on; a
            quarter of the duration is left then.

    Raises:
        LeaseHeldError: somebody else has it.
        ClusterError: the server does not answer or refuses.
    """
    taken = _take(connection, namespace, stack, (identity, process), duration, has_ended)
    ended = threading.Event()
    renewing = _Renewing(
        connection=connection,
        namespace=namespace,
        stack=stack,
        identity=identity,
        duration=duration,
        ended=ended,
        on_lost=on_lost,
    )
    thread = threading.Thread(target=renewing.run, daemon=True, name="lease")
    thread.start()
    try:
        yield taken
    finally:
        ended.set()
        thread.join()
        _release(connection, namespace, stack, identity)


def _take(
    connection: Connection,
    namespace: str,
    stack: str,
    own: tuple[str, str],
    duration: timedelta,
    has_ended: Callable[[str], bool],
) -> LeaseHolder:
    name, now = lease_name(stack), datetime.now(UTC)
    identity, process = own
    found = get(connection, namespace, name)
    current = holder_of(found) if found else None
    is_others = current and current.identity != identity and current.active(now)
    if current and is_others and not has_ended(current.process):
        raise _held(stack, current)
    transitions = int(((found or {}).get("spec") or {}).get("leaseTransitions") or 0)
    spec = {
        "holderIdentity": identity,
        "leaseDurationSeconds": int(duration.total_seconds()),
        "acquireTime": text_of(now),
        "renewTime": text_of(now),
        "leaseTransitions": transitions + (1 if found else 0),
    }
    try:
        if found is None:
            taken = create(connection, namespace, name, spec, {PROCESS: f"{process} {identity}"})
        else:
            metadata = {
                "resourceVersion": found["metadata"]["resourceVersion"],
                "annotations": {PROCESS: f"{process} {identity}"},
            }
            taken = patch(connection, namespace, name, spec, metadata)
    except StatusError as error:
        if error.code != _CONFLICT:
            raise
        # another one was faster: it is the holder now
        faster = get(connection, namespace, name) or {"metadata": {}}
        raise _held(stack, holder_of(faster)) from error
    return holder_of(taken)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Renewing:
    """A thread's work: renew, and tell when that is not possible any more."""

    connection: Connection
    namespace: str
    stack: str
    identity: str
    duration: timedelta
    ended: threading.Event
    on_lost: Callable[[str], None]

    def run(self) -> None:
        seconds = self.duration.total_seconds()
        renewed, pause = time.monotonic(), seconds / 4
        while not self.ended.wait(pause):
            try:
                lost = self._renew(seconds / 12)
                renewed, pause = time.monotonic(), seconds / 4
            except ClusterError as error:
                # The next attempt may succeed, and what is not renewed does not end at once.
                late = time.monotonic() - renewed > seconds / 2
                lost, pause = f"could not be renewed ({error})" if late else "", seconds / 12
            if lost and not self.ended.is_set():
                self.on_lost(f"stack {self.stack}: its lease {lost}")
                return

    def _renew(self, timeout: float) -> str:
        """Renew it; why it is lost, if it is."""
        found = get(self.connection, self.namespace, lease_name(self.stack), timeout=timeout)
        if found is None:
            return "was deleted"
        if (current := holder_of(found)).identity != self.identity:
            return f"was taken by {current.identity or 'another run'}"
        patch(
            self.connection,
            self.namespace,
            lease_name(self.stack),
            {"renewTime": text_of(datetime.now(UTC))},
            {"resourceVersion": found["metadata"]["resourceVersion"]},
            timeout=timeout,
        )
        return ""


def _release(connection: Connection, namespace: str, stack: str, identity: str) -> None:
    try:
        found = get(connection, namespace, lease_name(stack))
        if found is not None and holder_of(found).identity == identity:
            version = {"resourceVersion": found["metadata"]["resourceVersion"]}
            patch(connection, namespace, lease_name(stack), {"holderIdentity": ""}, version)
    except ClusterError:
        # It expires by itself; failing here would hide how the block ended.
        return


def _held(stack: str, current: LeaseHolder) -> LeaseHeldError:
    error = LeaseHeldError(
        f"stack {stack}",
        f"{current.identity or 'another run'} holds its lease until {text_of(current.expires)}",
        remedy="wait for it to end; the lease of one that was killed ends by itself at that time",
    )
    error.until = current.expires
    return error
