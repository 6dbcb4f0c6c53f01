"""When is everything of a wave healthy?

Called by an Application's gates. It looks at the live objects until all of them are, one fails, or
the time is up; a look is a request for each kind, made in a thread so that others go on.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from typing import Any

import pulumi

from cluster.connection import Connection
from cluster.discovery import ApiResource, ClusterFacts, facts
from cluster.reading import read_objects
from cluster.threads import in_thread
from components.live_cluster import LiveCluster
from gitops.application_target import ApplicationTarget
from gitops.errors import OrderError
from gitops.health import UserRule, UserRules
from gitops.objects.manifest import Manifest, ResourceKey
from gitops.objects.ownership import APPLICATION_LABEL, label_value
from gitops.syncing.readiness import (
    Degradation,
    Unready,
    binding_late,
    has_health,
    is_claim,
    told,
    unready,
)
from gitops.syncing.stages import DEFAULT_TIMEOUT

FIRST_PAUSE, LAST_PAUSE, GROWTH = 0.2, 2.0, 1.5
SILENT_SECONDS = 10.0
_STORAGE_CLASSES = ApiResource(
    group="storage.k8s.io",
    version="v1",
    kind="StorageClass",
    plural="storageclasses",
    namespaced=False,
)


class HealthGate:
    """Waits for the objects of one Application.

    Args:
        cluster: where they are.
        target: the Application.
        rules: the user's own health scripts.
    """

    def __init__(
        self, cluster: LiveCluster, target: ApplicationTarget, *, rules: Sequence[UserRule]
    ) -> None:
        self._rules = rules
        self._cluster = cluster
        self._target = target
        self._facts: ClusterFacts | None = None
        self._seconds = target.default_options.timeout or DEFAULT_TIMEOUT

    async def healthy(self, manifests: Sequence[Manifest], *, what: str) -> None:
        """Return when all objects are healthy.

        Args:
            manifests: the objects; those whose health is to be ignored are passed over.
            what: what errors call them, such as ``wave 0``.

        Raises:
            OrderError: one stayed Degraded, or the time of the sync option Timeout is over.
            ClusterError: the API server does not answer.
        """
        with UserRules(self._rules) as rules:
            await self._wait([each for each in manifests if self._counts(each)], what, rules)

    async def _wait(self, waiting: Sequence[Manifest], what: str, rules: UserRules) -> None:
        degradation, started, pause = Degradation(), time.monotonic(), FIRST_PAUSE
        silent = True
        while waiting:
            found = await in_thread(self._look, waiting, rules)
            now = time.monotonic()
            if failed := degradation.lasting(found, now=now):
                raise self._refusal(f"{what} failed: {told(failed)}", "repair it")
            if found and now - started >= self._seconds:
                reason = f"{what} is not healthy after {self._seconds} seconds: {told(found)}"
                raise self._refusal(reason, "repair it, or give it more time (Timeout=<seconds>)")
            if found and silent and now - started >= SILENT_SECONDS:
                silent = False
                pulumi.log.info(f"{self._target.subject}: {what} waits: {told(found)}")
            held = {each.key for each in found}
            # what was healthy once has let go of the wave, as in ArgoCD
            waiting = [each for each in waiting if each.key in held]
            if waiting:
                await asyncio.sleep(pause)
                pause = min(pause * GROWTH, LAST_PAUSE)

    def _counts(self, manifest: Manifest) -> bool:
        ignored = self._target.options_for(manifest.key).ignore_healthcheck
        return has_health(manifest) and not ignored

    def _refusal(self, reason: str, remedy: str) -> OrderError:
        return OrderError(
            self._target.subject,
            f"{reason}; what comes after it is left as it is",
            remedy=f"{remedy}, then run again",
        )

    def _look(self, waiting: Sequence[Manifest], rules: UserRules) -> list[Unready]:
        connection = self._cluster.connection
        assert connection is not None
        live = read_objects(
            connection,
            self._resources(connection, waiting),
            label_selector=f"{APPLICATION_LABEL}={label_value(self._target.spec.name)}",
        )
        late = _late_classes(connection, live)
        return unready(waiting, live, late_classes=late, rules=rules)

    def _resources(
        self, connection: Connection, waiting: Sequence[Manifest]
    ) -> dict[ResourceKey, ApiResource]:
        kinds = {(each.key.group, each.key.kind) for each in waiting}
        if self._facts is None:
            self._facts = self._cluster.facts
        if self._facts is None or any(self._facts.find(*kind) is None for kind in kinds):
            self._facts = facts(connection)  # a definition of this very run
        found = self._facts
        return {
            each.key: resource
            for each in waiting
            if (resource := found.find(each.key.group, each.key.kind)) is not None
        }


def _late_classes(
    connection: Connection, live: Mapping[ResourceKey, Mapping[str, Any]]
) -> frozenset[str]:
    if not any(is_claim(key) for key in live):
        return frozenset()
    return binding_late(connection.get(_STORAGE_CLASSES.path()).get("items") or ())
