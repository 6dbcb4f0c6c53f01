"""Was a delivery taken before, and may another one come yet?

Kept by the receiver while it runs. Both forget by themselves, so they stay small.
"""

from __future__ import annotations

from collections import OrderedDict
from datetime import datetime, timedelta

KEPT = timedelta(hours=24)
MOST = 20_000


class Seen:
    """The deliveries that were taken.

    Args:
        kept: for how long they are remembered.
        most: how many are.
    """

    def __init__(self, *, kept: timedelta = KEPT, most: int = MOST) -> None:
        self._kept = kept
        self._most = most
        self._when: OrderedDict[str, datetime] = OrderedDict()

    def add(self, *names: str, now: datetime) -> bool:
        """Remember a delivery by its names; False where one of them is known already."""
        while self._when and now - next(iter(self._when.values())) > self._kept:
            self._when.popitem(last=False)
        known = [name for name in names if name in self._when]
        for name in filter(None, names):
            self._when.setdefault(name, now)
        while len(self._when) > self._most:
            self._when.popitem(last=False)
        return not known


class Allowance:
    """How many requests may come: a number at once, which fills up again over a minute.

    Args:
        per_minute: the number.
    """

    def __init__(self, per_minute: int) -> None:
        self._most = float(per_minute)
        self._left = self._most
        self._since: datetime | None = None

    def take(self, *, now: datetime) -> bool:
        """Whether one more may come."""
        if self._since is not None:
            passed = max(0.0, (now - self._since).total_seconds())
            self._left = min(self._most, self._left + passed * self._most / 60)
        self._since = now
        if self._left < 1:
            return False
        self._left -= 1
        return True
