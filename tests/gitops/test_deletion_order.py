"""Which deletions the program does itself, in which steps, and after which others."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest

from gitops.application_target import ApplicationTarget
from gitops.deployment.inventory import Inventory, InventoryObject
from gitops.objects.manifest import HOOK, Manifest
from gitops.prune import Decision, PruneAction
from gitops.syncing.deletion import DELETION_HOOKS
from gitops.syncing.deletion_order import OrderedDeletion, ordered_deletions
from gitops.syncing.hook_plan import hooks_of
from tests.gitops.objects import (
    SYNC_OPTIONS,
    SYNC_WAVE,
    an_object,
    application,
    config_map,
    definition,
    deployed,
    inventory,
)

GOODBYE = config_map("goodbye", namespace="media", annotations={HOOK: "PostDelete"})


def in_wave(name: str, wave: int, options: str = "") -> dict[str, Any]:
    asked = {SYNC_OPTIONS: options} if options else {}
    return config_map(name, namespace="media", annotations={SYNC_WAVE: str(wave), **asked})


def of(name: str, *bodies: dict[str, Any]) -> list[InventoryObject]:
    return [deployed(each, application=name) for each in bodies]


def last_deployment(
    *objects: InventoryObject,
    inputs: Mapping[str, Mapping[str, Any]] | None = None,
    needs: Mapping[str, Sequence[str]] | None = None,
) -> Inventory:
    """A last deployment; ``needs`` are edges between objects, by name."""
    urns = {each.key.name: each.urn for each in objects}
    edges = {urns[n]: tuple(urns[each] for each in found) for n, found in (needs or {}).items()}
    return replace(inventory(*objects), application_inputs=inputs or {}, edges=edges)


def deletions(
    last: Inventory, *living: str, action: PruneAction = PruneAction.PRUNE
) -> dict[str, OrderedDeletion]:
    """What the program deletes itself where everything of a last deployment goes."""
    decisions = [Decision(object=e, action=action, reason="") for e in last.objects.values()]
    # the hooks of a sync are none of a deletion
    hooks = hooks_of([Manifest.from_body(config_map("hook", annotations={HOOK: "PreSync"}))]).hooks
    targets = [ApplicationTarget(spec=application(name), hooks=hooks) for name in living]
    return {each.name: each for each in ordered_deletions(last, decisions, applications=targets)}


def steps(found: OrderedDeletion) -> list[list[str]]:
    return [sorted(each.key.name for each in step) for step in found.steps]


@pytest.mark.parametrize("living", [("one",), ()])
def test_waves(living: tuple[str, ...]) -> None:
    """Of an Application in Git, and of one that left it: the highest wave first, PruneLast last; a
    definition after what it defines, in the same wave too."""
    widget = an_object("example.com/v1", "Widget", "w", namespace="media")
    last = last_deployment(
        *of("one", in_wave("first", -1), in_wave("last", 7, "PruneLast=true"), in_wave("b", 5)),
        *of("one", in_wave("a", 5), definition(), widget),
    )
    (found,) = deletions(last, *living).values()
    assert steps(found) == [["a", "b"], ["w"], ["widgets.example.com"], ["first"], ["last"]]
    assert found.target.hooks == ()


def test_one_wave_is_left_to_the_engine() -> None:
    """It deletes a definition after what it defines, because the one depends on the other."""
    widget = an_object("example.com/v1", "Widget", "w", namespace="media")
    assert deletions(last_deployment(*of("one", definition(), widget)), "one") == {}


@pytest.mark.parametrize("action", [PruneAction.KEEP, PruneAction.RELEASE])
@pytest.mark.parametrize("living", [("one",), ()])
def test_what_stays_is_not_deleted(action: PruneAction, living: tuple[str, ...]) -> None:
    """Whatever keeps an object, no hook runs for it and nothing deletes it."""
    hooks = {"one": {DELETION_HOOKS: json.dumps([GOODBYE])}}
    last = last_deployment(*of("one", in_wave("a", 0), in_wave("b", 1)), inputs=hooks)
    assert deletions(last, *living, action=action) == {}


def test_hooks() -> None:
    """Those of a deletion run when their Application has left Git, objects or not."""
    hooks = {"one": {DELETION_HOOKS: json.dumps([GOODBYE])}}
    (found,) = deletions(last_deployment(*of("one", in_wave("a", 0)), inputs=hooks)).values()
    assert [each.manifest.key.name for each in found.target.hooks] == ["goodbye"]
    assert steps(found) == [["a"]]
    (alone,) = deletions(last_deployment(inputs=hooks)).values()
    assert (steps(alone), len(alone.target.hooks)) == ([], 1)
    assert deletions(last_deployment(*of("one", in_wave("a", 0)), inputs=hooks), "one") == {}


def test_applications_that_need_each_other() -> None:
    """Whoever needs an object goes before its Application does, also where the engine could delete
    it; two that need each other do not wait for ever."""
    objects = (*of("base", in_wave("a", 0), in_wave("b", 1)), *of("user", in_wave("u", 0)))
    top = of("top", in_wave("t", 0))
    beside = of("beside", in_wave("x", 0))
    needs = {"u": ["b"], "t": ["u"]}
    found = deletions(last_deployment(*objects, *top, *beside, needs=needs))
    assert {name: each.after for name, each in found.items()} == {
        "base": ("top", "user"),
        "user": ("top",),
        "top": (),
    }
    found = deletions(last_deployment(*objects, needs={"u": ["b"], "a": ["u"]}))
    assert {name: each.after for name, each in found.items()} == {"base": (), "user": ()}


def test_the_bootstrap_is_left_to_the_engine() -> None:
    """What belongs to no Application has no waves."""
    assert deletions(last_deployment(*of("", in_wave("a", 0), in_wave("b", 1)))) == {}
