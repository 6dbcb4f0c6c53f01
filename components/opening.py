"""Which cluster does a run see, and what is rendered and placed for?

Called once by a run that nobody has decided before. Where no cluster answers, a preview goes on
with the versions pinned in the config; an update stops.
"""

from __future__ import annotations

import os
from datetime import UTC, datetime

import pulumi

from cluster import lease
from components.live_cluster import LiveCluster, Opened, opened
from gitops.config import Settings
from gitops.errors import ClusterError, ConfigError
from gitops.objects.scope import pinned_kinds
from gitops.target import ClusterView
from gitops.versions import ClusterVersions


def open_cluster(settings: Settings) -> tuple[LiveCluster, ClusterView]:
    """Connect to the stack's cluster; it, and what it is rendered and placed for.

    Raises:
        ClusterError: it cannot be reached, and this is no preview.
        ConfigError: it cannot be reached in a preview, and no version is pinned either.
    """
    try:
        found = opened(settings)
    except ClusterError as error:
        if not pulumi.runtime.is_dry_run():
            raise
        return LiveCluster(lambda: None), _pinned(settings, error)
    _warn_of_others(found, settings)
    facts = found.facts
    view = ClusterView(versions=facts.versions, served=facts.served_kinds(), complete=True)
    return LiveCluster(lambda: found), view


def _warn_of_others(found: Opened, settings: Settings) -> None:
    namespace, stack = settings.bootstrap.namespace, pulumi.get_stack()
    now = datetime.now(UTC)
    try:
        other = lease.holder(found.connection, namespace=namespace, stack=stack, now=now)
    except ClusterError:
        return  # who may not read leases may still sync
    if other is not None and other.identity != os.environ.get(lease.ENVIRONMENT):
        pulumi.log.warn(
            f"stack {stack}: {other.identity} is syncing it right now; wait for it to end, or both "
            "runs may apply different revisions"
        )


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
