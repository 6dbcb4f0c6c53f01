"""A record survives being written, and nothing that was written into one can break a pass."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from gitops.health import HealthStatus
from gitops.records.body import PAUSED_AT, PAUSED_BY, read, spec_of, status_of
from gitops.records.record import (
    ApplicationRecord,
    HistoryEntry,
    Operation,
    OperationPhase,
    Pinned,
    SyncStatus,
)

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda each: (
        st.lists(each, max_size=3) | st.dictionaries(st.text(max_size=8), each, max_size=3)
    ),
    max_leaves=12,
)


def entry(revision: str) -> HistoryEntry:
    return HistoryEntry(
        id=0,
        revision=revision,
        digest=f"digest of {revision}",
        author="Ada",
        message="Add an app",
        deployed=NOW,
        seconds=1.5,
        changes={"created": 2},
    )


def record() -> ApplicationRecord:
    return ApplicationRecord(
        name="home-media-jellyfin",
        project="apps",
        path="apps/media/jellyfin",
        namespace="media",
        paused=True,
        paused_by="ada@desk",
        paused_at="2026-03-01T11:00:00Z",
        pinned=Pinned(revision="a", instead_of="b", digest="c"),
        revision="b",
        sync=SyncStatus.OUT_OF_SYNC,
        health=HealthStatus.DEGRADED,
        message="apps/Deployment media/jellyfin: image cannot be pulled",
        objects=3,
        resources=({"kind": "Deployment", "name": "jellyfin", "status": "OutOfSync"},),
        operation=Operation(
            phase=OperationPhase.FAILED, revision="b", digest="d", started=NOW, retries=2
        ),
        equal={"apps/Deployment media/jellyfin": "d/17"},
    ).deployed(entry("a"), limit=3)


def body_of(value: ApplicationRecord) -> dict[str, Any]:
    spec = {**spec_of(value), "paused": value.paused}  # which people set
    annotations = {PAUSED_BY: value.paused_by, PAUSED_AT: value.paused_at}
    metadata = {"name": value.name, "annotations": annotations}
    return {"metadata": metadata, "spec": spec, "status": status_of(value)}


def test_written_and_read() -> None:
    """What is written is read back equal."""
    written = record().with_conditions({"SyncError": "it failed"}, NOW)
    assert read(body_of(written)) == written


@given(JSON, JSON)
def test_reading_is_total(spec: Any, status: Any) -> None:
    """Whatever somebody wrote into the object reads as a record."""
    assert read({"metadata": {"name": "x"}, "spec": spec, "status": status}).name == "x"


@given(st.sampled_from(sorted(status_of(record()))), JSON)
def test_a_broken_part_is_not_remembered(part: str, value: Any) -> None:
    """One malformed part of the status leaves the rest as it was."""
    body = body_of(record())
    body["status"][part] = value
    found = read(body)
    assert found.paused
    if part != "history":
        assert found.history == record().history


def test_history_keeps_the_newest() -> None:
    """revisionHistoryLimit bounds it, and numbers go on."""
    found = ApplicationRecord(name="x")
    for number in range(5):
        found = found.deployed(entry(str(number)), limit=3)
    assert [(each.id, each.revision) for each in found.history] == [(2, "2"), (3, "3"), (4, "4")]
    assert found.digest == "digest of 4"
    assert len(found.deployed(entry("5"), limit=0).history) == 1


def test_a_condition_keeps_its_time() -> None:
    """The time of a condition is when it began, not when it was last seen."""
    first = ApplicationRecord(name="x").with_conditions({"SyncError": "a"}, NOW)
    later = NOW + timedelta(hours=1)
    assert first.with_conditions({"SyncError": "a"}, later).conditions[0].since == NOW
    assert first.with_conditions({"SyncError": "b"}, later).conditions[0].since == later
    assert first.with_conditions({}, later).conditions == ()
