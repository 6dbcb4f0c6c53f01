"""How do the Applications a pass has decided about become what Git says?

Called by the pass, once it is known that something has to be done; only here the engine starts. As
a rule it is given the Applications concerned and nothing else; everything is run where something
has changed that they share, and where the state would not fit together afterwards.
"""

from __future__ import annotations

import os
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cluster.impersonation import accounts_in, write_kubeconfigs
from gitops.command_plugin import with_plugin
from gitops.decision import Run as DecidedRun
from gitops.decision import decide
from gitops.deployment import handover
from gitops.deployment.definitions import Share, is_definition, share_of
from gitops.deployment.handover import Handover
from gitops.deployment.incremental import Restricted, restrict
from gitops.deployment.inventory import Inventory
from gitops.deployment.stack_names import definitions_stack, main_stack, shard_index
from gitops.deployment.sync_targets import Targets, application_urns, sync_targets
from gitops.errors import ConfigError, HomeOpsError, OwnershipError
from gitops.gate.settings import ENVIRONMENT as CONFIRM
from gitops.gate.settings import read_confirmations
from gitops.objects.known_fields import refuse_unknown_fields
from gitops.objects.manifest import ResourceKey
from gitops.objects.replacements import with_replacements
from gitops.rollback import RollbackError
from gitops.sharding.division import Division, in_whole_order, refuse_strangers
from gitops.stores import cache_root
from gitops.target import Target
from reconciler.engine.failures import EngineError
from reconciler.passes.stopping import StoppedError
from reconciler.sharding import moving
from reconciler.state.file import StateError
from reconciler.syncing import definitions, slices
from reconciler.syncing.request import SyncRequest
from reconciler.syncing.results import SyncResult, sync_result
from reconciler.syncing.slices import last_deployment, read_ahead
from reconciler.syncing.staleness import stale

if TYPE_CHECKING:
    from reconciler.engine.automation import Run


def sync(request: SyncRequest) -> SyncResult:
    """Sync; what one Application does wrong holds up no other.

    Raises:
        ToolError: the environment lacks what the engine needs.
    """
    work, error, killed = _Sync(request), "", False
    try:
        work.run()
    except (EngineError, StateError) as raised:
        error, killed = str(raised), raised.killed
    except (OwnershipError, ConfigError, RollbackError, StoppedError) as raised:
        error = str(raised)
    killed = killed or any(each.killed for each in work.runs)
    error = error or _how_it_ended(request, killed=killed)
    result = sync_result(work.runs, request.target, left_out=work.left_out, error=error)
    return replace(result, waiting=work.waiting, full=work.full, reason=work.reason, killed=killed)


def _how_it_ended(request: SyncRequest, *, killed: bool) -> str:
    """Why the engine did not come to its end; empty where it did."""
    try:
        if request.stop is not None:
            request.stop.check()
    except StoppedError as stopped:
        return str(stopped)
    if not killed:
        return ""
    remedy = "the next pass runs everything; look for what kills it, such as a lack of memory"
    return str(HomeOpsError(f"stack {request.stack}", "the engine was killed", remedy=remedy))


