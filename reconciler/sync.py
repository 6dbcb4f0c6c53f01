"""How do the Applications a pass has decided about become what Git says?

Called by the pass, once it is known that something has to be done; only here the engine starts. As
a rule it is given the Applications concerned and nothing else; everything is run where something
has changed that they share, and where the state would not fit together afterwards.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gitops import handover
from gitops.application_order import in_order
from gitops.command_plugin import with_plugin
from gitops.comparison import Comparison
from gitops.config import Settings
from gitops.decision import Run as DecidedRun
from gitops.decision import decide
from gitops.definitions import Share, is_definition, share_of
from gitops.errors import ConfigError, OwnershipError
from gitops.gate.settings import ENVIRONMENT as CONFIRM
from gitops.gate.settings import read_confirmations
from gitops.handover import Handover
from gitops.ignoring.apply import LiveOwners
from gitops.incremental import Restricted, restrict
from gitops.inventory import Inventory, from_export
from gitops.orphans import LiveObject
from gitops.replacements import with_replacements
from gitops.stack_names import definitions_stack
from gitops.stores import cache_root
from gitops.sync_targets import Targets, application_urns, sync_targets
from gitops.target import Target
from reconciler import definitions
from reconciler.events import Event
from reconciler.staleness import stale
from reconciler.sync_results import SyncResult, sync_result

if TYPE_CHECKING:
    from reconciler.engine import Run

_FILES = ("__main__.py", "Pulumi.yaml", "requirements.txt")


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncRequest:
    """What is to be synced, and nothing else may change.

    Args:
        root: the checked-out repository, with the program.
        stack: the stack's name.
        commit: what is checked out.
        settings: the config of that commit.
        target: all Applications.
        wanted: those to sync, each with how it differs.
        live: what the cluster holds of ours.
        owners: who owns which field of it.
        held: those a full run leaves as they are.
        full: run everything the program declares: its config, sets or projects changed, or it is
            time.
        state: the last deployment, where somebody has begun to read it.
        on_event: told what the engine does while it runs.
    """

    root: Path
    stack: str
    commit: str
    settings: Settings
    target: Target
    wanted: Mapping[str, Comparison]
    live: Sequence[LiveObject]
    owners: LiveOwners | None
    held: frozenset[str] = frozenset()
    full: bool = False
    state: Future[Inventory] | None = None
    on_event: Callable[[Event], None] = lambda _: None


def shared_digest(root: Path, stack: str, target: Target) -> str:
    """A hash of what is no Application's own: program, config, projects and sets."""
    total = hashlib.sha256(handover.program_digest(root).encode())
    for name in (*_FILES, f"Pulumi.{stack.rpartition('/')[2]}.yaml"):
        path = root / name
        if path.is_file():
            total.update(f"{name}\0".encode() + path.read_bytes())
    sets = sorted({each.spec.application_set for each in target.applications})
    total.update(repr((target.projects, sets)).encode())
    return total.hexdigest()


def read_ahead(root: Path, stack: str) -> Future[Inventory]:
    """Begin to read the last deployment, while something else is done."""
    with ThreadPoolExecutor(1, thread_name_prefix="state") as pool:
        future = pool.submit(_read, root, stack)
        pool.shutdown(wait=False)
        return future


def sync(request: SyncRequest) -> SyncResult:
    """Sync; what one Application does wrong holds up no other.

    Raises:
        ToolError: the environment lacks what the engine needs.
    """
    from reconciler.engine import EngineError

    work, error = _Sync(request), ""
    try:
        work.run()
    except (EngineError, OwnershipError, ConfigError) as raised:
        error = str(raised)
    result = sync_result(work.runs, request.target, left_out=work.left_out, error=error)
    return replace(result, full=work.full, reason=work.reason)


