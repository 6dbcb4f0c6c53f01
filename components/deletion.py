"""How is an Application deleted that has PreDelete or PostDelete hooks, or in several waves?

Made by the program for each such deletion (``gitops.syncing.deletion_order``), once everything else
is synced: of an Application that has left Git, or of what one in Git has lost. The engine deletes
only when the program has ended, so this component deletes the objects itself, and the engine finds
nothing left to delete. A preview shows it and runs nothing; `pulumi destroy` runs no program and so
no hook. See docs/adr/0007.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Collection, Mapping, Sequence

import pulumi

from cluster.hook_cluster import HookCluster, Live
from cluster.objects import Propagation
from cluster.removal import Doomed, remove
from components.hook_runs import HookRuns
from components.live_cluster import LiveCluster
from components.wave import Wave, WaveArgs
from gitops.deployment.inventory import DELETION_TYPE, Inventory, InventoryObject
from gitops.errors import HomeOpsError, OrderError
from gitops.gate.stateful_kinds import stateful
from gitops.health import UserRule
from gitops.objects.manifest import ResourceKey, SyncPhase, annotations_of
from gitops.objects.ownership import STACK, live_key, owner
from gitops.objects.steering import propagation
from gitops.prune import HELM_POLICY
from gitops.syncing.deletion import hold_a_secret
from gitops.syncing.deletion_order import OrderedDeletion, Step
from gitops.syncing.hook_objects import phase_ran_in
from gitops.syncing.options import PropagationPolicy
from gitops.syncing.stages import DEFAULT_TIMEOUT

_PROPAGATION = {
    PropagationPolicy.FOREGROUND: Propagation.FOREGROUND,
    PropagationPolicy.BACKGROUND: Propagation.BACKGROUND,
    PropagationPolicy.ORPHAN: Propagation.ORPHAN,
}


class Deletion(Wave):
    """What goes of one Application; it passes when nothing of that is left."""

    token = DELETION_TYPE


async def delete_in_order(
    deletions: Sequence[OrderedDeletion],
    *,
    refused: Collection[str],
    inventory: Inventory,
    cluster: LiveCluster,
    options: pulumi.ResourceOptions,
    rules: Sequence[UserRule] = (),
) -> list[HomeOpsError]:
    """Declare the deletions, which run at the same time unless one comes after another.

    Args:
        deletions: what to delete.
        refused: the Applications of which something could not be applied; nothing of them goes.
        inventory: the last deployment.
        cluster: where the objects are.
        options: the provider.
        rules: the user's own health scripts.

    Returns:
        Why some of them failed. The run must then fail, or the engine would delete the rest.
    """
    stack = pulumi.get_stack()

    async def one(each: OrderedDeletion) -> HomeOpsError | None:
        if each.name in refused:
            return _stays(each, "some objects of it could not be applied", "see above")
        for name in each.after:
            if name in tasks and await tasks[name]:
                return _stays(each, f"what needs it of {name} is not deleted", "repair that")

        async def run() -> None:
            await _Steps(each, cluster, stack=stack, rules=rules).run()

        args = WaveArgs(digest=_digest(each), gate=run, last=inventory.deletions.get(each.name))
        return await Deletion(each.name, args, options).outcome()

    tasks = {each.name: asyncio.ensure_future(one(each)) for each in deletions}
    outcomes = await asyncio.gather(*tasks.values())
    return [each for each in outcomes if each is not None]


async def leave_deletions(
    living: Collection[str], inventory: Inventory, options: pulumi.ResourceOptions
) -> None:
    """Declare what earlier runs deleted of Applications in Git, as it was: there is nothing to
    do, and a run after a deletion shows no change."""
    for name, last in inventory.deletions.items():
        if name in living:
            await Deletion(name, WaveArgs(digest=last.digest, last=last), options).outcome()


def deletion_hooks_input(text: str) -> pulumi.Input[str]:
    """The hooks as an input of their Application's component, encrypted where one is a Secret."""
    return pulumi.Output.secret(text) if hold_a_secret(text) else text


