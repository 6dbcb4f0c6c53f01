"""What happens to an object that was deployed last time and is not rendered any more?

Called once per run, between composition and the components. A pure function of what is rendered
now, the Inventory of the last deployment and the policies; it decides, it deletes nothing.

The rules (ArgoCD: "Sync Options", "Application Deletion", ApplicationSet "preserve resources"):

====================================  =============================================================
the object left a living Application  deleted, unless Prune=false, Prune=confirm, prune is off, or
                                      helm keep
the Application left Git              deleted, unless Delete=false, Delete=confirm, helm keep, a
                                      CRD, or the set preserves resources
the object became ``hook: Skip``      never
either                                never: kube-system and its like, and namespaces that
                                      CreateNamespace made
====================================  =============================================================

An object's own Prune or Delete wins over that of its Application, whose options the last deployment
holds where it has left Git. ``confirm`` keeps an object until somebody confirms (``gitops.gate``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from gitops.application import SyncPolicy
from gitops.deployment.inventory import Inventory, InventoryObject
from gitops.errors import ManifestError
from gitops.objects.manifest import HOOK, SKIP, ResourceKey, annotations_of
from gitops.objects.scope import is_crd
from gitops.syncing.options import ObjectOptions, Permission, object_options

HELM_POLICY = "helm.sh/resource-policy"
MOST_NAMED = 3
UNDELETABLE_NAMESPACES = frozenset({"default", "kube-system", "kube-public", "kube-node-lease"})


class PruneAction(StrEnum):
    """What is done with an object that is not rendered any more."""

    PRUNE = "Prune"
    """Deleted from the cluster."""
    KEEP = "Keep"
    """Left in the cluster and in the state; registered again as a stub."""
    RELEASE = "Release"
    """Left in the cluster, forgotten by the state."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PrunePolicy:
    """What the living Applications and their sets say.

    Args:
        prune: each Application that was rendered, and whether its sync prunes.
        sync_options: those of each Application, living or, from the last deployment, gone.
        broken: Applications that exist in Git but could not be read or rendered.
        preserving: ApplicationSets whose objects stay when an Application leaves Git.
        skipped: objects in Git that are left alone (``argocd.argoproj.io/hook: Skip``).
        elsewhere: objects in Git that another stack has.
    """

    prune: Mapping[str, bool] = field(default_factory=dict)
    sync_options: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    broken: frozenset[str] = frozenset()
    preserving: frozenset[str] = frozenset()
    skipped: frozenset[ResourceKey] = frozenset()
    elsewhere: frozenset[ResourceKey] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """One object, what is done with it, and why."""

    object: InventoryObject
    action: PruneAction
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PrunePlan:
    """Every decision of a run, in the order of the objects' identities."""

    decisions: tuple[Decision, ...] = ()

    def of(self, action: PruneAction) -> tuple[Decision, ...]:
        """The decisions with one outcome."""
        return tuple(each for each in self.decisions if each.action is action)


def plan(target: Sequence[ResourceKey], inventory: Inventory, policy: PrunePolicy) -> PrunePlan:
    """Decide about every object of the Inventory that is not in the target."""
    rendered = frozenset(target)
    missing = sorted(key for key in inventory.objects if key not in rendered)
    return PrunePlan(decisions=tuple(decide(inventory.objects[key], policy) for key in missing))


def holds_deletion(broken: Sequence[str]) -> str:
    """Why nothing may be deleted: what is gone here may be in what cannot be read (docs/adr/0003).

    Args:
        broken: the subjects of what cannot be read, rendered or applied.

    Returns:
        The reason, for people; empty where nothing is broken.
    """
    if not broken:
        return ""
    more = f" and {len(broken) - MOST_NAMED} more" if len(broken) > MOST_NAMED else ""
    names = ", ".join(broken[:MOST_NAMED])
    return f"nothing is deleted while {names}{more} cannot be synced: what is gone may be there"


