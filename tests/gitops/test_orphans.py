"""Orphans: which live objects nobody knows any more, and which only look like it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest

from gitops.deployment.inventory import Inventory
from gitops.objects.manifest import ResourceKey
from gitops.objects.orphans import LiveObject, find_orphans
from gitops.objects.ownership import APPLICATION_LABEL, Ownership, marked
from gitops.prune import PrunePolicy
from gitops.syncing.deletion import DELETION_HOOKS
from gitops.syncing.hook_objects import HOOK_PHASE
from tests.gitops.objects import (
    SYNC_OPTIONS,
    an_object,
    config_map,
    definition,
    deployed,
    inventory,
    key_of,
)

JELLYFIN = "local-media-jellyfin"
LIVING = PrunePolicy(prune={JELLYFIN: True})
GONE = PrunePolicy()


def live(
    body: dict[str, Any], *, stack: str = "local", retained: bool = False, **metadata: Any
) -> LiveObject:
    """An object as a run of a stack left it in the cluster."""
    ownership = Ownership(application=JELLYFIN, stack=stack, retained=retained)
    applied = marked(body, key_of(body), ownership)
    return LiveObject.from_body(
        {**applied, "metadata": {"uid": "1", **applied["metadata"], **metadata}}
    )


def orphans(
    *objects: LiveObject,
    target: Iterable[ResourceKey] = (),
    last: Inventory | None = None,
    policy: PrunePolicy = GONE,
) -> list[str]:
    """The names of the objects that are orphans for the stack ``local``."""
    found = find_orphans(
        objects, stack="local", target=tuple(target), inventory=last or Inventory(), policy=policy
    )
    return [each.key.name for each in found]


@pytest.mark.parametrize("policy", [LIVING, GONE])
def test_what_nobody_knows_is_an_orphan(policy: PrunePolicy) -> None:
    """An object this stack applied, in no target and no state, is deleted in a fixed order."""
    assert orphans(live(config_map("b")), live(config_map("a")), policy=policy) == ["a", "b"]


def test_what_is_known_is_none() -> None:
    """An object of the target is adopted, one in the state is pruned by the engine."""
    body = config_map()
    assert orphans(live(body), target=[key_of(body)]) == []
    assert orphans(live(body), last=inventory(deployed(body))) == []


@pytest.mark.parametrize(
    "found",
    [
        live(config_map(), stack="other"),
        live(config_map(), stack=""),
        live(config_map(), ownerReferences=[{"controller": True}]),
        live(config_map(), deletionTimestamp="2026-01-01T00:00:00Z"),
        live(config_map(), annotations={}),
        live(config_map(), name="copied"),
        LiveObject.from_body(config_map(labels={APPLICATION_LABEL: JELLYFIN})),
    ],
)
def test_what_is_not_ours_to_delete(found: LiveObject) -> None:
    """Objects of another stack, of a controller, copied, or going already are left alone."""
    assert orphans(found) == []


@pytest.mark.parametrize(
    ("found", "policy"),
    [
        (live(config_map()), PrunePolicy(broken=frozenset({JELLYFIN}))),
        (live(config_map()), PrunePolicy(prune={JELLYFIN: False})),
        (live(config_map(annotations={SYNC_OPTIONS: "Prune=false"})), LIVING),
        (live(config_map(annotations={SYNC_OPTIONS: "Delete=false"})), GONE),
        (live(config_map(annotations={"helm.sh/resource-policy": "keep"})), LIVING),
        (live(config_map(), retained=True), GONE),
        (live(definition()), GONE),
        (live(an_object("v1", "Namespace", "kube-system")), LIVING),
        (live(config_map()), PrunePolicy(skipped=frozenset({key_of(config_map())}))),
    ],
)
def test_what_a_prune_would_keep_is_no_orphan(found: LiveObject, policy: PrunePolicy) -> None:
    """The rules that keep a known object keep a forgotten one too."""
    assert orphans(found, policy=policy) == []


def test_retained_objects_of_a_living_application_are_pruned() -> None:
    """What stays when its Application goes is still pruned while that lives."""
    assert orphans(live(config_map(), retained=True), policy=LIVING) == ["settings"]


def left_by_a_hook(phase: str = "PreSync") -> LiveObject:
    """What a hook of the Application made."""
    return live(config_map("migrated", labels={HOOK_PHASE: phase}))


@pytest.mark.parametrize(
    "policy",
    [LIVING, PrunePolicy(prune={JELLYFIN: False}), PrunePolicy(broken=frozenset({JELLYFIN}))],
)
def test_what_hooks_made_is_no_orphan(policy: PrunePolicy) -> None:
    """While the Application lives its hooks' delete policies decide, and nothing prunes."""
    assert orphans(left_by_a_hook(), policy=policy) == []


def test_what_hooks_made_goes_with_the_application() -> None:
    """It is deleted with an Application that has left Git, as in ArgoCD; what a PostDelete hook
    made stays, and where hooks run for the deletion, they decide about all of it."""
    assert orphans(left_by_a_hook(), policy=GONE) == ["migrated"]
    assert orphans(left_by_a_hook("PostDelete"), policy=GONE) == []
    inputs = {JELLYFIN: {DELETION_HOOKS: "[]"}}
    deleting = replace(inventory(), application_inputs=inputs)
    assert orphans(left_by_a_hook(), policy=GONE, last=deleting) == []


def test_the_uid_is_remembered() -> None:
    """The deletion is of this very object, so its uid goes along."""
    found = live(config_map())
    assert (found.uid, found.application, found.going) == ("1", JELLYFIN, False)
