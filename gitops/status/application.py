"""How is one Application, as far as its live objects tell?

Called by the reconciler with what ``cluster.live_status`` has read. Health is aggregated as ArgoCD
does it. Which objects an Application should have only a render knows, so nothing here says Synced
but what the reconciler remembers: what Git and the cluster tell without comparing is OutOfSync or
Unknown.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from gitops.application import ApplicationSpec
from gitops.health.status import Health, HealthStatus, one_line, worst
from gitops.records.record import ApplicationRecord, SyncStatus
from gitops.status.resource import ResourceStatus

SETTLED = frozenset({HealthStatus.HEALTHY, HealthStatus.SUSPENDED})
"""The statuses nobody has to wait for: it works, or somebody asked it to stand still."""

_NOT_COMPARED = "not compared; `pulumi preview` compares Git with the cluster"
_NOT_IN_GIT = "it is not in Git, so a sync removes what may be removed"
_NOTHING_LIVE = "not in the cluster: never synced, or it renders to nothing"
_NESTED = ("argoproj.io", "Application")
_DOES_NOT_COUNT = frozenset({HealthStatus.MISSING, HealthStatus.UNKNOWN})


@dataclass(frozen=True, slots=True, kw_only=True)
class Sync:
    """What is known about an Application's sync, and why no more; where it comes from a record, of
    which commit and when that was found."""

    status: SyncStatus
    message: str = ""
    revision: str = ""
    compared: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ApplicationStatus:
    """One Application as the cluster has it.

    ``spec`` is None for an Application that is not in Git, ``record`` for one that no pass has
    seen, and where nobody asked for records. The message of ``health`` names the object that
    decides it and the root cause, in one line.
    """

    name: str
    health: Health
    sync: Sync
    resources: tuple[ResourceStatus, ...] = ()
    spec: ApplicationSpec | None = None
    record: ApplicationRecord | None = None

    @property
    def category(self) -> str:
        """The category of its directory; empty for an Application that is not in Git."""
        return self.spec.category if self.spec else ""

    @property
    def subject(self) -> str:
        """What people call it: ``media/jellyfin``, or its name when it is not in Git."""
        return self.spec.subject if self.spec else self.name

    @property
    def namespace(self) -> str:
        """Its destination; without Git the namespace most of its objects are in."""
        if self.spec:
            return self.spec.destination.namespace
        found = Counter(each.key.namespace for each in self.resources if each.key.namespace)
        return min(found, key=lambda name: (-found[name], name)) if found else ""

    @property
    def kinds(self) -> Mapping[str, int]:
        """How many objects of each kind it has."""
        return dict(sorted(Counter(each.key.kind for each in self.resources).items()))

    @property
    def settled(self) -> bool:
        """Whether there is nothing to wait for."""
        return self.health.status in SETTLED


def application_statuses(
    resources: Mapping[str, Sequence[ResourceStatus]], specs: Iterable[ApplicationSpec]
) -> list[ApplicationStatus]:
    """The status of every Application that is in Git or in the cluster, by category and name.

    Args:
        resources: the live objects of each Application, by its name.
        specs: the Applications in Git; they add category and destination, and those that have no
            object yet.
    """
    in_git = {spec.name: spec for spec in specs}
    found = [
        ApplicationStatus(
            name=name,
            health=application_health(resources.get(name, ())),
            sync=_sync(in_git=name in in_git),
            resources=tuple(sorted(resources.get(name, ()), key=lambda each: each.key)),
            spec=in_git.get(name),
        )
        for name in {*resources, *in_git}
    ]
    return sorted(found, key=lambda each: (not each.category, each.category, each.name))


def with_records(
    applications: Iterable[ApplicationStatus],
    records: Mapping[str, ApplicationRecord],
    *,
    compared: datetime | None,
) -> list[ApplicationStatus]:
    """The same with what the reconciler remembers; what it has found about the sync counts.

    Args:
        applications: what Git and the cluster tell.
        records: those of the same stack.
        compared: when the last pass was.
    """
    return [
        _remembered(each, record, compared) if (record := records.get(each.name)) else each
        for each in applications
    ]


def _remembered(
    application: ApplicationStatus, record: ApplicationRecord, compared: datetime | None
) -> ApplicationStatus:
    if not record.revision:
        return replace(application, record=record)  # paused before the first pass
    sync = Sync(status=record.sync, revision=record.revision, compared=compared)
    return replace(application, sync=sync, record=record)


def health_counts(applications: Iterable[ApplicationStatus]) -> str:
    """How many Applications are how: ``30 Healthy, 2 Degraded``; empty when there are none."""
    counts = Counter(each.health.status for each in applications)
    return ", ".join(f"{counts[each]} {each.value}" for each in HealthStatus if counts[each])


def application_health(resources: Sequence[ResourceStatus]) -> Health:
    """The worst health of the objects that count, with what the first of them says.

    ArgoCD, "Resource Health", "Application Health": hooks and objects annotated
    ``ignore-healthcheck`` do not count, children do not (an object's own status tells of them), and
    a nested ArgoCD Application that is Missing or Unknown does not. Suspended objects count; they
    are better than Progressing ones. An Application of which nothing is live is Missing.
    """
    if not resources:
        return one_line(HealthStatus.MISSING, _NOTHING_LIVE)
    counted = [each for each in resources if _counts(each)]
    status = worst(each.health.status for each in counted)
    decisive = sorted(
        (each for each in counted if each.health.status is status),
        key=lambda each: (not each.message, not each.cause, each.key),
    )
    if status is HealthStatus.HEALTHY or not decisive:
        return Health(status=status)
    told = f"{decisive[0].key}: {decisive[0].message or 'no reason given'}"
    others = len(decisive) - 1
    return one_line(status, f"{told} (and {others} more)" if others else told)


def _counts(resource: ResourceStatus) -> bool:
    if resource.hook or resource.ignored:
        return False
    nested = (resource.key.group, resource.key.kind) == _NESTED
    return not (nested and resource.health.status in _DOES_NOT_COUNT)


def _sync(*, in_git: bool) -> Sync:
    if not in_git:
        return Sync(status=SyncStatus.OUT_OF_SYNC, message=_NOT_IN_GIT)
    return Sync(status=SyncStatus.UNKNOWN, message=_NOT_COMPARED)
