"""How is one wave of an Application's hooks run in a cluster?

Called by the component that runs hooks. What an earlier run left is deleted, the objects are
created, and each is waited for. Source: ArgoCD, "Sync Phases and Waves".
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence

from cluster.connection import StatusError
from cluster.discovery import ApiResource
from cluster.hook_cluster import HookCluster, Live
from cluster.hook_failures import name_of, refused, stuck, taken, unserved
from cluster.hook_wait import (
    FIRST_PAUSE,
    HookResult,
    Patience,
    StartedHook,
    paused,
    wait_for,
)
from cluster.threads import in_thread
from gitops.errors import ClusterError, HookError
from gitops.health import UserRules
from gitops.objects.manifest import annotations_of
from gitops.objects.ownership import live_key
from gitops.syncing.hook_objects import (
    HOOK_DIGEST,
    HookOwner,
    deleted_before,
    may_be_taken,
    object_of,
    outcome,
    run_digest,
)
from gitops.syncing.hook_plan import PlannedHook


class HookRunner:
    """Runs the hooks of one Application's sync.

    Args:
        cluster: where they run.
        owner: the sync they run for.
        timeout: seconds a hook may take, and what an earlier run left may take to go.
        validate: whether the API server refuses fields it does not know (``Validate=false``).
        rules: the user's own health scripts.
        report: takes a line for each step.
    """

    def __init__(
        self,
        cluster: HookCluster,
        owner: HookOwner,
        *,
        timeout: float,
        validate: bool = True,
        rules: UserRules | None = None,
        report: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._cluster = cluster
        self._owner = owner
        self._patience = Patience(subject=owner.subject, timeout=timeout, rules=rules)
        self._validate = validate
        self._report = report

    async def run_wave(self, hooks: Sequence[PlannedHook]) -> list[HookResult]:
        """Run hooks together: what was left is deleted, all are created in their order, and all
        that were are waited for, even when one has failed (as ArgoCD does).

        Raises:
            ClusterError: the API server does not answer, or refuses more than a hook.
        """
        cleared = await asyncio.gather(*(self._cleared(hook) for hook in hooks))
        refusals = [each for each in cleared if isinstance(each, HookResult)]
        if refusals:
            return refusals
        resources = [each for each in cleared if not isinstance(each, HookResult)]
        started: list[StartedHook] = []
        for hook, resource in zip(hooks, resources, strict=True):
            try:
                started.append(await self._create(hook, resource))
            except HookError as error:
                refusals.append(HookResult(hook=hook, error=error))
                break
        ended = await asyncio.gather(*(self._ended(each) for each in started))
        return [*refusals, *ended]

    async def clean_up(self, results: Sequence[HookResult]) -> None:
        """Delete the objects of ended hooks whose policy says so; what cannot be is reported."""
        for each in results:
            deleted = each.hook.deleted_after(succeeded=each.error is None)
            if not deleted or each.live is None or each.resource is None:
                continue
            try:
                await self._cluster.delete(each.resource, each.live)
            except ClusterError as error:
                self._report(f"{live_key(each.live)} could not be deleted: {error}")

    async def has_succeeded(self, hook: PlannedHook) -> bool:
        """Whether the hook has run for this very sync, and well, as its object still tells."""
        resource = await self._resource(hook)
        digest = run_digest(hook, self._owner)
        left = await self._cluster.left_by(hook, resource, self._application)
        ran = [each for each in left if annotations_of(each).get(HOOK_DIGEST) == digest]
        return any([await self._outcome(each) for each in ran])

    @property
    def _application(self) -> str:
        return self._owner.ownership.application

    async def _outcome(self, live: Live) -> bool | None:
        return await in_thread(outcome, live, self._patience.rules)

    async def _resource(self, hook: PlannedHook) -> ApiResource:
        key, version = hook.manifest.key, hook.manifest.api_version.rpartition("/")[2]
        found = await self._cluster.resource(key.group, key.kind, version=version)
        if found is None:
            raise unserved(hook, subject=self._owner.subject)
        return found

    async def _cleared(self, hook: PlannedHook) -> ApiResource | HookResult:
        try:
            return await self._clear(hook)
        except HookError as error:
            return HookResult(hook=hook, error=error)

    async def _clear(self, hook: PlannedHook) -> ApiResource:
        """Delete what an earlier run left, as the policy says, and wait until it has gone."""
        resource = await self._resource(hook)
        going = []
        for live in await self._cluster.left_by(hook, resource, self._application):
            if not may_be_taken(live, self._application):
                raise taken(hook, live, subject=self._owner.subject)
            if await self._goes(hook, live):
                self._report(f"{name_of(hook, live_key(live))}: deletes what an earlier run left")
                await self._cluster.delete(resource, live)
                going.append(live)
            elif live["metadata"].get("deletionTimestamp"):
                going.append(live)
        for live in going:
            await self._gone(hook, resource, live)
        return resource

    async def _goes(self, hook: PlannedHook, live: Live) -> bool:
        digest, rules = run_digest(hook, self._owner), self._patience.rules
        return await in_thread(deleted_before, hook, live, digest=digest, rules=rules)

    async def _gone(self, hook: PlannedHook, resource: ApiResource, live: Live) -> None:
        timeout, pause = self._patience.timeout, FIRST_PAUSE
        deadline = time.monotonic() + timeout
        while (seen := await self._cluster.look(resource, live)) is not None:
            if time.monotonic() > deadline:
                raise stuck(hook, seen, subject=self._owner.subject, timeout=timeout)
            pause = await paused(pause)

    async def _create(self, hook: PlannedHook, resource: ApiResource) -> StartedHook:
        manifest = object_of(hook, self._owner)
        self._report(f"{name_of(hook, manifest.key)} runs")
        try:
            live = await self._cluster.apply(resource, manifest, validate=self._validate)
        except StatusError as error:
            raise refused(hook, manifest, error, subject=self._owner.subject) from error
        return StartedHook(hook=hook, resource=resource, live=live, began=time.monotonic())

    async def _ended(self, started: StartedHook) -> HookResult:
        result = await wait_for(self._cluster, started, self._patience)
        if result.error is None:
            name = name_of(result.hook, live_key(started.live))
            self._report(f"{name} succeeded after {result.seconds:.1f} s")
        return result
