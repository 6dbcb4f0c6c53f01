"""Records live in the cluster, where kubectl shows them."""

from __future__ import annotations

from dataclasses import replace

from cluster.application_records import Records
from cluster.connection import Connection
from gitops.health import HealthStatus
from gitops.records.record import ApplicationRecord, Pinned, SyncStatus

RECORD = ApplicationRecord(
    name="home-media-jellyfin",
    path="apps/media/jellyfin",
    revision="0123abc",
    sync=SyncStatus.SYNCED,
    health=HealthStatus.HEALTHY,
    objects=3,
)


def test_a_life(connection: Connection, namespace: str) -> None:
    """Written, read back by somebody else, written only where it changed, and removed."""
    records = Records(connection, namespace=namespace, stack="home")
    assert records.read() == {}
    assert records.write([RECORD]) == 1
    assert records.write([RECORD]) == 0
    other = Records(connection, namespace=namespace, stack="home")
    assert other.read() == {RECORD.name: RECORD}
    drifted = replace(RECORD, sync=SyncStatus.OUT_OF_SYNC)
    assert other.write([drifted]) == 1
    assert records.read() == {RECORD.name: drifted}
    assert Records(connection, namespace=namespace, stack="other").read() == {}
    records.remove([RECORD.name, "never-there"])
    assert other.read() == {}


def test_pausing(connection: Connection, namespace: str) -> None:
    """Who has paused an Application and when is remembered, no pass that began earlier takes it
    back, and resuming ends a rollback too; an Application no pass has seen can be paused."""
    records = Records(connection, namespace=namespace, stack="home")
    rolled_back = replace(RECORD, pinned=Pinned(revision="a", instead_of="b", digest="c"))
    records.write([rolled_back])
    people = Records(connection, namespace=namespace, stack="home")
    assert people.read()[RECORD.name].paused is False
    people.pause(RECORD.name, by="ada@desk", at="2026-05-01T12:00:00Z")
    people.pause("new", by="ada@desk", at="2026-05-01T12:00:00Z")
    assert records.write([replace(rolled_back, namespace="elsewhere", revision="4")]) == 1
    found = people.read()
    assert found["new"] == replace(
        ApplicationRecord(name="new"),
        paused=True,
        paused_by="ada@desk",
        paused_at="2026-05-01T12:00:00Z",
    )
    record = found[RECORD.name]
    assert (record.paused, record.paused_by, record.namespace) == (True, "ada@desk", "elsewhere")
    people.resume(RECORD.name)
    record = people.read()[RECORD.name]
    assert (record.paused, record.paused_by, record.pinned) == (False, "", None)


def test_columns(connection: Connection, namespace: str) -> None:
    """A table, as kubectl asks for it, has the columns people look for."""
    records = Records(connection, namespace=namespace, stack="home")
    records.write([RECORD])
    table = connection.get(
        f"/apis/home-ops.dev/v1alpha1/namespaces/{namespace}/applications",
        accept="application/json;as=Table;g=meta.k8s.io;v=v1",
    )
    columns = [each["name"] for each in table["columnDefinitions"]]
    cells = dict(zip(columns, table["rows"][0]["cells"], strict=True))
    assert (cells["Sync"], cells["Health"], cells["Revision"]) == ("Synced", "Healthy", "0123abc")
    assert cells["Age"]
    assert cells["Paused"] is None
