"""Is a wave healthy, so that the next one may begin?

Called by a wave's gate with what is live, again and again. Only Healthy passes, and a kind without
health passes at once, as in ArgoCD's sync loop. Degraded fails there at the first look; here only
when it lasts, because some controllers report it on their way up (argo-cd issue 1826).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from gitops.health import Health, HealthStatus, UserRules, assess, assess_all
from gitops.objects.manifest import Manifest, ResourceKey, annotations_of

DEGRADED_SECONDS = 10.0
SHOWN = 5
LATE_BINDING = "WaitForFirstConsumer"
GONE = Health(status=HealthStatus.MISSING, message="it is not in the cluster any more")
_DEFAULT_CLASS = "storageclass.kubernetes.io/is-default-class"

# Kinds of Kubernetes' own with nothing to become: applied is all they can be.
WITHOUT_HEALTH = frozenset(
    {
        ("", "ConfigMap"),
        ("", "Secret"),
        ("", "ServiceAccount"),
        ("", "LimitRange"),
        ("networking.k8s.io", "NetworkPolicy"),
        ("rbac.authorization.k8s.io", "ClusterRole"),
        ("rbac.authorization.k8s.io", "ClusterRoleBinding"),
        ("rbac.authorization.k8s.io", "Role"),
        ("rbac.authorization.k8s.io", "RoleBinding"),
        ("scheduling.k8s.io", "PriorityClass"),
        ("storage.k8s.io", "StorageClass"),
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Unready:
    """An object that holds a wave, and why."""

    key: ResourceKey
    health: Health

    def __str__(self) -> str:
        message = f" ({self.health.message})" if self.health.message else ""
        return f"{self.key} is {self.health.status}{message}"


@dataclass(slots=True)
class Degradation:
    """Since when objects are Degraded without a break."""

    since: dict[ResourceKey, float] = field(default_factory=dict)

    def lasting(self, unready: Iterable[Unready], *, now: float) -> list[Unready]:
        """Those that have been Degraded for so long that they are taken for failed."""
        degraded = [each for each in unready if each.health.status is HealthStatus.DEGRADED]
        self.since = {each.key: self.since.get(each.key, now) for each in degraded}
        return [each for each in degraded if now - self.since[each.key] >= DEGRADED_SECONDS]


def has_health(manifest: Manifest) -> bool:
    """Whether an object has to be looked at again once it is applied."""
    return (manifest.key.group, manifest.key.kind) not in WITHOUT_HEALTH


def unready(
    manifests: Iterable[Manifest],
    live: Mapping[ResourceKey, Mapping[str, Any]],
    *,
    late_classes: Collection[str] = (),
    rules: UserRules | None = None,
) -> list[Unready]:
    """The objects that hold a wave.

    What Git itself suspends passes: it is as it should be. A claim that is bound when the first Pod
    uses it passes, too: that Pod may be in a later wave.

    Args:
        manifests: the objects of the wave, as they are in Git.
        live: those of them the cluster has.
        late_classes: the storage classes that bind late (``binding_late``).
        rules: the user's own health scripts.
    """
    found = []
    healths = dict(zip(live, assess_all(live.values(), rules=rules), strict=True))
    for manifest in manifests:
        health = healths.get(manifest.key, GONE)
        passes = health.status is HealthStatus.HEALTHY or (
            health.status is HealthStatus.SUSPENDED
            and assess(manifest.outline, rules=rules).status is HealthStatus.SUSPENDED
        )
        if not passes and not _binds_late(live.get(manifest.key, {}), late_classes):
            found.append(Unready(key=manifest.key, health=health))
    return found


def binding_late(classes: Iterable[Mapping[str, Any]]) -> frozenset[str]:
    """The storage classes that bind a claim when its first Pod comes; "" stands for the default
    (Kubernetes, "Storage Classes", volume binding mode)."""
    late = [each for each in classes if each.get("volumeBindingMode") == LATE_BINDING]
    names = {str(each["metadata"]["name"]) for each in late}
    if any(annotations_of(each).get(_DEFAULT_CLASS) == "true" for each in late):
        names.add("")
    return frozenset(names)


def is_claim(key: ResourceKey) -> bool:
    """Whether an object is a PersistentVolumeClaim."""
    return (key.group, key.kind) == ("", "PersistentVolumeClaim")


def told(found: Iterable[Unready]) -> str:
    """Unready objects in one line; of many, the first few and their number."""
    every = list(found)
    shown = "; ".join(str(each) for each in every[:SHOWN])
    return shown if len(every) <= SHOWN else f"{shown}; and {len(every) - SHOWN} more"


def _binds_late(live: Mapping[str, Any], late_classes: Collection[str]) -> bool:
    if live.get("kind") != "PersistentVolumeClaim" or live["metadata"].get("deletionTimestamp"):
        return False
    pending = (live.get("status") or {}).get("phase", "Pending") == "Pending"
    return pending and str((live.get("spec") or {}).get("storageClassName") or "") in late_classes