class _Sync:
    """One sync: what was run, and what was left out of it, or waits to be deleted."""

    def __init__(self, request: SyncRequest) -> None:
        self._request = request
        self.runs: list[Run] = []
        self.left_out: dict[str, str] = {}
        self.waiting: dict[str, str] = {}
        self._wanted = dict(request.wanted)
        self.full = request.full
        self.reason = ""

    def run(self) -> None:
        request = self._request
        slices.clear(request.stack)
        handover.clear(_handed_over(request.stack))
        separate = request.settings.separate_definitions
        if separate and self._definitions_are_concerned():
            self._refuse_if_only_a_part("its definitions are in a stack of their own")
            self._definitions()
        state = (request.state or read_ahead(request.root, request.stack)).result()
        if request.division:
            refuse_strangers(request.division, state, stack=request.stack)
        if self.full:
            self._refuse_if_only_a_part("no pass has run everything yet")
            self._everything(state)
            return
        outdated = stale(self._wanted, request.target, state)
        if outdated:
            state = self._read_anew(request.stack, outdated, state)
        share = self._share(state)
        restricted = restrict(self._decided(state, share), self._wanted)
        targets = _targets(restricted, request.division, share.target, state, request.stack)
        self.reason = targets.everything or _other_program(request.root)
        if self.reason:
            self._refuse_if_only_a_part(self.reason)
            self.full = True
            self._everything(state)
            return
        self.left_out.update(restricted.left_out)
        self.waiting.update(restricted.waiting)
        if restricted.names:
            self._some(restricted, targets, state)

    def _refuse_if_only_a_part(self, reason: str) -> None:
        if self._request.part_only:
            raise RollbackError(
                f"stack {self._request.stack}",
                f"only a run of everything could do that, and it would apply what Git says "
                f"({reason})",
                remedy="revert the commit in Git",
            )

    def _definitions_are_concerned(self) -> bool:
        """Whether one differs, or where everything is run the state of their stack does."""
        request = self._request
        if any(map(definitions.concerned, request.wanted.values())):
            return True
        if not self.full or shard_index(request.stack):
            return False
        deployed = last_deployment(request.root, definitions_stack(request.stack))
        whole = request.division.whole if request.division else request.target
        return not definitions.settled(whole, deployed)

    def _definitions(self) -> None:
        """Run the definitions; Applications whose own could not be applied are left out."""
        request = self._request
        stack = definitions_stack(request.stack)
        deployed = last_deployment(request.root, stack)
        if outdated := stale(request.wanted, request.target, deployed):
            self._read_anew(stack, outdated, deployed)
        run = self._definitions_up()
        self.runs.append(run)
        for name, comparison in request.wanted.items():
            if definitions.only_concerned(comparison) or (
                not run.succeeded and definitions.concerned(comparison)
            ):
                del self._wanted[name]

    def _definitions_up(self) -> Run:
        request = self._request
        check = request.stop.check if request.stop else lambda: None
        with ExitStack() as alone:
            if request.division:  # all shards have them in common
                alone.enter_context(
                    moving.definitions_held(request.settings, request.stack, check=check)
                )
            return definitions.up(
                request.root, request.stack, stop=request.stop, on_event=request.on_event
            )

    def _share(self, inventory: Inventory) -> Share:
        request = self._request
        separate = request.settings.separate_definitions
        return share_of(request.stack, request.target, request.live, inventory, separate=separate)

    def _read_anew(self, stack: str, outdated: frozenset[str], deployed: Inventory) -> Inventory:
        """The state, once it is right about some objects of the cluster."""
        from reconciler.engine import automation

        root = self._request.root
        self._have_kubeconfigs(stack, deployed)
        self.runs.append(automation.refresh(root, stack, targets=sorted(outdated)))
        return last_deployment(root, stack)

    def _have_kubeconfigs(self, stack: str, deployed: Inventory) -> None:
        # the engine reads with the providers in the state, and no program runs before that
        settings = self._request.settings
        references = (each.provider for each in deployed.objects.values())
        write_kubeconfigs(settings, accounts_in(references, settings), stack=stack)

    def _decided(self, inventory: Inventory, share: Share) -> DecidedRun:
        request = self._request
        given = read_confirmations(os.environ.get(CONFIRM, ""), subject=CONFIRM)
        checked = with_plugin(with_replacements(e, inventory) for e in share.target.applications)
        checked = refuse_unknown_fields(checked, inventory, request.schemas)
        return decide(
            replace(request.settings, confirm=request.settings.confirm | given),
            replace(share.target, applications=in_whole_order(checked, request.division)),
            inventory,
            live=share.live,
            owners=request.owners,
            stack=main_stack(request.stack),
            elsewhere=share.elsewhere | self._beside,
            division=request.division,
        )

    @property
    def _beside(self) -> frozenset[ResourceKey]:
        division = self._request.division
        return division.elsewhere if division else frozenset()

    def _everything(self, state: Inventory) -> None:
        request = self._request
        outdated = stale(request.wanted, request.target, state)
        outdated |= {urn for key in request.base for urn in state.urns.get(key, ())}
        held = application_urns(
            (*request.target.applications, *request.in_git),
            state,
            request.held,
            stack=_short(request.stack),
        )
        self._up(exclude=sorted(held))
        if outdated:
            self._have_kubeconfigs(request.stack, state)
            self._up(targets=sorted(outdated), refresh=True)
        if not self._beside.isdisjoint(state.objects):
            self._up(exclude=sorted(held))  # as below, for what is in another shard now
        if shard_index(request.stack):
            return
        if request.settings.separate_definitions:
            if any(is_definition(key) for key in state.objects):
                self._up()  # the first run made sure that they stay; this one lets them go
        elif last_deployment(request.root, definitions_stack(request.stack)).objects:
            self.runs.append(self._definitions_up())

    def _some(self, restricted: Restricted, targets: Targets, state: Inventory) -> None:
        request, stack = self._request, _short(self._request.stack)
        file = handover.write(
            Handover(
                stack=stack,
                commit=request.commit,
                program=handover.program_digest(request.root),
                part=restricted.part,
            ),
            _handed_over(stack),
        )
        try:
            some = partial(self._up, targets=sorted(targets.urns), handover=file)
            if not slices.run_apart(
                state, targets.registered, lambda variables: some(environment=variables)
            ):
                some()
        finally:
            file.unlink(missing_ok=True)

    def _up(self, **options: Any) -> None:
        from reconciler.engine import automation

        request = self._request
        run = automation.up(
            request.root, request.stack, stop=request.stop, on_event=request.on_event, **options
        )
        self.runs.append(run)


def _handed_over(stack: str) -> Path:
    return cache_root() / "handover" / _short(stack)


def _targets(
    restricted: Restricted,
    division: Division | None,
    target: Target,
    inventory: Inventory,
    stack: str,
) -> Targets:
    elsewhere = (
        manifest.key
        for application in (*target.applications, *(division.others if division else ()))
        if application.spec.name not in restricted.names
        for manifest in application.manifests
    )
    return sync_targets(restricted, inventory, elsewhere=elsewhere, stack=_short(stack))


def _other_program(root: Path) -> str:
    """Why the program in a tree cannot be handed what this one has decided."""
    same = handover.program_digest(root) == handover.program_digest()
    return "" if same else "the program in Git is another than the one that reconciles"


def _short(stack: str) -> str:
    return stack.rpartition("/")[2]