class _Steps:
    """What is done, step by step; after a run that was killed, from where that one had come to."""

    def __init__(
        self,
        deletion: OrderedDeletion,
        cluster: LiveCluster,
        *,
        stack: str,
        rules: Sequence[UserRule],
    ) -> None:
        assert cluster.connection is not None
        assert cluster.facts is not None
        self._deletion = deletion
        self._target = deletion.target
        self._stack = stack
        account = deletion.target.account
        self._cluster = HookCluster(
            cluster.connection, cluster.facts, user=account.user if account else ""
        )
        self._hooks = HookRuns(cluster, deletion.target, stack=stack, rules=rules)

    async def run(self) -> None:
        """Run PreDelete hooks, delete the objects, run PostDelete hooks, sweep up.

        Raises:
            HomeOpsError: a hook failed, or an object does not go. Before that nothing after it has
                been touched.
        """
        doomed = await self._doomed()
        if doomed and not await self._has_begun(doomed):
            await self._hooks.run(SyncPhase.PRE_DELETE, keep_succeeded=True)
        for step in self._deletion.steps:
            await self._delete(step, doomed)
        await self._hooks.run(SyncPhase.POST_DELETE)
        if self._target.hooks:  # a deletion without hooks leaves what there is to the orphans
            await self._sweep()

    async def _doomed(self) -> dict[ResourceKey, Doomed]:
        found = await asyncio.gather(*(self._find(each) for each in self._deletion.objects))
        return {each.key: each for each in found if each is not None}

    async def _find(self, found: InventoryObject) -> Doomed | None:
        there = await self._cluster.find(found.key)
        if there is None:
            return None
        resource, live = there
        uid = (found.live.get("metadata") or {}).get("uid")
        if owner(live) != self._name and live["metadata"]["uid"] != uid:
            return None  # somebody else's by now
        policy = _PROPAGATION[propagation(found.body)]
        return Doomed(resource=resource, live=live, propagation=policy)

    async def _has_begun(self, doomed: Mapping[ResourceKey, Doomed]) -> bool:
        """Whether an earlier run has come past the PreDelete hooks: they have succeeded, and some
        objects have gone. Where they are needed they may not be able to run any more."""
        going = [e for e in doomed.values() if e.live["metadata"].get("deletionTimestamp")]
        untouched = len(doomed) == len(self._deletion.objects) and not going
        return not untouched and await self._hooks.have_succeeded(SyncPhase.PRE_DELETE)

    async def _delete(self, step: Step, doomed: Mapping[ResourceKey, Doomed]) -> None:
        await remove(
            self._cluster,
            [doomed[each.key] for each in step if each.key in doomed],
            subject=self._target.subject,
            timeout=float(self._target.default_options.timeout or DEFAULT_TIMEOUT),
        )

    async def _sweep(self) -> None:
        """Delete what the Application's hooks left, as ArgoCD does when it is deleted; what a
        PostDelete hook made stays as its delete policy says."""
        for resource, live in await self._cluster.made_for(self._name):
            if annotations_of(live).get(STACK) == self._stack and _is_swept(live):
                await self._cluster.delete(resource, live)

    @property
    def _name(self) -> str:
        return self._target.spec.name


def _is_swept(live: Live) -> bool:
    kept = annotations_of(live).get(HELM_POLICY) == "keep" or stateful(live_key(live))
    return not kept and phase_ran_in(live) is not SyncPhase.POST_DELETE


def _stays(deletion: OrderedDeletion, reason: str, remedy: str) -> HomeOpsError:
    text = f"{reason}; what Git does not have of it any more stays"
    return OrderError(deletion.target.subject, text, remedy=f"{remedy}, then run again")


def _digest(deletion: OrderedDeletion) -> str:
    # the same Application may come back and go again: its objects are others then
    objects = [(each.live.get("metadata") or {}).get("uid") for each in deletion.objects]
    text = json.dumps([deletion.target.digest, objects])
    return hashlib.sha256(text.encode()).hexdigest()
