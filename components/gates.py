"""What has to happen between the waves of one Application?

Called by the Application, in the order of a sync. Each gate is a marker in the tree; its work is
done in the engine's callback, so it is done once for each sync that changes something, and never in
a preview.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import pulumi

from components.health_gate import HealthGate
from components.hook_runs import HookRuns
from components.live_cluster import LiveCluster
from components.wave import Wave, WaveArgs
from gitops.application_target import ApplicationTarget
from gitops.deployment.inventory import Inventory
from gitops.errors import HomeOpsError, OrderError
from gitops.health import UserRule
from gitops.objects.manifest import SyncPhase
from gitops.syncing.stages import Stage


class Gates:
    """The gates of one Application in one run.

    Args:
        parent: the Application.
        target: what it consists of.
        inventory: the last deployment, which knows what has passed.
        cluster: where health is looked at and hooks run.
        rules: the user's own health scripts.
    """

    def __init__(
        self,
        parent: pulumi.Resource,
        target: ApplicationTarget,
        *,
        inventory: Inventory,
        cluster: LiveCluster,
        rules: Sequence[UserRule] = (),
    ) -> None:
        self._parent = parent
        self._target = target
        self._inventory = inventory
        self._health = HealthGate(cluster, target, rules=rules)
        self._hooks = HookRuns(cluster, target, stack=pulumi.get_stack(), rules=rules)

    async def before_sync(self) -> HomeOpsError | None:
        """Run the PreSync hooks; why nothing may be applied, or None."""
        return await self._gate("PreSync", lambda: self._hooks.run(SyncPhase.PRE_SYNC))

    async def after(self, stage: Stage) -> HomeOpsError | None:
        """Wait until a wave is healthy and its hooks have succeeded; why what comes next may not
        begin, or None."""
        return await self._gate(stage.label, lambda: self._settled(stage))

    async def after_sync(self) -> HomeOpsError | None:
        """Run the PostSync hooks; what is wrong, or None."""
        return await self._gate("PostSync", lambda: self._hooks.run(SyncPhase.POST_SYNC))

    def on_refusal(self) -> pulumi.ErrorHook | None:
        """What runs the SyncFail hooks when the API server refuses an object; None without any."""
        if all(each.phase is not SyncPhase.SYNC_FAIL for each in self._target.hooks):
            return None

        async def refused(args: pulumi.ErrorHookArgs) -> bool:
            subject = self._target.subject
            error = OrderError(subject, f"{args.name} is refused", remedy="correct it")
            await self._failed(error)
            return False  # nothing is tried again

        return pulumi.ErrorHook(f"refusal in {self._target.spec.name}", refused)

    async def _gate(self, label: str, work: Callable[[], Awaitable[None]]) -> HomeOpsError | None:
        async def passed() -> None:
            try:
                await work()
            except HomeOpsError as error:
                await self._failed(error)
                raise

        name = f"{self._target.spec.name}/{label}"
        args = WaveArgs(
            digest=self._target.digest,
            gate=passed,
            last=self._inventory.waves.get(name),
            again=self._target.spec.name in self._inventory.unsynced,
        )
        return await Wave(name, args, pulumi.ResourceOptions(parent=self._parent)).outcome()

    async def _settled(self, stage: Stage) -> None:
        what = f"wave {stage.wave}"
        health = asyncio.ensure_future(self._health.healthy(stage.manifests, what=what))
        try:
            if stage.has_hooks:
                await self._hooks.run(SyncPhase.SYNC, stage.wave)
            await health
        finally:
            health.cancel()

    async def _failed(self, error: HomeOpsError) -> None:
        try:
            await self._hooks.failed(error)
        except HomeOpsError as raised:
            if raised is not error:
                pulumi.log.warn(str(raised))
