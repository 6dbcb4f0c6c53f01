"""Which stack do CustomResourceDefinitions belong to?

Called by whoever decides a run. With ``home-ops:definitions: {separate: true}`` they are kept in a
stack of their own, ``<stack>-definitions``, that the same program declares: they change seldom, and
are most of the bytes of a state. Objects are marked with the main stack's name in both, so moving a
definition from one stack to the other changes nothing in the cluster. See docs/adr/0012.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace

from gitops.application import Commands
from gitops.application_order import ApplicationOrder
from gitops.application_target import ApplicationTarget
from gitops.deployment.inventory import Inventory
from gitops.deployment.stack_names import is_definitions_stack
from gitops.objects.manifest import ResourceKey
from gitops.objects.orphans import LiveObject
from gitops.objects.scope import CRD_GROUP
from gitops.target import Target

LARGE = 5_000_000
"""The bytes of definitions from which on a run takes seconds longer for them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """What one of the two stacks is about.

    Args:
        target: its objects.
        live: what the cluster holds of those kinds.
        elsewhere: objects in Git that the other stack has; of the state of this one, they are to be
            let go.
    """

    target: Target
    live: Sequence[LiveObject]
    elsewhere: frozenset[ResourceKey]


def is_definition(key: ResourceKey) -> bool:
    """Whether an object is a CustomResourceDefinition."""
    return key.kind == "CustomResourceDefinition" and key.group == CRD_GROUP


def share_of(
    stack: str,
    target: Target,
    live: Sequence[LiveObject],
    inventory: Inventory,
    *,
    separate: bool,
) -> Share:
    """What of a target belongs to a stack.

    Args:
        stack: the main stack, or that of its definitions.
        target: what Git holds.
        live: what the cluster holds of ours.
        inventory: the last deployment of that stack.
        separate: whether definitions are kept apart.
    """
    all_definitions = frozenset(key for key in target.keys if is_definition(key))
    if is_definitions_stack(stack):
        return Share(
            target=_definitions(target, inventory, kept=separate),
            live=[each for each in live if is_definition(each.key)],
            elsewhere=frozenset() if separate else all_definitions,
        )
    if not separate:
        return Share(target=target, live=live, elsewhere=frozenset())
    others = (_without_definitions(each) for each in target.applications)
    return Share(
        target=replace(target, applications=tuple(others)),
        live=[each for each in live if not is_definition(each.key)],
        elsewhere=all_definitions,
    )


def advice(stack: str, target: Target) -> str:
    """What to tell where definitions would better have a stack of their own; empty elsewhere.

    Args:
        stack: the main stack.
        target: all Applications.
    """
    found = [
        each
        for application in target.applications
        for each in application.manifests
        if is_definition(each.key)
    ]
    size = sum(
        each.schemas.size if each.schemas else len(json.dumps(each.outline)) for each in found
    )
    if size < LARGE:
        return ""
    return (
        f"stack {stack}: its {len(found)} definitions are {size // 1_000_000} MB, which every run "
        "copies and compares; `home-ops:definitions: {separate: true}` gives them a stack of their "
        "own (docs/adr/0012)"
    )


def _definitions(target: Target, inventory: Inventory, *, kept: bool) -> Target:
    had = inventory.applications
    applications = [
        replace(
            each,
            manifests=tuple(m for m in each.manifests if kept and is_definition(m.key)),
            hooks=(),
            partials={},
            skipped=tuple(key for key in each.skipped if is_definition(key)),
            warnings=(),
            spec=replace(each.spec, commands=Commands()),
        )
        for each in target.applications
        if each.spec.name in had or any(is_definition(m.key) for m in each.manifests)
    ]
    return replace(target, applications=tuple(applications), order=ApplicationOrder(), warnings=())


def _without_definitions(target: ApplicationTarget) -> ApplicationTarget:
    if not any(is_definition(each.key) for each in target.manifests):
        return target
    others = tuple(each for each in target.manifests if not is_definition(each.key))
    return replace(target, manifests=others)
