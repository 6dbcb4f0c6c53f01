"""How are the Applications of one stack?

Read from the cluster by LIST, never from a plan or from Pulumi's state; Git adds the categories and
the Applications that have no object yet. Called by the commands; printing shows the result.
"""

from __future__ import annotations

import re
import time
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from cluster.application_records import Records
from cluster.connection import FORBIDDEN, Connection, StatusError
from cluster.discovery import ClusterFacts, facts
from cluster.lease import last_holder
from cluster.listing import ListStats, Skipped
from cluster.live_status import LiveStatus, read_status
from cluster.stack_cluster import connect_to
from gitops.application import ApplicationSpec
from gitops.config import Settings
from gitops.configuration.suggestions import did_you_mean
from gitops.errors import ConfigError
from gitops.health import UserRules
from gitops.objects.ownership import APPLICATION_LABEL, label_value
from gitops.status.application import ApplicationStatus, application_statuses, with_records
from gitops.status.label_selector import Requirement

_MOST_NAMES = 20  # a longer selector costs more than it saves
_LABEL = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?")  # else no Application has the name


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """The Applications at one moment, and what could not be read."""

    applications: list[ApplicationStatus]
    skipped: tuple[Skipped, ...] = ()
    stats: ListStats = field(default_factory=ListStats)
    seconds: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Which Applications are meant; an empty field accepts any."""

    categories: Collection[str] = ()
    application_sets: Collection[str] = ()
    projects: Collection[str] = ()
    labels: Sequence[Requirement] = ()

    def accepts(self, application: ApplicationStatus) -> bool:
        """Whether the Application is meant."""
        return self.accepts_spec(application.spec)

    def accepts_spec(self, spec: ApplicationSpec | None) -> bool:
        """Whether it is meant, by what Git has of it; one that is not in Git has none of these."""
        return all(
            not allowed or (spec is not None and actual in allowed)
            for allowed, actual in (
                (self.categories, spec.category if spec else ""),
                (self.application_sets, spec.application_set if spec else ""),
                (self.projects, spec.project if spec else ""),
            )
        ) and all(each.accepts(spec.labels if spec else {}) for each in self.labels)


class StatusReader:
    """Reads the status of a stack's Applications, as often as wanted, over one connection.

    Args:
        settings: the stack's config.
        specs: the Applications in Git.
        stack: the stack's name.
    """

    def __init__(self, settings: Settings, specs: Iterable[ApplicationSpec], *, stack: str) -> None:
        self._settings = settings
        self._specs = tuple(specs)
        self._stack = stack
        self._rules = UserRules(settings.health_rules)
        self._connection: Connection | None = None
        self._facts: ClusterFacts | None = None

    def __enter__(self) -> Self:
        self._rules.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._rules.__exit__(kind, error, traceback)
        if self._connection is not None:
            self._connection.close()

    def read(self, names: Collection[str] = (), *, remembered: bool = False) -> Reading:
        """The Applications with these names, or all.

        Args:
            names: which.
            remembered: read their records as well, so what the last pass has found.

        Raises:
            ClusterError: the cluster does not answer, or refuses.
        """
        started = time.perf_counter()
        found = self._live(names)
        meant = [spec for spec in self._specs if not names or spec.name in names]
        statuses = application_statuses(found.resources, meant)
        if remembered:
            statuses = self._with_records(statuses)
        return Reading(
            applications=[each for each in statuses if not names or each.name in names],
            skipped=found.skipped,
            stats=found.stats,
            seconds=time.perf_counter() - started,
        )

    def names(self, given: Sequence[str]) -> list[str]:
        """The full names of Applications in Git that may be given as ``media/jellyfin``; other
        names are left as they are, as the cluster may have them."""
        subjects = {spec.subject: spec.name for spec in self._specs}
        return [subjects.get(name, name) for name in given]

    def _with_records(self, statuses: Iterable[ApplicationStatus]) -> list[ApplicationStatus]:
        connection = self._connected()
        namespace, stack = self._settings.bootstrap.namespace, self._stack
        try:
            records = Records(connection, namespace=namespace, stack=stack).read()
            last = last_holder(connection, namespace=namespace, stack=stack) if records else None
        except StatusError as error:
            if error.code != FORBIDDEN:
                raise
            return list(statuses)  # whoever may read Applications' objects need not read records
        return with_records(statuses, records, compared=last.renewed if last else None)

    def _connected(self) -> Connection:
        if self._connection is None:
            self._connection = connect_to(self._settings.kubernetes)
        return self._connection

    def _live(self, names: Collection[str]) -> LiveStatus:
        connection = self._connected()
        if self._facts is None:
            self._facts = facts(connection)
        selector = APPLICATION_LABEL
        labels = [label_value(name) for name in names]
        if labels and len(labels) <= _MOST_NAMES and all(map(_LABEL.fullmatch, labels)):
            selector += f" in ({','.join(labels)})"
        found = read_status(
            connection,
            self._facts,
            stack=self._stack,
            rules=self._rules,
            label_selector=selector,
        )
        if found.waits_for_discovery:
            self._facts = None  # what a new definition defines is served any moment
        return found


def require(names: Sequence[str], reader: StatusReader) -> list[str]:
    """The full names of Applications that exist, in Git or in the cluster.

    Raises:
        ConfigError: there is none of such a name; the text suggests one.
        ClusterError: the cluster does not answer, or refuses.
    """
    wanted = reader.names(names)
    known = reader.read(wanted).applications
    present = {each.name for each in known}
    for given, name in zip(names, wanted, strict=True):
        if name not in present:
            every = reader.read().applications
            allowed = {text for each in every for text in (each.name, each.subject)}
            raise ConfigError(
                f"Application {given}",
                "it is neither in Git nor in the cluster",
                remedy=f"`gitops app list` shows what there is{did_you_mean(given, allowed)}",
            )
    return wanted
