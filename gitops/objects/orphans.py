"""Which objects in the cluster are ours and known to nobody any more?

Called by the program with the objects that carry our label. A run that was killed before it could
write its state leaves objects the engine does not know; what Git still holds is adopted by the next
apply, what Git no longer holds is found here and deleted under the same rules as any prune.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from gitops.deployment.inventory import Inventory, InventoryObject
from gitops.objects.manifest import ResourceKey, annotations_of
from gitops.objects.ownership import RETAIN, STACK, live_key, owner
from gitops.prune import PruneAction, PrunePolicy, decide
from gitops.syncing.deletion import DELETION_PHASES, deletion_hooks_of
from gitops.syncing.hook_objects import phase_ran_in


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveObject:
    """One object as a LIST returned it, with the Application that owns it."""

    key: ResourceKey
    uid: str
    application: str | None
    body: Mapping[str, Any] = field(hash=False)

    @classmethod
    def from_body(cls, body: Mapping[str, Any]) -> Self:
        """Read a live object, of which only the metadata is needed."""
        metadata = body.get("metadata") or {}
        return cls(
            key=live_key(body),
            uid=str(metadata.get("uid") or ""),
            application=owner(body),
            body=body,
        )

    @property
    def going(self) -> bool:
        """Whether its deletion has begun."""
        return bool((self.body.get("metadata") or {}).get("deletionTimestamp"))


def find_orphans(
    live: Iterable[LiveObject],
    *,
    stack: str,
    target: Collection[ResourceKey],
    inventory: Inventory,
    policy: PrunePolicy,
) -> list[LiveObject]:
    """The objects to delete: applied by this stack, in no target, unknown to its state, and not
    protected by any rule that keeps an object."""
    wanted = frozenset(target)
    return sorted(
        (
            each
            for each in live
            if each.application is not None
            and annotations_of(each.body).get(STACK) == stack
            and not each.going
            and each.key not in wanted
            and each.key not in inventory.objects
            and not _is_left_to_hooks(each, inventory, policy)
            and decide(_remembered(each), policy).action is PruneAction.PRUNE
        ),
        key=lambda each: each.key,
    )


def _is_left_to_hooks(live: LiveObject, inventory: Inventory, policy: PrunePolicy) -> bool:
    """Whether a hook made the object, so that its delete policy decides about it.

    Like ArgoCD, a sync prunes no such object, and with its Application it goes; what the hooks of
    that very deletion made is theirs until the end.
    """
    phase = phase_ran_in(live.body)
    if phase is None:
        return False
    application = live.application or ""
    living = application in policy.prune or application in policy.broken
    return living or phase in DELETION_PHASES or deletion_hooks_of(inventory, application) != ""


def _remembered(live: LiveObject) -> InventoryObject:
    return InventoryObject(
        key=live.key,
        urn="",
        body=live.body,
        application=live.application or "",
        retained_with_application=annotations_of(live.body).get(RETAIN) == "true",
    )
