"""What do a status' single fields say where no condition does? Called by the general rule.

Kubernetes "API Conventions" call ``phase`` deprecated for new APIs; many operators still have
nothing else: phase, state, health, ready, or only an error text.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gitops.health.fields import text
from gitops.health.status import (
    Health,
    HealthStatus,
    degraded,
    healthy,
    one_line,
    progressing,
    unknown,
    worst_health,
)
from gitops.health.words import read

_ERRORS = ("failureMessage", "errorMessage", "error", "lastError")
_CAUSES = ("message", *_ERRORS, "failureReason", "reason")


def judge(status: Mapping[str, Any]) -> Health | None:
    """The health its phase, state, health, ready and error fields tell.

    The worst of the words known decides. A phase or state with no known word is Unknown; ``None``
    when there is none of these fields.
    """
    found, strange = [], ""
    for name, value in _words(status):
        if said := _status_of(name, value):
            message = "" if said is HealthStatus.HEALTHY else _told(name, value, status)
            found.append(one_line(said, message))
        else:
            strange = strange or f"its {name} is '{value}', which no rule knows"
    if found:
        return worst_health(found)
    if strange:
        return unknown(strange)
    if isinstance(ready := status.get("ready"), bool):
        cause = _cause(status)
        return healthy() if ready else progressing(f"not ready: {cause}" if cause else "not ready")
    error = next((v for n in _ERRORS if isinstance(v := status.get(n), str) and v), "")
    return degraded(error) if error else None


def word(status: Mapping[str, Any]) -> HealthStatus | None:
    """What its phase says, if it has one that can be read; it breaks ties between conditions."""
    phase = status.get("phase")
    return read(phase) if isinstance(phase, str) else None


def _words(status: Mapping[str, Any]) -> list[tuple[str, str]]:
    health = status.get("health")
    nested = health.get("status") if isinstance(health, Mapping) else health
    values = [
        ("phase", text(status, "phase")),
        ("state", text(status, "state")),
        ("health", nested if isinstance(nested, str) else ""),
    ]
    return [(name, value) for name, value in values if value]


def _status_of(name: str, value: str) -> HealthStatus | None:
    if name == "health" and value in HealthStatus.__members__.values():
        return HealthStatus(value)  # an ArgoCD Application or Rollout speaks our language
    return read(value)


def _told(name: str, value: str, status: Mapping[str, Any]) -> str:
    cause = _cause(status)
    return f"{name} {value}: {cause}" if cause else f"{name} {value}"


def _cause(status: Mapping[str, Any]) -> str:
    health = status.get("health")
    inner = health.get("message") if isinstance(health, Mapping) else None
    candidates = [inner, *(status.get(name) for name in _CAUSES)]
    return next((each for each in candidates if isinstance(each, str) and each), "")
