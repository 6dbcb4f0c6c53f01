"""What a reconciler knows from earlier passes outlives it, in the cluster."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from cluster.connection import Connection, connect
from cluster.stack_memory import ensure_namespace
from reconciler.passes.memory import TRIED, Memory
from reconciler.passes.running import KILLED, UNSURE

HOUR = timedelta(hours=1)


@pytest.fixture
def memory(control_plane: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Memory]:
    monkeypatch.setenv("KUBECONFIG", str(control_plane.kubeconfig))
    namespace = f"memory-{uuid.uuid4().hex[:8]}"
    with connect() as connection:
        ensure_namespace(connection, namespace)
        yield Memory(connection=connection, namespace=namespace, stack="home")
        connection.delete(f"/api/v1/namespaces/{namespace}")


def again(memory: Memory) -> Memory:
    """The same, as the next pass reads it."""
    read = Memory(connection=memory.connection, namespace=memory.namespace, stack=memory.stack)
    read.read()
    return read


def version(memory: Memory, connection: Connection) -> str:
    path = f"/api/v1/namespaces/{memory.namespace}/configmaps/home-ops-home"
    return str(connection.get(path)["metadata"]["resourceVersion"])


def test_runs_of_everything_are_remembered(memory: Memory) -> None:
    """A run of everything is due before the first one, when what is shared has changed, and when it
    is time; what a person asks for waits for none but the first."""
    assert memory.full_run_due("x", every=HOUR, asked=True)
    memory.ran_everything("x", left="", healed=True)
    read = again(memory)
    assert read.values == memory.values
    assert read.values.keys() == {"shared", "fullRun", "healed"}
    assert read.was_for("x")
    assert not read.full_run_due("x", every=HOUR, asked=False)
    assert read.full_run_due("y", every=HOUR, asked=False)
    assert not read.full_run_due("y", every=HOUR, asked=True)


def test_what_was_tried_is_remembered_until_it_is_forgotten(memory: Memory) -> None:
    """What the state lacked before a run of everything is known after it, also after the next such
    run; a killed run is no such thing. Forgetting what is not known writes nothing."""
    memory.write({UNSURE: "true"})
    memory.ran_everything("x", left="the state does not have it", healed=False)
    memory.ran_everything("x", left="", healed=False)
    memory.ran_everything("x", left=KILLED, healed=False)
    read = again(memory)
    assert read.values[TRIED] == "the state does not have it"
    assert UNSURE in read.values
    read.forget(UNSURE, TRIED)
    assert again(read).values.keys() == {"shared", "fullRun"}
    before = version(read, read.connection)
    read.forget(UNSURE, TRIED)
    assert version(read, read.connection) == before
