"""What can be said of an object's health? Read by every rule of this package and by its callers."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

LONGEST_MESSAGE = 400
# What a program writes to colour its output, and anything else a terminal would act on: messages
# quote logs.
_UNPRINTABLE = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f]")


class HealthStatus(StrEnum):
    """ArgoCD's words, from best to worst (ArgoCD, "Resource Health", "Application Health")."""

    HEALTHY = "Healthy"
    SUSPENDED = "Suspended"
    PROGRESSING = "Progressing"
    MISSING = "Missing"
    DEGRADED = "Degraded"
    UNKNOWN = "Unknown"


_BADNESS = {status: place for place, status in enumerate(HealthStatus)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """An object's status and the cause of it, in one line; empty where there is nothing to say."""

    status: HealthStatus
    message: str = ""


def worst(statuses: Iterable[HealthStatus]) -> HealthStatus:
    """The worst of the statuses; Healthy when there are none, as an empty Application is."""
    return max(statuses, key=_BADNESS.__getitem__, default=HealthStatus.HEALTHY)


def worst_health(healths: Iterable[Health]) -> Health:
    """The first of the worst, with its message; Healthy when there are none."""
    return max(healths, key=lambda each: _BADNESS[each.status], default=healthy())


def healthy(message: str = "") -> Health:
    """Works as its spec asks."""
    return one_line(HealthStatus.HEALTHY, message)


def suspended(message: str) -> Health:
    """Someone asked for it to stand still."""
    return one_line(HealthStatus.SUSPENDED, message)


def progressing(message: str) -> Health:
    """Not there yet, but it may still get there by itself."""
    return one_line(HealthStatus.PROGRESSING, message)


def degraded(message: str) -> Health:
    """Failed, or will not get there without help."""
    return one_line(HealthStatus.DEGRADED, message)


def unknown(message: str) -> Health:
    """Says nothing that a rule can read."""
    return one_line(HealthStatus.UNKNOWN, message)


def one_line(status: HealthStatus, message: str) -> Health:
    """A Health with its message in one line of plain text, cut where it is very long."""
    line = " ".join(_UNPRINTABLE.sub("", message).split())
    if len(line) > LONGEST_MESSAGE:
        line = f"{line[: LONGEST_MESSAGE - 1]}…"
    return Health(status=status, message=line)
