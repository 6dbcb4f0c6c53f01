"""Only one of those that reach for a stack's lease has it."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime, timedelta

import pytest

from cluster.connection import Connection
from cluster.lease import LeaseHeldError, held, holder


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
