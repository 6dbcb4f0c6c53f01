"""Does an AppProject's calendar let an Application be synced now?

Read by projects, asked by ``decide``. The rules are ArgoCD's ("Sync Windows"): a deny window that
is open wins; with allow windows, one of them has to be open; ``manualSync`` lets a person sync all
the same, where every window in the way says so. A schedule is the wall clock's of the window's time
zone, also on the days that have 23 or 25 hours: a window from 1:00 that lasts two hours ends when
the clock shows 3:00.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from gitops import globs
from gitops.application import ApplicationSpec
from gitops.errors import ConfigError
from gitops.policy import cron, durations

_IN_CLUSTER = "in-cluster"
_SERVER = "https://kubernetes.default.svc"
_LOOKAHEAD = 500
_MINUTE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncWindow:
    """One window: when it is open, for which Applications, and what it then does.

    ``allows`` is False for a deny window. Applications, namespaces and clusters are globs; one of
    the three is enough, with ``and_operator`` all that are given have to match.
    """

    allows: bool
    schedule: str
    duration: str
    time_zone: str = "UTC"
    manual_sync: bool = False
    applications: tuple[str, ...] = ()
    namespaces: tuple[str, ...] = ()
    clusters: tuple[str, ...] = ()
    and_operator: bool = False
    description: str = ""

    def concerns(self, spec: ApplicationSpec) -> bool:
        """Whether the window is about an Application; one with no glob is about none."""
        clusters = (spec.destination.name, _SERVER if spec.destination.name == _IN_CLUSTER else "")
        found = [
            _any(patterns, texts)
            for patterns, texts in (
                (self.applications, (spec.name,)),
                (self.namespaces, (spec.destination.namespace,)),
                (self.clusters, clusters),
            )
            if patterns
        ]
        return bool(found) and (all(found) if self.and_operator else any(found))

    def is_open(self, now: datetime) -> bool:
        """Whether the window is open: from the time of its schedule until its duration is over."""
        local = self._local(now)
        return local - cron.before(self.schedule, local) < durations.parse(self.duration)

    def next_change(self, now: datetime) -> datetime:
        """When the window next opens, closes or opens anew."""
        local = self._local(now)
        closes = cron.before(self.schedule, local) + durations.parse(self.duration)
        opens = cron.after(self.schedule, local)
        return self._instant(min(opens, closes) if closes > local else opens, now)

    def __str__(self) -> str:
        kind = "allow" if self.allows else "deny"
        return f"{kind} window {self.schedule!r} for {self.duration} ({self.time_zone})"

    def _local(self, now: datetime) -> datetime:
        return now.astimezone(ZoneInfo(self.time_zone)).replace(tzinfo=None)

    def _instant(self, local: datetime, now: datetime) -> datetime:
        """The first instant after ``now`` at which the clock shows a time; one that it shows twice
        a year is the next of the two, for one that it leaves out it is when it leaps over it."""
        zoned = local.replace(tzinfo=ZoneInfo(self.time_zone))
        both = sorted(zoned.replace(fold=fold).astimezone(UTC) for fold in (0, 1))
        for found in both:
            if found > now and self._local(found) == local:
                return found
        moment = max(both[0], now)
        while moment <= now or self._local(moment) < local:
            moment += _MINUTE
        return moment


@dataclass(frozen=True, slots=True, kw_only=True)
class Calendar:
    """What the windows that concern an Application say: ``refusal`` is empty where it may be
    synced, else says why not; ``opens`` is when it may, None where that is not foreseeable."""

    refusal: str = ""
    opens: datetime | None = None


def calendar(
    windows: Iterable[SyncWindow], spec: ApplicationSpec, *, now: datetime, manual: bool
) -> Calendar:
    """Ask the windows.

    Args:
        windows: those of the Application's project.
        spec: the Application.
        now: the time, with its zone.
        manual: a person wants the sync.
    """
    concerned = [each for each in windows if each.concerns(spec)]
    refusal = _refusal(concerned, now, manual=manual)
    if not refusal:
        return Calendar()
    return Calendar(refusal=refusal, opens=_opens(concerned, now, manual=manual))


def read(values: Mapping[str, Any], *, subject: str) -> SyncWindow:
    """A window as an AppProject writes it.

    Raises:
        ConfigError: the schedule, the duration or the time zone is none, or the schedule never
            comes round.
    """
    window = SyncWindow(
        allows=values["kind"] == "allow",
        schedule=values["schedule"],
        duration=values["duration"],
        time_zone=values.get("timeZone") or "UTC",
        manual_sync=values.get("manualSync", False),
        applications=tuple(values.get("applications", ())),
        namespaces=tuple(values.get("namespaces", ())),
        clusters=tuple(values.get("clusters", ())),
        and_operator=values.get("andOperator", False),
        description=values.get("description", ""),
    )
    try:
        ZoneInfo(window.time_zone)
    except (ValueError, OSError, KeyError) as error:
        raise ConfigError(
            f"{subject}.timeZone",
            f"{window.time_zone!r} is no time zone",
            remedy='write one such as "Europe/Berlin"',
        ) from error
    try:
        cron.check(window.schedule)
    except ValueError as error:
        remedy = 'write five fields such as "0 22 * * *"'
        raise ConfigError(f"{subject}.schedule", str(error), remedy=remedy) from error
    try:
        if not durations.parse(window.duration):
            raise ValueError("it lasts no time")
    except ValueError as error:
        remedy = 'write one such as "1h30m"'
        raise ConfigError(f"{subject}.duration", str(error), remedy=remedy) from error
    return window


def _refusal(windows: Sequence[SyncWindow], now: datetime, *, manual: bool) -> str:
    is_open = [each for each in windows if each.is_open(now)]
    denying = [each for each in is_open if not each.allows]
    if denying:
        return "" if manual and all(each.manual_sync for each in denying) else f"{denying[0]}"
    allowing = [each for each in windows if each.allows]
    if not allowing or any(each in is_open for each in allowing):
        return ""
    if manual and all(each.manual_sync for each in allowing):
        return ""
    return f"outside the {allowing[0]}"


def _opens(windows: Sequence[SyncWindow], now: datetime, *, manual: bool) -> datetime | None:
    moment = now
    for _ in range(_LOOKAHEAD):
        moment = min(each.next_change(moment) for each in windows)
        if not _refusal(windows, moment, manual=manual):
            return moment
    return None


def _any(patterns: Iterable[str], texts: Iterable[str]) -> bool:
    return any(globs.matches(pattern, text) for pattern in patterns for text in texts if text)