class _Sync:
    """One sync: what was run, and what was left out of it."""

    def __init__(self, request: SyncRequest) -> None:
        self._request = request
        self.runs: list[Run] = []
        self.left_out: dict[str, str] = {}
        self._wanted = dict(request.wanted)
        self.full = request.full
        self.reason = ""

    def run(self) -> None:
        request = self._request
        separate = request.settings.separate_definitions
        if separate and (self.full or any(map(definitions.concerned, request.wanted.values()))):
            self._definitions()
        state = (request.state or read_ahead(request.root, request.stack)).result()
        if self.full:
            self._everything(state)
            return
        outdated = stale(self._wanted, request.target, state)
        if outdated:
            state = self._read_anew(request.stack, outdated)
        share = self._share(state)
        restricted = restrict(self._decided(state, share), self._wanted)
        targets = _targets(restricted, share.target, state, _short(request.stack))
        self.reason = targets.everything or _other_program(request.root)
        if self.reason:
            self.full = True
            self._everything(state)
            return
        self.left_out.update(restricted.left_out)
        if restricted.names:
            self._some(restricted, targets.urns)

    def _definitions(self) -> None:
        """Run the definitions; Applications whose own could not be applied are left out."""
        request = self._request
        stack = definitions_stack(request.stack)
        outdated = stale(request.wanted, request.target, _read(request.root, stack))
        if outdated:
            self._read_anew(stack, outdated)
        run = definitions.up(request.root, request.stack, on_event=request.on_event)
        self.runs.append(run)
        for name, comparison in request.wanted.items():
            if definitions.only_concerned(comparison) or (
                not run.succeeded and definitions.concerned(comparison)
            ):
                del self._wanted[name]

    def _share(self, inventory: Inventory) -> Share:
        request = self._request
        separate = request.settings.separate_definitions
        return share_of(request.stack, request.target, request.live, inventory, separate=separate)

    def _read_anew(self, stack: str, outdated: frozenset[str]) -> Inventory:
        """The state, once it is right about some objects of the cluster."""
        from reconciler import engine

        root = self._request.root
        self.runs.append(engine.refresh(root, stack, targets=sorted(outdated)))
        return _read(root, stack)

    def _decided(self, inventory: Inventory, share: Share) -> DecidedRun:
        request = self._request
        given = read_confirmations(os.environ.get(CONFIRM, ""), subject=CONFIRM)
        checked = with_plugin(with_replacements(e, inventory) for e in share.target.applications)
        return decide(
            replace(request.settings, confirm=request.settings.confirm | given),
            replace(share.target, applications=tuple(in_order(checked))),
            inventory,
            live=share.live,
            owners=request.owners,
            stack=request.stack,
            elsewhere=share.elsewhere,
        )

    def _everything(self, state: Inventory) -> None:
        request = self._request
        outdated = stale(request.wanted, request.target, state)
        held = application_urns(
            request.target.applications,
            state,
            request.held,
            stack=_short(request.stack),
        )
        self._up(exclude=sorted(held))
        if outdated:
            self._up(targets=sorted(outdated), refresh=True)
        if request.settings.separate_definitions:
            if any(is_definition(key) for key in state.objects):
                self._up()  # the first run made sure that they stay; this one lets them go
        elif _read(request.root, definitions_stack(request.stack)).objects:
            self.runs.append(definitions.up(request.root, request.stack, on_event=request.on_event))

    def _some(self, restricted: Restricted, targets: frozenset[str]) -> None:
        request, stack = self._request, _short(self._request.stack)
        file = handover.write(
            Handover(
                stack=stack,
                commit=request.commit,
                program=handover.program_digest(request.root),
                part=restricted.part,
            ),
            cache_root() / "handover" / stack,
        )
        try:
            self._up(targets=sorted(targets), handover=file)
        finally:
            file.unlink(missing_ok=True)

    def _up(self, **options: Any) -> None:
        from reconciler import engine

        request = self._request
        run = engine.up(request.root, request.stack, on_event=request.on_event, **options)
        self.runs.append(run)


def _read(root: Path, stack: str) -> Inventory:
    from reconciler import engine

    return from_export(engine.export(root, stack))


def _targets(restricted: Restricted, target: Target, inventory: Inventory, stack: str) -> Targets:
    elsewhere = (
        manifest.key
        for application in target.applications
        if application.spec.name not in restricted.names
        for manifest in application.manifests
    )
    return sync_targets(restricted, inventory, elsewhere=elsewhere, stack=stack)


def _other_program(root: Path) -> str:
    """Why the program in a tree cannot be handed what this one has decided."""
    same = handover.program_digest(root) == handover.program_digest()
    return "" if same else "the program in Git is another than the one that reconciles"


def _short(stack: str) -> str:
    return stack.rpartition("/")[2]
