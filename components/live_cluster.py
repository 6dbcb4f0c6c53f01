"""What does the cluster at hand serve, and which of our objects does it hold?

Asked by the program before it decides, and by whatever has to look at live objects or delete some
while it declares.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from threading import Lock
from typing import Any

import pulumi

from cluster.connection import Connection
from cluster.discovery import ClusterFacts, facts
from cluster.limited_listing import list_within
from cluster.listing import Query, listable
from cluster.objects import delete, get
from cluster.schemas import Schemas
from cluster.stack_cluster import connect_to
from gitops.config import Settings
from gitops.ignoring.apply import LiveOwners
from gitops.objects.manifest import ResourceKey
from gitops.objects.orphans import LiveObject
from gitops.objects.ownership import APPLICATION_LABEL
from gitops.rights.limits import Limits

TIMEOUT_SECONDS = 3.0
WORKERS = 8


@dataclass(frozen=True, slots=True)
class Opened:
    """A cluster that answers."""

    connection: Connection
    facts: ClusterFacts


class LiveCluster:
    """The cluster of a run: connected, or only described by the config.

    The connection stays open until the process ends: hooks run after the program's last line.

    Args:
        connected: makes the connection, the first time somebody needs it; None where there is no
            cluster.
    """

    def __init__(self, connected: Callable[[], Opened | None]) -> None:
        self._connected = connected
        self._opened: Opened | None = None
        self._is_open = False
        self._lock = Lock()  # hooks ask in threads of their own

    @property
    def connection(self) -> Connection | None:
        """The API server, where one is at hand."""
        opened = self._open()
        return opened.connection if opened else None

    @property
    def facts(self) -> ClusterFacts | None:
        """What it serves."""
        opened = self._open()
        return opened.facts if opened else None

    def _open(self) -> Opened | None:
        with self._lock:
            if not self._is_open:
                self._opened = self._connected()
                self._is_open = True
            return self._opened

    @property
    def schemas(self) -> Schemas | None:
        """What its kinds look like; None where no cluster is at hand."""
        return Schemas(self.connection) if self.connection else None

    def owned(self, limits: Limits | None = None) -> list[LiveObject]:
        """Every object in the cluster with our label, as far as it may be looked at; none where no
        cluster is at hand."""
        if self.connection is None or self.facts is None:
            return []
        deletable = [each for each in self.facts.resources if "delete" in each.verbs]
        queries = [
            Query(resource=each, label_selector=APPLICATION_LABEL, metadata_only=True)
            for each in listable(deletable)
        ]
        found = list_within(self.connection, queries, limits)
        for skipped in found.skipped:
            pulumi.log.warn(
                f"{skipped.resource.plural}.{skipped.resource.group or 'core'}: cannot be listed "
                f"({skipped.reason}), so none left behind by a killed run can be found"
            )
        return [LiveObject.from_body(body) for body in found.objects]

    def find(self, key: ResourceKey) -> dict[str, Any] | None:
        """One object as it is now; None where there is none, or its kind is not served."""
        resource = self.facts.find(key.group, key.kind) if self.facts else None
        if resource is None or self.connection is None:
            return None
        return get(self.connection, resource, key)

    def owners(self, owned: Iterable[LiveObject]) -> LiveOwners | None:
        """Who owns which field; None where no cluster is at hand.

        Args:
            owned: what ``owned`` returned.
        """
        if self.connection is None:
            return None
        return LiveOwners(listed={each.key: each.body for each in owned}, find=self._find_all)

    def _find_all(self, keys: Sequence[ResourceKey]) -> dict[ResourceKey, dict[str, Any]]:
        with ThreadPoolExecutor(WORKERS) as pool:
            found = zip(keys, pool.map(self.find, keys), strict=True)
            return {key: live for key, live in found if live is not None}

    def delete(self, live: Sequence[LiveObject], *, users: Mapping[str, str]) -> None:
        """Delete exactly these objects, and none that took a name since.

        Args:
            live: the objects.
            users: by Application, as whom; those of others are deleted as who connects.
        """
        assert self.connection is not None
        assert self.facts is not None
        for each in live:
            resource = self.facts.find(each.key.group, each.key.kind)
            if resource is not None:
                connection = self.connection.acting_as(users.get(each.application or "", ""))
                delete(connection, resource, each.key, uid=each.uid)

    def is_going(self, key: ResourceKey) -> bool:
        """Whether an object is there and its deletion has begun."""
        live = self.find(key)
        return live is not None and LiveObject.from_body(live).going


def cluster_when_needed(settings: Settings) -> LiveCluster:
    """The stack's cluster, connected to when a gate, a hook or a deletion needs it.

    That may raise ClusterError then.
    """
    return LiveCluster(lambda: opened(settings))


def opened(settings: Settings) -> Opened:
    """Connect now.

    Raises:
        ClusterError: the cluster cannot be reached.
    """
    connection = connect_to(settings.kubernetes, timeout=TIMEOUT_SECONDS)
    return Opened(connection, facts(connection))
