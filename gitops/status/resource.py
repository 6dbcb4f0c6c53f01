"""How is one live object, and what is below it?

The value that aggregation, printing and waiting share; ``resource_status`` makes it from a live
object, its health and its family.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from gitops.health.status import Health, one_line
from gitops.objects.manifest import ResourceKey, annotations_of, labels_of
from gitops.objects.ownership import APPLICATION_LABEL, STACK, label_value, live_key, owner
from gitops.status.causes import FINE, Assess, root_cause
from gitops.status.family import Family
from gitops.syncing.hooks import hook_of
from gitops.syncing.options import IGNORE_HEALTHCHECK

_DEEPEST = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourceStatus:
    """One object and its health.

    ``health`` is what its own status says, ``cause`` what its family adds to that. ``hook`` and
    ``ignored`` objects do not count for their Application. ``children`` are the objects it owns,
    read of unhealthy objects alone.
    """

    key: ResourceKey
    api_version: str
    health: Health
    cause: str = ""
    hook: bool = False
    ignored: bool = False
    children: tuple[ResourceStatus, ...] = ()

    @property
    def message(self) -> str:
        """What is wrong with it and why, in one line."""
        own = self.health.message.rstrip(". ") if self.cause else self.health.message
        told = ": ".join(part for part in (own, self.cause) if part)
        return one_line(self.health.status, told).message


def owned_by_application(
    live: Iterable[Mapping[str, Any]], *, stack: str
) -> dict[str, list[Mapping[str, Any]]]:
    """The objects of each Application: label, tracking annotation and stack must all say so.

    Controllers copy labels, so a label alone proves nothing; and an object whose label was removed
    by hand would not be listed, so the annotation alone is not enough either. An object without a
    stack annotation belongs to whoever asks.
    """
    found: dict[str, list[Mapping[str, Any]]] = {}
    for body in live:
        application = owner(body)
        if application is None or annotations_of(body).get(STACK, stack) != stack:
            continue
        if labels_of(body).get(APPLICATION_LABEL) == label_value(application):
            found.setdefault(application, []).append(body)
    return found


def resource_status(
    live: Mapping[str, Any], health: Health, family: Family, *, assess: Assess, depth: int = 0
) -> ResourceStatus:
    """An object with its health, the root cause where its family knows it, and its children."""
    children: tuple[ResourceStatus, ...] = ()
    if health.status not in FINE and depth < _DEEPEST:
        children = tuple(
            resource_status(child, assess(child), family, assess=assess, depth=depth + 1)
            for child in family.children_of(live)
        )
    return ResourceStatus(
        key=live_key(live),
        api_version=str(live.get("apiVersion") or ""),
        health=health,
        cause=root_cause(live, health, family, assess=assess),
        hook=hook_of(live) is not None,
        ignored=annotations_of(live).get(IGNORE_HEALTHCHECK) == "true",
        children=children,
    )
