"""When is a failed sync tried again?

Asked by ``decide``. ArgoCD's ``syncPolicy.retry``: the n-th retry comes ``duration * factor ** n``
after the attempt before it ended, at most ``maxDuration``. Without the field an automated sync is
retried five times, 5 s, 10 s, 20 s ... after each failure, at most 3 minutes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from gitops.policy import durations

FOR_EVER = -1
_TICK = timedelta(microseconds=1)
_LONGEST = timedelta(days=366)
_ENOUGH = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Retry:
    """How often, and how long after each failure; a negative ``limit`` means for ever."""

    limit: int = 5
    duration: timedelta = timedelta(seconds=5)
    factor: int = 2
    max_duration: timedelta = timedelta(minutes=3)

    def next_attempt(self, *, ended: datetime, retries: int) -> datetime | None:
        """When to try again; None when it was tried often enough.

        Args:
            ended: when the last attempt ended.
            retries: how often it was tried again already.
        """
        if 0 <= self.limit <= retries:
            return None
        return ended + self.delay(retries)

    def delay(self, retries: int) -> timedelta:
        """How long to wait; a ``maxDuration`` of nothing is no limit, as in ArgoCD."""
        growth: int = self.factor ** min(retries, _ENOUGH)
        wait = self.duration // _TICK * growth
        return min(wait, (self.max_duration or _LONGEST) // _TICK) * _TICK


def read(values: Mapping[str, Any]) -> Retry:
    """``syncPolicy.retry`` as it is written; its schema has been checked.

    ``refresh`` changes nothing: a retry always uses what Git holds then.

    Raises:
        ValueError: a duration is none.
    """
    if not values:
        return Retry()
    backoff, default = values.get("backoff") or {}, Retry()
    duration, longest = backoff.get("duration"), backoff.get("maxDuration")
    return Retry(
        limit=values.get("limit", 0),
        duration=durations.parse(duration) if duration else default.duration,
        factor=backoff.get("factor", default.factor),
        max_duration=durations.parse(longest) if longest else default.max_duration,
    )
