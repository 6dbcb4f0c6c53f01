"""How is an Application deleted that has PreDelete or PostDelete hooks?

Made by the program for each such Application that has left Git, once everything else is synced. The
engine deletes only when the program has ended, with no place for a hook after it; so this component
deletes the objects itself, between the hooks, and the engine finds nothing left to delete. A
preview shows it and runs nothing; `pulumi destroy` runs no program and so no hook.
See docs/adr/0007.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Mapping, Sequence

import pulumi

from cluster.hook_cluster import HookCluster, Live
from cluster.objects import Propagation
from cluster.removal import Doomed, remove
from components.hook_runs import HookRuns
from components.live_cluster import LiveCluster
from components.wave import Wave, WaveArgs
from gitops.errors import HomeOpsError
from gitops.gate.stateful_kinds import stateful
from gitops.health import UserRule
from gitops.inventory import DELETION_TYPE, Inventory, InventoryObject
from gitops.manifest import Manifest, ResourceKey, SyncPhase, annotations_of
from gitops.ownership import STACK, live_key, owner
from gitops.prune import HELM_POLICY
from gitops.syncing.deletion import DepartedApplication, hold_a_secret, options_of
from gitops.syncing.hook_objects import phase_ran_in
from gitops.syncing.options import PropagationPolicy
from gitops.syncing.stages import DEFAULT_TIMEOUT
from gitops.syncing.waves import reverse_for_deletion

_PROPAGATION = {
    PropagationPolicy.FOREGROUND: Propagation.FOREGROUND,
    PropagationPolicy.BACKGROUND: Propagation.BACKGROUND,
    PropagationPolicy.ORPHAN: Propagation.ORPHAN,
}


class Deletion(Wave):
    """The deletion of one departed Application; it passes when nothing of it is left."""

    token = DELETION_TYPE


async def delete_departed(
    departed: Sequence[DepartedApplication],
    *,
    inventory: Inventory,
    cluster: LiveCluster,
    options: pulumi.ResourceOptions,
    rules: Sequence[UserRule] = (),
) -> list[HomeOpsError]:
    """Declare the deletions, which run at the same time; why some of them failed."""
    stack = pulumi.get_stack()

    async def one(each: DepartedApplication) -> HomeOpsError | None:
        name = each.target.spec.name

        async def run() -> None:
            await _Steps(each, cluster, stack=stack, rules=rules).run()

        args = WaveArgs(digest=_digest(each), gate=run, last=inventory.deletions.get(name))
        return await Deletion(name, args, options).outcome()

    outcomes = await asyncio.gather(*(one(each) for each in departed))
    return [each for each in outcomes if each is not None]


def deletion_hooks_input(text: str) -> pulumi.Input[str]:
    """The hooks as an input of their Application's component, encrypted where one is a Secret."""
    return pulumi.Output.secret(text) if hold_a_secret(text) else text


class _Steps:
    """What is done, step by step; after a run that was killed, from where that one had come to."""

    def __init__(
        self,
        departed: DepartedApplication,
        cluster: LiveCluster,
        *,
        stack: str,
        rules: Sequence[UserRule],
    ) -> None:
        assert cluster.connection is not None
        assert cluster.facts is not None
        self._departed = departed
        self._target = departed.target
        self._stack = stack
        self._cluster = HookCluster(cluster.connection, cluster.facts)
        self._hooks = HookRuns(cluster, departed.target, stack=stack, rules=rules)

    async def run(self) -> None:
        """Run PreDelete hooks, delete the objects, run PostDelete hooks, sweep up.

        Raises:
            HomeOpsError: a hook failed, or an object does not go. Before that nothing after it has
                been touched.
        """
        doomed = await self._doomed()
        if doomed and not await self._has_begun(doomed):
            await self._hooks.run(SyncPhase.PRE_DELETE, keep_succeeded=True)
        await self._delete(doomed)
        await self._hooks.run(SyncPhase.POST_DELETE)
        await self._sweep()

    async def _doomed(self) -> dict[ResourceKey, Doomed]:
        found = await asyncio.gather(*(self._find(each) for each in self._departed.objects))
        return {each.key: each for each in found if each is not None}

    async def _find(self, found: InventoryObject) -> Doomed | None:
        there = await self._cluster.find(found.key)
        if there is None:
            return None
        resource, live = there
        uid = (found.live.get("metadata") or {}).get("uid")
        if owner(live) != self._name and live["metadata"]["uid"] != uid:
            return None  # somebody else's by now
        policy = options_of(found, self._target).prune_propagation_policy
        return Doomed(resource=resource, live=live, propagation=_PROPAGATION[policy])

    async def _has_begun(self, doomed: Mapping[ResourceKey, Doomed]) -> bool:
        """Whether an earlier run has come past the PreDelete hooks: they have succeeded, and some
        objects have gone. Where they are needed they may not be able to run any more."""
        going = [e for e in doomed.values() if e.live["metadata"].get("deletionTimestamp")]
        untouched = len(doomed) == len(self._departed.objects) and not going
        return not untouched and await self._hooks.have_succeeded(SyncPhase.PRE_DELETE)

    async def _delete(self, doomed: Mapping[ResourceKey, Doomed]) -> None:
        objects = [each for each in self._departed.objects if each.key in doomed]
        last = [each.key for each in objects if options_of(each, self._target).prune_last]
        order = reverse_for_deletion(
            [Manifest.from_body(dict(each.body)) for each in objects], prune_last=last
        )
        for together in (*(wave.manifests for wave in order.waves), order.last):
            await remove(
                self._cluster,
                [doomed[each.key] for each in together],
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


def _digest(departed: DepartedApplication) -> str:
    # the same Application may come back and go again: its objects are others then
    objects = [(each.live.get("metadata") or {}).get("uid") for each in departed.objects]
    text = json.dumps([departed.target.digest, objects])
    return hashlib.sha256(text.encode()).hexdigest()
