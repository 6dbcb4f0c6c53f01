from __future__ import annotations

from collections.abc import Callable

import pytest

from gitops.errors import ClusterError
from gitops.health import Health, HealthStatus
from gitops.objects.manifest import ResourceKey
from gitops.records.record import SyncStatus
from gitops.status.application import ApplicationStatus, Sync
from gitops.status.resource import ResourceStatus
from reconciler.applications import Reading
from reconciler.waiting import has_settled, is_gone, is_healthy, wait


def application(status: HealthStatus, *, objects: int = 1, message: str = "") -> ApplicationStatus:
    health = Health(status=status, message=message)
    key = ResourceKey(group="", kind="Thing", namespace="media", name="a")
    resource = ResourceStatus(key=key, api_version="v1", health=health)
    sync = Sync(status=SyncStatus.UNKNOWN)
    return ApplicationStatus(
        name="jellyfin", health=health, sync=sync, resources=(resource,) * objects
    )


def readings(*found: ApplicationStatus | ClusterError) -> Callable[[], Reading]:
    """One reading after the other; the last again and again."""
    left = list(found)

    def read() -> Reading:
        each = left.pop(0) if len(left) > 1 else left[0]
        if isinstance(each, ClusterError):
            raise each
        return Reading(applications=[each])

    return read


DOWN = ClusterError("cluster", "cannot be reached", remedy="start it")
GOOD = application(HealthStatus.HEALTHY)
BAD = application(HealthStatus.DEGRADED, message="broken")


def test_waiting_ends_when_all_are_done() -> None:
    """What is Degraded may recover; until then progress says how many are how and why."""
    told: list[tuple[str, str]] = []
    found = wait(
        readings(BAD, DOWN, GOOD),
        is_healthy,
        timeout=60,
        on_reading=lambda *parts: told.append(parts),
        interval=0,
    )
    assert found.pending == ()
    assert found.reading.applications == [GOOD]
    assert told[0] == ("1 Degraded", "jellyfin: broken")
    assert "cannot be reached" in told[1][1]


def test_waiting_in_vain_ends() -> None:
    """After the timeout the Applications that are not done are named."""
    found = wait(readings(BAD), is_healthy, timeout=0, interval=0)
    assert found.pending == (BAD,)


@pytest.mark.parametrize("found", [[DOWN], [BAD, DOWN]], ids=["from the beginning", "at the end"])
def test_cluster_that_stays_away_is_an_error(found: list[ApplicationStatus | ClusterError]) -> None:
    """A cluster that never answers, or does not any more, is no answer about health."""
    with pytest.raises(ClusterError):
        wait(readings(*found), is_healthy, timeout=0.01, interval=0.02)


@pytest.mark.parametrize(
    ("status", "objects", "healthy", "settled", "gone"),
    [
        (HealthStatus.HEALTHY, 1, True, True, False),
        (HealthStatus.SUSPENDED, 1, True, True, False),
        (HealthStatus.PROGRESSING, 1, False, False, False),
        (HealthStatus.DEGRADED, 1, False, False, False),
        (HealthStatus.MISSING, 0, False, True, True),
    ],
)
def test_when_an_application_is_done(
    status: HealthStatus, objects: int, *, healthy: bool, settled: bool, gone: bool
) -> None:
    """Nobody waits for what is Suspended, nor after a sync for what has no objects."""
    found = application(status, objects=objects)
    assert (is_healthy(found), has_settled(found), is_gone(found)) == (healthy, settled, gone)
