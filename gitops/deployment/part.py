"""What is declared to the engine in one run: everything, or some Applications?

Made by ``decision`` of a whole run and by ``incremental`` of a part of one; the components declare
it. A part holds all that is needed for that, so that the program that declares it asks neither Git
nor the cluster nor the state.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from gitops.application_order import ApplicationOrder
from gitops.application_target import ApplicationTarget
from gitops.deployment.inventory import Inventory, InventoryObject
from gitops.objects.manifest import ResourceKey
from gitops.objects.namespaces import CreatedNamespace
from gitops.objects.orphans import LiveObject
from gitops.prune import PrunePlan
from gitops.syncing.deletion_order import OrderedDeletion


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """What a run declares.

    Args:
        sets: the ApplicationSets.
        applications: the Applications in Git.
        order: which Application waits for which.
        inventory: the last deployment, or what concerns these Applications of it.
        prune: what becomes of objects that are not rendered any more.
        namespaces: those that CreateNamespace makes.
        held: objects the prune gate keeps, exactly as they are.
        deletions: what the program deletes itself, step by step and between hooks.
        leaving: objects another stack has; as long as they are in the state of this one, they stay
            in the cluster when they leave it.
        retained: everything that is declared stays in the cluster when it leaves the state.
        doomed: objects the engine does not know, or would only forget, to be deleted.
        bystanders: objects that are not part of it, and that objects of it depend on.
        standing: Applications that are not part of it and that others of it wait for, each with its
            last objects, which are among the bystanders.
        deletes: whether anything may be deleted at all.
    """

    sets: Sequence[str]
    applications: Sequence[ApplicationTarget]
    order: ApplicationOrder
    inventory: Inventory
    prune: PrunePlan
    namespaces: Sequence[CreatedNamespace]
    held: frozenset[ResourceKey] = frozenset()
    deletions: Sequence[OrderedDeletion] = ()
    leaving: frozenset[ResourceKey] = frozenset()
    retained: bool = False
    doomed: Sequence[LiveObject] = ()
    bystanders: Sequence[InventoryObject] = ()
    standing: Mapping[str, tuple[ResourceKey, ...]] = field(default_factory=dict)
    deletes: bool = True
