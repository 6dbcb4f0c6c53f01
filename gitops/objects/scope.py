"""Does a kind live in a namespace, and does anything serve it?

Called by composition: the answers come from the kinds every API server has, from the
CustomResourceDefinitions at hand and, where a cluster is reachable, from its discovery.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

CRD_GROUP = "apiextensions.k8s.io"
ANY_KIND = "*"

# The kinds of Kubernetes 1.36 by group, those that are off by default included.
NAMESPACED_KINDS: Mapping[str, str] = {
    "": "Binding ConfigMap Endpoints Event LimitRange PersistentVolumeClaim Pod PodTemplate "
    "ReplicationController ResourceQuota Secret Service ServiceAccount",
    "apps": "ControllerRevision DaemonSet Deployment ReplicaSet StatefulSet",
    "authorization.k8s.io": "LocalSubjectAccessReview",
    "autoscaling": "HorizontalPodAutoscaler",
    "batch": "CronJob Job",
    "certificates.k8s.io": "PodCertificateRequest",
    "coordination.k8s.io": "Lease LeaseCandidate",
    "discovery.k8s.io": "EndpointSlice",
    "events.k8s.io": "Event",
    "networking.k8s.io": "Ingress NetworkPolicy",
    "policy": "PodDisruptionBudget",
    "rbac.authorization.k8s.io": "Role RoleBinding",
    "resource.k8s.io": "ResourceClaim ResourceClaimTemplate",
    "scheduling.k8s.io": "PodGroup Workload",
    "storage.k8s.io": "CSIStorageCapacity",
}
CLUSTER_KINDS: Mapping[str, str] = {
    "": "ComponentStatus Namespace Node PersistentVolume",
    "admissionregistration.k8s.io": "MutatingAdmissionPolicy MutatingAdmissionPolicyBinding "
    "MutatingWebhookConfiguration ValidatingAdmissionPolicy ValidatingAdmissionPolicyBinding "
    "ValidatingWebhookConfiguration",
    CRD_GROUP: "CustomResourceDefinition",
    "apiregistration.k8s.io": "APIService",
    "authentication.k8s.io": "SelfSubjectReview TokenReview",
    "authorization.k8s.io": "SelfSubjectAccessReview SelfSubjectRulesReview SubjectAccessReview",
    "certificates.k8s.io": "CertificateSigningRequest ClusterTrustBundle",
    "flowcontrol.apiserver.k8s.io": "FlowSchema PriorityLevelConfiguration",
    "internal.apiserver.k8s.io": "StorageVersion",
    "networking.k8s.io": "IPAddress IngressClass ServiceCIDR",
    "node.k8s.io": "RuntimeClass",
    "rbac.authorization.k8s.io": "ClusterRole ClusterRoleBinding",
    "resource.k8s.io": "DeviceClass DeviceTaintRule ResourcePoolStatusRequest ResourceSlice",
    "scheduling.k8s.io": "PriorityClass",
    "storage.k8s.io": "CSIDriver CSINode StorageClass VolumeAttachment VolumeAttributesClass",
    "storagemigration.k8s.io": "StorageVersionMigration",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ServedKind:
    """A kind something serves: in which versions, and whether its objects have a namespace.

    ``versions`` is empty where only the kind is known, not the versions. ``plural`` is what paths
    and roles call it; empty where only that can be guessed (``plural_of``).
    """

    group: str
    kind: str
    namespaced: bool
    versions: frozenset[str] = frozenset()
    plural: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Scopes:
    """All kinds known for one run."""

    kinds: Mapping[tuple[str, str], ServedKind] = field(default_factory=dict)

    def find(self, group: str, kind: str) -> ServedKind | None:
        """The kind, or None when nothing at hand serves it."""
        return self.kinds.get((group, kind)) or self.kinds.get((group, ANY_KIND))

    def extended(self, served: Iterable[ServedKind]) -> Scopes:
        """These and further kinds; versions of a kind known twice are joined."""
        kinds = dict(self.kinds)
        for each in served:
            known = kinds.get((each.group, each.kind))
            versions = each.versions | known.versions if known else each.versions
            kinds[each.group, each.kind] = ServedKind(
                group=each.group,
                kind=each.kind,
                namespaced=each.namespaced,
                versions=versions,
                plural=each.plural or (known.plural if known else ""),
            )
        return Scopes(kinds)


def plural_of(kind: str) -> str:
    """What the API server most likely calls the objects of a kind; right for every kind of its own
    (the rule of apimachinery's ``UnsafeGuessKindToResource``, and English for a vowel before y)."""
    name = kind.lower()
    if name == "endpoints":
        return name
    if name.endswith("s"):
        return f"{name}es"
    if name.endswith("y") and name[-2:-1] not in "aeiou":
        return f"{name[:-1]}ies"
    return f"{name}s"


def builtin_scopes() -> Scopes:
    """The kinds of every API server; their versions are left open."""
    tables = ((NAMESPACED_KINDS, True), (CLUSTER_KINDS, False))
    return Scopes().extended(
        ServedKind(group=group, kind=kind, namespaced=namespaced)
        for table, namespaced in tables
        for group, kinds in table.items()
        for kind in kinds.split()
    )


def is_crd(body: Mapping[str, Any]) -> bool:
    """Whether an object is a CustomResourceDefinition."""
    group = str(body.get("apiVersion", "")).rpartition("/")[0]
    return body.get("kind") == "CustomResourceDefinition" and group == CRD_GROUP


def crd_target(body: Mapping[str, Any]) -> tuple[str, str]:
    """The group and kind a CustomResourceDefinition defines; empty texts where it names none."""
    spec = _mapping(body.get("spec"))
    return str(spec.get("group", "")), str(_mapping(spec.get("names")).get("kind", ""))


def defined_kind(body: Mapping[str, Any]) -> ServedKind:
    """What a CustomResourceDefinition adds to the API server once it is established."""
    group, kind = crd_target(body)
    spec = _mapping(body.get("spec"))
    versions = spec.get("versions")
    return ServedKind(
        group=group,
        kind=kind,
        plural=str(_mapping(spec.get("names")).get("plural", "")),
        namespaced=spec.get("scope") == "Namespaced",
        versions=frozenset(
            str(version.get("name"))
            for version in (versions if isinstance(versions, list) else ())
            if isinstance(version, Mapping) and version.get("served", True)
        ),
    )


def pinned_kinds(api_versions: Iterable[str]) -> tuple[ServedKind, ...]:
    """What pinned API versions say is served where no cluster is asked.

    ``group/version/Kind`` pins one kind, ``group/version`` all kinds of a group; nothing says
    whether those have a namespace, and custom resources mostly have.
    """
    kinds = []
    for entry in api_versions:
        parts = entry.split("/")
        if len(parts) >= 2:
            kind = parts[2] if len(parts) == 3 else ANY_KIND
            versions = frozenset({parts[1]})
            kinds.append(ServedKind(group=parts[0], kind=kind, namespaced=True, versions=versions))
    return tuple(kinds)


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
