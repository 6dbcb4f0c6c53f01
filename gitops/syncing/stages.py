"""What does one sync of an Application do, step by step?

Called by the Application component, which declares stage after stage and lets a gate stand between
them (ArgoCD, "Sync Phases and Waves"). An Application with one wave, no hooks and nobody waiting
for it has one stage and no gate.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from gitops.deployment.inventory import InventoryObject
from gitops.objects.manifest import Manifest, SyncPhase, wave_of
from gitops.ordering import sort_key
from gitops.syncing.hook_plan import PlannedHook

DEFAULT_TIMEOUT = 600


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """One wave of phase Sync.

    ``kept`` are objects that stay although they are not rendered; nothing waits for their health.
    ``gated`` says that what comes next has to wait until the wave is healthy and its hooks, if it
    ``has_hooks``, have succeeded.
    """

    wave: int
    manifests: tuple[Manifest, ...] = ()
    kept: tuple[InventoryObject, ...] = ()
    has_hooks: bool = False
    gated: bool = False

    @property
    def label(self) -> str:
        """The name of its gate within the Application."""
        return f"wave={self.wave}"


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncPlan:
    """The stages of a sync in order, and whether hooks run before the first and after the last."""

    stages: tuple[Stage, ...]
    pre_sync: bool = False
    post_sync: bool = False


def gates(plan: SyncPlan) -> list[str]:
    """The names of a sync's gates within its Application."""
    between = [each.label for each in plan.stages if each.gated]
    first, last = [str(SyncPhase.PRE_SYNC)], [str(SyncPhase.POST_SYNC)]
    return [*(first if plan.pre_sync else []), *between, *(last if plan.post_sync else [])]


def sync_plan(
    manifests: Sequence[Manifest],
    hooks: Sequence[PlannedHook] = (),
    *,
    kept: Sequence[InventoryObject] = (),
    awaited: bool = False,
) -> SyncPlan:
    """Divide a sync into stages.

    Args:
        manifests: the objects of the Application.
        hooks: its hooks.
        kept: objects that stay although they are not rendered.
        awaited: another Application waits until this one is healthy.
    """
    phases = {each.phase for each in hooks}
    hook_waves = {each.wave for each in hooks if each.phase is SyncPhase.SYNC}
    rendered: dict[int, list[Manifest]] = defaultdict(list)
    for manifest in manifests:
        rendered[manifest.wave].append(manifest)
    staying: dict[int, list[InventoryObject]] = defaultdict(list)
    for found in kept:
        staying[wave_of(found.body, found.key)].append(found)
    last = max([*rendered, *hook_waves], default=0)
    ends_gated = awaited or SyncPhase.POST_SYNC in phases
    return SyncPlan(
        stages=tuple(
            Stage(
                wave=wave,
                manifests=tuple(sorted(rendered[wave], key=sort_key)),
                kept=tuple(sorted(staying[wave], key=lambda each: each.key)),
                has_hooks=wave in hook_waves,
                gated=wave in hook_waves
                or bool(rendered[wave] and (wave < last or (wave == last and ends_gated))),
            )
            for wave in sorted({*rendered, *staying, *hook_waves})
        ),
        pre_sync=SyncPhase.PRE_SYNC in phases,
        post_sync=SyncPhase.POST_SYNC in phases,
    )
