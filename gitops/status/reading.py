"""How much of an object must be read to judge it?

Called by ``cluster.live_status`` for every kind it lists. Most objects of a home lab are of kinds
that only hold data or rules: all their metadata can tell is that they are there, or being deleted.
"""

from __future__ import annotations

from typing import Protocol

from gitops.health.user_rules import UserRule
from gitops.objects.scope import CRD_GROUP

_SECRET = ("", "Secret")

# Kinds of Kubernetes without a status, or whose status says nothing about health (Kubernetes API
# reference); `assess` finds any of them Healthy.
_CONSTANT: frozenset[tuple[str, str]] = frozenset(
    (group, kind)
    for group, kinds in {
        "": "ConfigMap Endpoints LimitRange PodTemplate ResourceQuota Secret ServiceAccount",
        "admissionregistration.k8s.io": "MutatingAdmissionPolicy MutatingAdmissionPolicyBinding "
        "MutatingWebhookConfiguration ValidatingAdmissionPolicyBinding "
        "ValidatingWebhookConfiguration",
        "apps": "ControllerRevision",
        "coordination.k8s.io": "Lease",
        "discovery.k8s.io": "EndpointSlice",
        "networking.k8s.io": "IngressClass IPAddress NetworkPolicy",
        "node.k8s.io": "RuntimeClass",
        "rbac.authorization.k8s.io": "ClusterRole ClusterRoleBinding Role RoleBinding",
        "resource.k8s.io": "DeviceClass ResourceClaimTemplate ResourceSlice",
        "scheduling.k8s.io": "PriorityClass",
        "storage.k8s.io": "CSIDriver CSINode CSIStorageCapacity StorageClass VolumeAttributesClass",
    }.items()
    for kind in kinds.split()
)
# Reports and requests, which nobody keeps in Git; lists of them are long.
_NEVER_APPLIED = frozenset({("", "Event"), ("events.k8s.io", "Event")})


class Rules(Protocol):
    """The user's own health scripts (``gitops.health.UserRules``)."""

    def find(self, *, group: str, kind: str) -> UserRule | None:
        """The script for a kind, None when there is none."""


def is_applied(group: str, kind: str) -> bool:
    """Whether objects of the kind can belong to an Application."""
    return (group, kind) not in _NEVER_APPLIED


def metadata_suffices(group: str, kind: str, rules: Rules | None) -> bool:
    """Whether the metadata of an object of the kind tells its health.

    A script of the user's needs the whole object, but for a Secret: its data is never read. A
    CustomResourceDefinition is large, and works when the API server serves what it defines.
    """
    if (group, kind) == _SECRET:
        return True
    if rules is not None and rules.find(group=group, kind=kind) is not None:
        return False
    return (group, kind) in _CONSTANT or is_definition(group, kind)


def is_settled(group: str, kind: str, rules: Rules | None) -> bool:
    """Whether an object of the kind that is Healthy stays so until it is changed: neither a script
    of the user's nor the time has a say."""
    if is_definition(group, kind) or (rules and rules.find(group=group, kind=kind)):
        return False
    return (group, kind) in _CONSTANT


def is_definition(group: str, kind: str) -> bool:
    """Whether the kind is CustomResourceDefinition, whose health is read off discovery."""
    return (group, kind) == (CRD_GROUP, "CustomResourceDefinition")
