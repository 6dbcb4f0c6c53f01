"""Records live in the cluster, where kubectl shows them."""

from __future__ import annotations

from dataclasses import replace

from cluster.application_records import Records
from cluster.connection import Connection
from gitops.health import HealthStatus
from gitops.records.record import ApplicationRecord, SyncStatus

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
    paused = replace(RECORD, paused=True, sync=SyncStatus.OUT_OF_SYNC)
    assert other.write([paused]) == 1
    assert records.read() == {RECORD.name: paused}
    assert Records(connection, namespace=namespace, stack="other").read() == {}
    records.remove([RECORD.name, "never-there"])
    assert other.read() == {}


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
