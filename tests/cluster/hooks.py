"""A namespace in which hooks are run against a real API server."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from cluster.connection import Connection
from cluster.discovery import facts
from cluster.hook_cluster import HookCluster
from cluster.hook_run import HookRunner
from cluster.hook_wait import HookResult
from gitops.objects.manifest import HOOK, Manifest
from gitops.objects.ownership import Ownership
from gitops.syncing.hook_objects import HookOwner
from gitops.syncing.hook_plan import HOOK_DELETE_POLICY, PlannedHook, hooks_of
from tests.gitops.objects import an_object

APPLICATION = "local-media-jellyfin"
QUICK = {"home-ops.local/run-for": "10ms"}
FAILS = {"home-ops.local/run-for": "10ms", "home-ops.local/outcome": "fail"}
NOWHERE = {"home-ops.local/no-such-node": "true"}


@dataclass(slots=True)
class Hooks:
    """A namespace in which hooks are run, each time as another sync."""

    connection: Connection
    namespace: str
    timeout: float = 90.0
    lines: list[str] = field(default_factory=list)

    def run(self, *bodies: dict[str, Any], digest: str = "d1") -> list[HookResult]:
        """Run hooks as one wave, and then what their delete policies say."""
        return asyncio.run(self.running(*bodies, digest=digest))

    async def running(self, *bodies: dict[str, Any], digest: str = "d1") -> list[HookResult]:
        """``run``, to be awaited."""
        runner = HookRunner(
            HookCluster(self.connection, facts(self.connection)),
            HookOwner(
                subject="media/jellyfin",
                ownership=Ownership(application=APPLICATION, stack="local"),
                digest=digest,
                started=datetime.now(UTC),
            ),
            timeout=self.timeout,
            report=self.lines.append,
        )
        results = await runner.run_wave(self.planned(*bodies))
        await runner.clean_up(results)
        return results

    def planned(self, *bodies: dict[str, Any]) -> tuple[PlannedHook, ...]:
        """Rendered hooks as composition hands them on."""
        for body in bodies:
            body["metadata"].setdefault("namespace", self.namespace)
        return hooks_of([Manifest.from_body(body) for body in bodies]).hooks

    def error(self, *bodies: dict[str, Any], digest: str = "d1") -> str:
        """The one error of a wave."""
        (error,) = [str(each.error) for each in self.run(*bodies, digest=digest) if each.error]
        return error

    def jobs(self) -> list[dict[str, Any]]:
        """The Jobs that are there and stay there."""
        path = f"/apis/batch/v1/namespaces/{self.namespace}/jobs"
        listed = self.connection.get(path).get("items") or ()
        return [each for each in listed if "deletionTimestamp" not in each["metadata"]]

    def uids(self) -> dict[str, str]:
        """The uid of each Job."""
        return {each["metadata"]["name"]: each["metadata"]["uid"] for each in self.jobs()}


def job(
    name: str,
    *policies: str,
    phase: str = "PreSync",
    pod: dict[str, str] | None = None,
    node: dict[str, str] | None = None,
    generate: bool = False,
    **spec: Any,
) -> dict[str, Any]:
    """A hook that is a Job; its pod ends at once unless something is said about it."""
    container = {"name": "main", "image": "registry.example/migrate:1"}
    template = {
        "metadata": {"annotations": pod or QUICK},
        "spec": {
            "restartPolicy": "Never",
            "containers": [container],
            "nodeSelector": node or {},
        },
    }
    annotations = {HOOK: phase}
    if policies:
        annotations[HOOK_DELETE_POLICY] = ",".join(policies)
    body = an_object("batch/v1", "Job", name, annotations=annotations)
    if generate:
        body["metadata"]["generateName"] = body["metadata"].pop("name")
    return {**body, "spec": {"backoffLimit": 0, "template": template, **spec}}
