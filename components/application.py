"""What does one Application look like in Pulumi's tree?

Made by the program, under its ApplicationSet. Children are the rendered objects, in the order of a
sync, and stubs of those that are kept although they are not rendered.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import pulumi

from components.application_inputs import application_inputs
from components.awaiting import NOTHING, After, applied, not_applied
from components.commands import run_after, run_before
from components.gates import Gates
from components.live_cluster import LiveCluster
from components.resources import Options, declare, declare_kept
from components.wave import leave_waves
from components.writing import SERVER_SIDE, Writing
from gitops.application_target import ApplicationTarget
from gitops.deployment.inventory import APPLICATION_TYPE, SYNCED, Inventory, InventoryObject
from gitops.errors import HomeOpsError, OrderError
from gitops.health import UserRule
from gitops.objects.manifest import Manifest, ResourceKey
from gitops.ordering import provides
from gitops.prune import stays_with_cluster, undeletable
from gitops.syncing.stages import Stage, sync_plan

type_token = APPLICATION_TYPE


@dataclass(frozen=True, slots=True, kw_only=True)
class ApplicationArgs:
    """An Application's target and what is known of its past.

    Args:
        target: its objects, or none where it is broken.
        kept: objects of the last deployment that stay although they are not rendered.
        held: objects the prune gate keeps, exactly as they are.
        leaving: objects that stay in the cluster when they leave the state.
        retained: so does everything it declares.
        departed: the Application is no longer in Git; what is kept of it is about to be released.
        inventory: the last deployment.
        replacing: hooks for the objects that are replaced.
        writing: the ways objects are written; all server-side where there is none.
        cluster: where gates look and hooks run; no gates where there is none.
        awaited: other Applications wait until this one is healthy.
        health_rules: the user's own health scripts.
    """

    target: ApplicationTarget
    inventory: Inventory
    replacing: pulumi.ResourceHookBinding | None = None
    writing: Writing | None = None
    kept: Sequence[InventoryObject] = ()
    held: Collection[ResourceKey] = ()
    leaving: Collection[ResourceKey] = ()
    retained: bool = False
    departed: bool = False
    cluster: LiveCluster | None = None
    awaited: bool = False
    health_rules: Sequence[UserRule] = ()


class Application(pulumi.ComponentResource):
    """One directory of the repository and its objects in the cluster.

    Creating it declares what objects of any Application may wait for, namespaces and definitions;
    ``declare_objects`` declares the rest, once those of all Applications are known.
    """

    def __init__(
        self, name: str, args: ApplicationArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        inputs = application_inputs(args.target, args.inventory, departed=args.departed)
        super().__init__(type_token, name, inputs, opts)
        self._args = args
        self._plan = sync_plan(
            args.target.manifests, args.target.hooks, kept=args.kept, awaited=args.awaited
        )
        self._gates = self._made_gates()
        self._on_error = self._gates.on_refusal() if self._gates else None
        self.error = args.target.error
        self.settled = asyncio.Event()
        self._has_begun = False
        self.last: Sequence[pulumi.Resource] = ()
        self._before = run_before(args.target, parent=self)
        self.provided: dict[object, pulumi.CustomResource] = {}
        self._objects: list[pulumi.CustomResource] = []
        for manifest in args.target.manifests:
            need = provides(manifest)
            if need is not None:
                self.provided[need] = self._declare(manifest, {})
        for found in args.kept:
            need = _need_met_by(found)
            if need is not None:
                self.provided[need] = self._declare_kept(found, {})

    @property
    def name(self) -> str:
        """The Application's name."""
        return self._args.target.spec.name

    @property
    def objects(self) -> Sequence[pulumi.Resource]:
        """All it has declared in the cluster."""
        return self._objects

    @property
    def is_broken(self) -> bool:
        """Whether it could not be synced from the start; ``Target`` knows why."""
        return self._args.target.error is not None

    @property
    def subject(self) -> str:
        """What errors call it."""
        return self._args.target.subject

    def _made_gates(self) -> Gates | None:
        args = self._args
        wanted = args.target.hooks or any(each.gated for each in self._plan.stages)
        if not wanted or args.cluster is None:
            return None
        return Gates(
            self,
            args.target,
            inventory=args.inventory,
            cluster=args.cluster,
            rules=args.health_rules,
        )

    async def declare_objects(
        self, provided: Mapping[object, pulumi.Resource], after: After = NOTHING
    ) -> None:
        """Declare the remaining objects, wave after wave, each after the namespace and definition
        it needs. ``error`` says afterwards why some were not declared; the run must then fail, or
        the engine would delete them.

        Args:
            provided: the namespaces (by name) and definitions (by group and kind) of all
                Applications.
            after: the Applications that come first.
        """
        try:
            self.error = await self._sync(provided, after) or self.error
            if self.error is None:
                run_after(self._args.target, parent=self, after=self._objects)
            synced = await self._is_synced()
            self.register_outputs({"objects": len(self._objects), SYNCED: synced})
        finally:
            self.settled.set()

    async def _is_synced(self) -> bool:
        """Whether the next run may go on from here; a sync that failed begins anew, its hooks
        included. What has not begun leaves it at what was before."""
        if self._gates is None or not self._has_begun:
            return self.name not in self._args.inventory.unsynced
        return self.error is None and not await not_applied(self._objects)

    async def _sync(
        self, provided: Mapping[object, pulumi.Resource], after: After
    ) -> HomeOpsError | None:
        target = self._args.target
        if error := await after.settled(target):
            return error
        needs = _needs(target, provided)
        if await not_applied([*needs, *self._before]):
            return self._not_applied("what its objects need")
        gates, self._has_begun = self._gates, True
        if gates and self._plan.pre_sync and (error := await gates.before_sync()):
            return error
        earlier: Sequence[pulumi.Resource] = after.lasts
        for stage in self._plan.stages:
            members = await self._declare_stage(stage, provided, earlier)
            if gates and stage.gated:
                if await not_applied(members):
                    return self._not_applied(f"wave {stage.wave}")
                if error := await gates.after(stage):
                    return error
            if stage is not self._plan.stages[-1]:
                earlier = await applied(members) or earlier
        if gates and self._plan.post_sync:
            return await gates.after_sync()
        if target.error is not None or target.stopped:
            await leave_waves(self, self.name, self._args.inventory)
        return None

    def _not_applied(self, what: str) -> HomeOpsError:
        return OrderError(
            self._args.target.subject,
            f"{what} could not be applied; what comes after it is left as it is",
            remedy="see what the API server says above, then run again",
        )

    async def _declare_stage(
        self,
        stage: Stage,
        provided: Mapping[object, pulumi.Resource],
        earlier: Sequence[pulumi.Resource],
    ) -> list[pulumi.CustomResource]:
        """Declare a wave so that it is deleted before the wave before it, with as many edges as the
        two have objects: the first object depends on all of the wave before, the others on it.

        Of an Application others wait for, the last object depends on all others, so that they need
        to depend on that one only.
        """
        makers = [
            *(partial(self._declare, each) for each in stage.manifests if provides(each) is None),
            *(partial(self._declare_kept, each) for each in stage.kept if not _need_met_by(each)),
        ]
        is_last = self._args.awaited and stage is self._plan.stages[-1]
        closing = makers.pop() if is_last and len(makers) > 1 else None
        members: list[pulumi.CustomResource] = []
        for make in makers:
            members.append(make(provided, earlier))
            if earlier and len(members) == 1:
                earlier = await applied(members)
        if closing is not None:
            members.append(closing(provided, await applied(members)))
        if is_last:
            self.last = await applied(members[-1:])
        return members

    def _declare(
        self,
        manifest: Manifest,
        provided: Mapping[object, pulumi.Resource],
        earlier: Sequence[pulumi.Resource] = (),
    ) -> pulumi.CustomResource:
        key = manifest.key
        target, writing = self._args.target, self._args.writing
        asked = target.options_for(key)
        stays = stays_with_cluster(
            manifest.outline, asked, retained_application=target.spec.preserved
        )
        options = Options(
            parent=self,
            depends_on=[*self._before, *_needed_by(key, provided), *earlier],
            retain=self._args.retained or undeletable(key),
            retain_with=self if stays else None,
            replace_on=self._args.target.replacements.get(key, ()),
            replacing=self._args.replacing,
            partial=self._args.target.partials.get(key),
            way=writing.way(manifest, asked, account=target.account, in_part=key in target.partials)
            if writing
            else SERVER_SIDE,
            propagation=asked.prune_propagation_policy,
            on_error=self._on_error,
        )
        resource = declare(manifest.body, key, options, inventory=self._args.inventory)
        self._objects.append(resource)
        return resource

    def _declare_kept(
        self,
        found: InventoryObject,
        provided: Mapping[object, pulumi.Resource],
        earlier: Sequence[pulumi.Resource] = (),
    ) -> pulumi.CustomResource:
        target, held = self._args.target, found.key in self._args.held
        departed = self._args.departed and not held
        # a broken or stopped Application is left exactly as it was
        preserved = target.spec.preserved and target.error is None and not held
        # It waits for what it waited for before: in an update of some targets only, the engine
        # brings back what an object depended on, and registering that later would be a second time.
        options = Options(
            parent=self,
            depends_on=[*_needed_by(found.key, provided), *earlier],
            retain=departed or undeletable(found.key) or found.key in self._args.leaving,
            retain_with=self if found.retained_with_application or preserved else None,
        )
        resource = declare_kept(found, options, mark=departed or preserved)
        self._objects.append(resource)
        return resource


def _needs(
    target: ApplicationTarget, provided: Mapping[object, pulumi.Resource]
) -> list[pulumi.Resource]:
    hooks = (each.manifest for each in target.hooks)
    found = [
        need for each in (*target.manifests, *hooks) for need in _needed_by(each.key, provided)
    ]
    return list(dict.fromkeys(found))


def _needed_by(
    key: ResourceKey, provided: Mapping[object, pulumi.Resource]
) -> list[pulumi.Resource]:
    needs = (provided.get(key.namespace), provided.get((key.group, key.kind)))
    return [need for need in needs if need is not None]


def _need_met_by(found: InventoryObject) -> object | None:
    return provides(Manifest.from_body(dict(found.body)))
