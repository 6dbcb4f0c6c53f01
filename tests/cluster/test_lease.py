"""Only one of those that reach for a stack's lease has it."""

from __future__ import annotations

import json
import subprocess
import threading
import time
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta

import pytest

from cluster.connection import Connection, connect
from cluster.lease import LeaseHeldError, held, holder
from reconciler.passes import processes


def test_one_at_a_time(connection: Connection, namespace: str) -> None:
    """While one holds the lease another is refused and told who has it; after it, it is free."""
    with held(connection, namespace=namespace, stack="home", identity="first"):
        with (
            pytest.raises(LeaseHeldError, match="first holds its lease") as refused,
            held(connection, namespace=namespace, stack="home", identity="second"),
        ):
            pass
        assert str(refused.value).startswith("stack home: ")
        current = holder(connection, namespace=namespace, stack="home", now=datetime.now(UTC))
        assert current is not None
        assert current.identity == "first"
    assert holder(connection, namespace=namespace, stack="home", now=datetime.now(UTC)) is None
    with held(connection, namespace=namespace, stack="home", identity="second") as taken:
        assert taken.identity == "second"


def test_many_at_once(connection: Connection, namespace: str) -> None:
    """Of twelve threads that take it at the same moment exactly one gets it."""
    won: list[str] = []
    refused: list[str] = []
    start, release = threading.Barrier(12), threading.Event()

    def reach(identity: str) -> None:
        start.wait()
        try:
            with held(connection, namespace=namespace, stack="race", identity=identity):
                won.append(identity)
                release.wait(60)
        except LeaseHeldError:
            refused.append(identity)

    threads = [threading.Thread(target=reach, args=(f"run-{n}",)) for n in range(12)]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + 60
    while len(refused) < 11 and time.monotonic() < deadline:
        time.sleep(0.05)
    release.set()
    for thread in threads:
        thread.join()
    assert (len(won), len(refused)) == (1, 11)


def test_a_dead_holder_loses_it(connection: Connection, namespace: str) -> None:
    """A lease that is not renewed any more can be taken once its duration is over."""
    lost = held(
        connection,
        namespace=namespace,
        stack="dead",
        identity="killed",
        duration=timedelta(seconds=60),
    )
    taken = lost.__enter__()
    later = taken.expires + timedelta(seconds=1)
    now = datetime.now(UTC)
    assert holder(connection, namespace=namespace, stack="dead", now=now) is not None
    assert holder(connection, namespace=namespace, stack="dead", now=later) is None
    lost.__exit__(None, None, None)


def test_it_is_renewed(connection: Connection, namespace: str) -> None:
    """A holder that lives keeps it beyond its duration."""
    with held(
        connection,
        namespace=namespace,
        stack="long",
        identity="alive",
        duration=timedelta(seconds=2),
    ) as taken:
        deadline = time.monotonic() + 60
        renewed = taken.renewed
        while renewed == taken.renewed and time.monotonic() < deadline:
            time.sleep(0.1)
            current = holder(connection, namespace=namespace, stack="long", now=taken.renewed)
            assert current is not None
            renewed = current.renewed
        assert renewed > taken.renewed


def test_taken_from_a_process_that_has_ended(connection: Connection, namespace: str) -> None:
    """Whose process is known to have ended loses the lease at once, and nobody else does."""
    own, minute = processes.own(), timedelta(minutes=1)
    with subprocess.Popen(["sleep", "60"]) as other:
        there = processes.called(other.pid)
        killed = held(
            connection,
            namespace=namespace,
            stack="ended",
            identity="killed",
            duration=minute,
            process=there,
        )
        killed.__enter__()

        def take() -> None:
            with held(
                connection,
                namespace=namespace,
                stack="ended",
                identity="next",
                process=own,
                has_ended=processes.has_ended,
            ) as taken:
                assert (taken.identity, taken.process) == ("next", own)

        with pytest.raises(LeaseHeldError, match="killed holds its lease") as refused:
            take()
        assert refused.value.until is not None
        other.kill()
        other.wait()
        path = f"/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases/home-ops-ended"
        for identity in ("somebody who sets no annotation", "killed"):
            spec = {"spec": {"holderIdentity": identity}}
            connection.patch(
                path, json.dumps(spec).encode(), content_type="application/merge-patch+json"
            )
            if identity != "killed":
                with pytest.raises(LeaseHeldError, match="somebody"):
                    take()
        take()
    killed.__exit__(None, None, None)


@pytest.mark.parametrize("how", ["taken", "deleted", "away"])
def test_it_is_lost(connection: Connection, namespace: str, how: str) -> None:
    """Who finds the lease in other hands, or cannot renew it for half its duration, is told once,
    while there is still time to end what it does."""
    lost: list[str] = []
    told = threading.Event()

    def tell(reason: str) -> None:
        lost.append(reason)
        told.set()

    path = f"/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases/home-ops-lost"
    through = connection
    with ExitStack() as stack:
        if how == "away":
            through = stack.enter_context(connect())
        taken = stack.enter_context(
            held(
                through,
                namespace=namespace,
                stack="lost",
                identity="first",
                duration=timedelta(seconds=8),
                on_lost=tell,
            )
        )
        if how == "away":
            through._client.base_url = "https://127.0.0.1:1"  # nobody listens there
        elif how == "deleted":
            connection.delete(path)
        else:
            spec = {"spec": {"holderIdentity": "second"}}
            connection.patch(
                path, json.dumps(spec).encode(), content_type="application/merge-patch+json"
            )
        assert told.wait(60)
        early = datetime.now(UTC) < taken.expires
    words = {"taken": "was taken by second", "deleted": "was deleted", "away": "not be renewed"}
    assert len(lost) == 1
    assert lost[0].startswith("stack lost: its lease ")
    assert words[how] in lost[0]
    assert early or how != "away"