def undeletable(key: ResourceKey) -> bool:
    """Whether no rule may ever delete the object."""
    return key.kind == "Namespace" and not key.group and key.name in UNDELETABLE_NAMESPACES


def stays_with_cluster(
    body: Mapping[str, object], options: ObjectOptions, *, retained_application: bool
) -> str:
    """Why an object stays when its whole Application goes, or an empty text when it does not."""
    reason = _keeping(body, "Delete", options.delete)
    if reason:
        return reason
    if is_crd(body):
        return "CustomResourceDefinitions of a removed Application stay"
    return "preserveResourcesOnDeletion" if retained_application else ""


def decide(found: InventoryObject, policy: PrunePolicy) -> Decision:
    """Decide about one object that is not rendered any more."""
    if found.application in policy.broken:
        return _decision(found, PruneAction.KEEP, "its Application could not be rendered")
    if found.key in policy.elsewhere:
        return _released(found, "it is in another stack", safe=found.retained)
    if found.key in policy.skipped:
        return _decision(found, PruneAction.KEEP, f"{HOOK}: {SKIP}")
    if not found.application:
        return _unowned(found)
    if undeletable(found.key):
        return _released(found, "this namespace is never deleted", safe=found.retained)
    if found.application in policy.prune:
        return _left_living(found, policy)
    return _left_with_application(found, policy)


def _unowned(found: InventoryObject) -> Decision:
    if found.key.kind == "Namespace":
        reason = "namespaces made by CreateNamespace are never deleted"
        return _released(found, reason, safe=found.retained)
    return _decision(found, PruneAction.PRUNE, "no longer part of the bootstrap")


def _left_living(found: InventoryObject, policy: PrunePolicy) -> Decision:
    if not policy.prune[found.application]:
        return _decision(found, PruneAction.KEEP, "prune is off")
    try:
        options = _options(found, policy)
    except ManifestError as error:
        return _decision(found, PruneAction.KEEP, _unreadable(error))
    reason = _keeping(found.body, "Prune", options.prune)
    if reason:
        return _decision(found, PruneAction.KEEP, reason)
    return _decision(found, PruneAction.PRUNE, "no longer rendered")


def _left_with_application(found: InventoryObject, policy: PrunePolicy) -> Decision:
    preserved = found.application_set in policy.preserving
    try:
        options = _options(found, policy)
    except ManifestError as error:
        reason = _unreadable(error)
    else:
        reason = stays_with_cluster(found.body, options, retained_application=preserved)
    if reason or found.retained_with_application:
        reason = reason or "preserveResourcesOnDeletion at the last sync"
        return _released(found, reason, safe=found.retained or found.retained_with_application)
    return _decision(found, PruneAction.PRUNE, "its Application is no longer in Git")


def _options(found: InventoryObject, policy: PrunePolicy) -> ObjectOptions:
    sync_options = policy.sync_options.get(found.application, {})
    return object_options(found.body, SyncPolicy(sync_options=sync_options))


def _unreadable(error: ManifestError) -> str:
    # An object of an earlier version of this program, or one edited in the cluster: nobody knows
    # what it should have said, so nothing is deleted.
    return f"its options cannot be read ({error.reason})"


def _keeping(body: Mapping[str, object], option: str, permission: Permission) -> str:
    """What keeps an object from a prune or a delete; empty when nothing does."""
    if permission is not Permission.YES:
        return f"{option}={permission}"
    return f"{HELM_POLICY}: keep" if annotations_of(body).get(HELM_POLICY) == "keep" else ""


def _released(found: InventoryObject, reason: str, *, safe: bool) -> Decision:
    # Only a flag already in the state keeps the engine from deleting: where it is missing, this run
    # registers the object once more with the flag, and the next run forgets it.
    return _decision(found, PruneAction.RELEASE if safe else PruneAction.KEEP, reason)


def _decision(found: InventoryObject, action: PruneAction, reason: str) -> Decision:
    return Decision(object=found, action=action, reason=reason)
