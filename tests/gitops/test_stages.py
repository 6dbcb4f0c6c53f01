"""What a sync does step by step: which waves there are and where a gate stands."""

from __future__ import annotations

from typing import Any

import pytest

from gitops.objects.manifest import Manifest, SyncPhase
from gitops.syncing.hook_plan import PlannedHook, hooks_of
from gitops.syncing.stages import SyncPlan, sync_plan
from tests.gitops.objects import HOOK, SYNC_WAVE, config_map, deployed


def objects(*waves: int) -> list[Manifest]:
    """One object in each of the waves."""
    return [Manifest.from_body(body(f"w{wave}", wave)) for wave in waves]


def body(name: str, wave: int, **more: str) -> dict[str, Any]:
    return config_map(name, annotations={SYNC_WAVE: str(wave), **more})


def hooks(*runs: tuple[SyncPhase, int]) -> tuple[PlannedHook, ...]:
    """Hooks by phase and wave."""
    bodies = [body(f"h{place}", wave, **{HOOK: phase}) for place, (phase, wave) in enumerate(runs)]
    return hooks_of([Manifest.from_body(each) for each in bodies]).hooks


def told(plan: SyncPlan) -> str:
    """A plan in one line; a bar is a gate."""
    parts = [f"{each.wave}{' |' if each.gated else ''}" for each in plan.stages]
    before, after = ("Pre | " if plan.pre_sync else ""), (" Post |" if plan.post_sync else "")
    return before + " ".join(parts) + after


SYNC, PRE, POST = SyncPhase.SYNC, SyncPhase.PRE_SYNC, SyncPhase.POST_SYNC


@pytest.mark.parametrize(
    ("manifests", "planned", "awaited", "expected"),
    [
        ([], (), False, ""),
        (objects(0), (), False, "0"),
        (objects(7), (), True, "7 |"),
        (objects(5, -3, 0), (), False, "-3 | 0 | 5"),
        (objects(0, 1), (), True, "0 | 1 |"),
        (objects(0), hooks((PRE, 3)), False, "Pre | 0"),
        (objects(0), hooks((POST, 0)), False, "0 | Post |"),
        (objects(0), hooks((SyncPhase.SYNC_FAIL, 0), (SyncPhase.PRE_DELETE, 0)), False, "0"),
        (objects(0), hooks((SYNC, 0)), False, "0 |"),
        (objects(1), hooks((SYNC, 0), (SYNC, 2)), False, "0 | 1 | 2 |"),
        ([], hooks((PRE, 0), (POST, 0)), False, "Pre |  Post |"),
    ],
)
def test_gates(
    manifests: list[Manifest], planned: tuple[PlannedHook, ...], expected: str, *, awaited: bool
) -> None:
    """A gate stands between waves, after a wave with hooks, and at the end where somebody waits."""
    assert told(sync_plan(manifests, planned, awaited=awaited)) == expected


def test_kept_objects_have_their_wave_and_hold_nothing() -> None:
    """What stays is deleted in its turn one day, and nothing waits until it is healthy."""
    kept = [deployed(body("kept", 3)), deployed(body("kept-too", -1))]
    assert told(sync_plan(objects(0), kept=kept)) == "-1 0 3"
    assert told(sync_plan(objects(0, 3), kept=kept)) == "-1 0 | 3"


def test_objects_are_in_the_order_of_kinds() -> None:
    """Within a wave the order of kinds and names holds, as without waves."""
    manifests = [Manifest.from_body(config_map(name)) for name in ("b", "a")]
    (stage,) = sync_plan(manifests).stages
    assert [each.key.name for each in stage.manifests] == ["a", "b"]
