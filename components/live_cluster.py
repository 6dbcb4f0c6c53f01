"""What does the cluster at hand serve, and which of our objects has the state forgotten?

Called by the program before composition. Where no cluster answers, a preview goes on with the
versions pinned in the config; an update stops.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import pulumi

from cluster.connection import Connection, connect
from cluster.discovery import ClusterFacts, facts
from cluster.listing import list_objects
from cluster.objects import delete, get
from gitops.config import Settings
from gitops.errors import ClusterError, ConfigError
from gitops.ignoring.apply import LiveOwners
from gitops.manifest import ResourceKey
from gitops.orphans import LiveObject
from gitops.ownership import APPLICATION_LABEL
from gitops.scope import pinned_kinds
from gitops.target import ClusterView
from gitops.versions import ClusterVersions

TIMEOUT_SECONDS = 3.0
WORKERS = 8


@dataclass(slots=True)
class LiveCluster:
    """The cluster of a run: connected, or only described by the config.

    The connection stays open until the process ends: hooks run after the program's last line.
    """

    view: ClusterView
    connection: Connection | None = None
    facts: ClusterFacts | None = None

    def owned(self) -> list[LiveObject]:
        """Every object in the cluster with our label; none where no cluster is at hand."""
        if self.connection is None or self.facts is None:
            return []
        deletable = [each for each in self.facts.resources if "delete" in each.verbs]
        found = list_objects(
            self.connection, deletable, label_selector=APPLICATION_LABEL, metadata_only=True
        )
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

    def delete(self, live: Sequence[LiveObject]) -> None:
        """Delete exactly these objects, and none that took a name since."""
        assert self.connection is not None
        assert self.facts is not None
        for each in live:
            resource = self.facts.find(each.key.group, each.key.kind)
            if resource is not None:
                delete(self.connection, resource, each.key, uid=each.uid)

    def is_going(self, key: ResourceKey) -> bool:
        """Whether an object is there and its deletion has begun."""
        live = self.find(key)
        return live is not None and LiveObject.from_body(live).going


def open_cluster(settings: Settings) -> LiveCluster:
    """Connect to the stack's cluster.

    Raises:
        ClusterError: it cannot be reached, and this is no preview.
        ConfigError: it cannot be reached in a preview, and no version is pinned either.
    """
    try:
        connection = connect(settings.kubernetes.context or None, timeout=TIMEOUT_SECONDS)
        found = facts(connection)
    except ClusterError as error:
        if not pulumi.runtime.is_dry_run():
            raise
        return LiveCluster(view=_pinned(settings, error))
    view = ClusterView(versions=found.versions, served=found.served_kinds(), complete=True)
    return LiveCluster(view=view, connection=connection, facts=found)


def _pinned(settings: Settings, error: ClusterError) -> ClusterView:
    version = settings.kubernetes.version
    if not version:
        raise ConfigError(
            "config home-ops:kubernetes.version",
            f"not set, and the cluster cannot be asked ({error.reason})",
            remedy="set it to the cluster's version to preview without the cluster",
        ) from error
    pulumi.log.warn(
        f"{error}. Previewing with the pinned Kubernetes {version}: nothing is compared with the "
        "cluster."
    )
    versions = ClusterVersions(version, settings.kubernetes.api_versions)
    return ClusterView(versions=versions, served=pinned_kinds(settings.kubernetes.api_versions))
