"""When are Applications as somebody wants them?

Called by ``gitops app wait`` and ``gitops up --wait``. The cluster is read every few seconds; what
is Degraded may still recover, so only the timeout ends a wait that is in vain.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from gitops.errors import ClusterError
from gitops.health import HealthStatus
from gitops.status.application import ApplicationStatus, health_counts
from reconciler.applications import Reading

INTERVAL_SECONDS = 2.0

Done = Callable[[ApplicationStatus], bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a wait ended: the last reading, and the Applications it was in vain for."""

    reading: Reading
    pending: tuple[ApplicationStatus, ...] = ()
    seconds: float = 0.0


def is_healthy(application: ApplicationStatus) -> bool:
    """Healthy, or Suspended, which nobody has to wait for."""
    return application.settled


def is_gone(application: ApplicationStatus) -> bool:
    """Whether no object of it is left."""
    return not application.resources


def has_settled(application: ApplicationStatus) -> bool:
    """Healthy after a sync that succeeded: what has no objects then renders to none."""
    return application.settled or is_gone(application)


def wait(
    read: Callable[[], Reading],
    done: Done,
    *,
    timeout: float,
    on_reading: Callable[[str, str], None] = lambda *_: None,
    interval: float = INTERVAL_SECONDS,
) -> Outcome:
    """Read until every Application is done.

    Args:
        read: the Applications that are waited for.
        done: when one needs no more waiting.
        timeout: seconds after which to give up; it is read once in any case.
        on_reading: told after every reading how many are how, and what the first one waits for.
        interval: seconds between two readings.

    Returns:
        The last reading, and the Applications that were not done in time.

    Raises:
        ClusterError: the cluster does not answer the first time, or any more at the end.
    """
    started = time.monotonic()
    last: Reading | None = None
    while True:
        failure: ClusterError | None = None
        try:
            last = read()
        except ClusterError as error:  # an API server that restarts comes back
            if last is None:
                raise
            failure = error
        pending = tuple(each for each in last.applications if not done(each))
        elapsed = time.monotonic() - started
        if failure is None and (not pending or elapsed >= timeout):
            return Outcome(reading=last, pending=pending, seconds=elapsed)
        if failure is not None and elapsed >= timeout:
            raise failure
        on_reading(*_told(last.applications, pending, failure))
        time.sleep(max(0.0, min(interval, timeout - elapsed)))


def _told(
    applications: Sequence[ApplicationStatus],
    pending: Sequence[ApplicationStatus],
    failure: ClusterError | None,
) -> tuple[str, str]:
    counted = health_counts(applications)
    if failure is not None:
        return counted, str(failure)
    if not pending:
        return counted, ""
    first = max(pending, key=lambda each: list(HealthStatus).index(each.health.status))
    message = f": {first.health.message}" if first.health.message else ""
    return counted, f"{first.subject}{message}"
