"""Would this change make the engine delete an object and create it again?

Called by composition with each rendered object and the one of the last deployment. Some fields
cannot be changed in place: the API server refuses, or the provider replaces the object. Nobody
wants a database deleted by an edit, so such a change is refused with the field named, unless the
object says Replace=true or Force=true (ArgoCD, "Sync Options"); kinds that hold data need a
confirmation of their own on top.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from gitops.errors import ManifestError
from gitops.manifest import annotations_of
from gitops.prune import SYNC_OPTIONS

PULUMI_SIGNATURE = "4dabf18193072939515e22adb298388d"  # marks a secret in a state export
CONFIRM = "home-ops/confirm"
CONFIRM_REPLACE = "replace"
NEVER_REPLACED = frozenset(
    {
        "PersistentVolumeClaim",
        "PersistentVolume",
        "StatefulSet",
        "Namespace",
        "CustomResourceDefinition",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Immutable:
    """The part of an object that cannot change: all of ``within`` but the ``mutable`` fields, or,
    without ``mutable``, just the ``fields`` of it."""

    within: str = "spec"
    fields: tuple[str, ...] = ()
    mutable: tuple[str, ...] = ()


# Kubernetes API reference, "immutable" remarks and the validation the API server answers with.
# revisionHistoryLimit of a StatefulSet and parallelism of a Job could change in place, but the
# provider replaces the object for them.
RULES: Mapping[tuple[str, str], Immutable] = {
    ("apps", "Deployment"): Immutable(fields=("selector",)),
    ("apps", "DaemonSet"): Immutable(fields=("selector",)),
    ("apps", "ReplicaSet"): Immutable(fields=("selector",)),
    ("apps", "StatefulSet"): Immutable(
        mutable=(
            "replicas",
            "template",
            "updateStrategy",
            "persistentVolumeClaimRetentionPolicy",
            "minReadySeconds",
            "ordinals",
        )
    ),
    ("batch", "Job"): Immutable(
        fields=("template", "selector", "completions", "parallelism", "completionMode")
    ),
    ("", "PersistentVolumeClaim"): Immutable(mutable=("resources", "volumeAttributesClassName")),
    ("", "PersistentVolume"): Immutable(
        mutable=(
            "capacity",
            "accessModes",
            "persistentVolumeReclaimPolicy",
            "claimRef",
            "mountOptions",
            "storageClassName",
            "volumeAttributesClassName",
        )
    ),
    ("", "Service"): Immutable(fields=("clusterIP",)),
    ("", "ResourceQuota"): Immutable(fields=("scopes",)),
    ("", "Secret"): Immutable(within="", fields=("type",)),
    ("", "Pod"): Immutable(mutable=("activeDeadlineSeconds", "tolerations")),
    ("rbac.authorization.k8s.io", "RoleBinding"): Immutable(within="", fields=("roleRef",)),
    ("rbac.authorization.k8s.io", "ClusterRoleBinding"): Immutable(within="", fields=("roleRef",)),
    ("storage.k8s.io", "StorageClass"): Immutable(
        within="", fields=("provisioner", "parameters", "reclaimPolicy", "volumeBindingMode")
    ),
    ("scheduling.k8s.io", "PriorityClass"): Immutable(within="", fields=("value",)),
    ("networking.k8s.io", "IngressClass"): Immutable(fields=("controller",)),
    ("node.k8s.io", "RuntimeClass"): Immutable(within="", fields=("handler",)),
    ("apiextensions.k8s.io", "CustomResourceDefinition"): Immutable(fields=("group", "scope")),
}


def immutable_changes(target: Mapping[str, Any], last: Mapping[str, Any]) -> list[str]:
    """The immutable fields in which an object differs from its last deployment, as paths."""
    if last.get("immutable") is True and target.get("kind") in {"ConfigMap", "Secret"}:
        frozen = Immutable(within="", fields=("data", "binaryData", "stringData"))
        return sorted(_differences(frozen, target, last))
    group = str(target.get("apiVersion", "")).rpartition("/")[0]
    rule = RULES.get((group, str(target.get("kind"))))
    return sorted(_differences(rule, target, last)) if rule else []


def _differences(
    rule: Immutable, target: Mapping[str, Any], last: Mapping[str, Any]
) -> Iterator[str]:
    inside = _part(target, rule.within), _part(last, rule.within)
    names = rule.fields or tuple((inside[0].keys() | inside[1].keys()) - set(rule.mutable))
    for name in names:
        target_value, last_value = _without_nulls(inside[0].get(name)), inside[1].get(name)
        if target_value != _without_nulls(last_value) and not _is_encrypted(last_value):
            yield f"{rule.within}.{name}" if rule.within else name


def _part(body: Mapping[str, Any], within: str) -> Mapping[str, Any]:
    part = body.get(within) if within else body
    return part if isinstance(part, Mapping) else {}


def _without_nulls(value: Any) -> Any:
    # a null field is the same as none to the provider and the state
    if isinstance(value, Mapping):
        return {key: _without_nulls(part) for key, part in value.items() if part is not None}
    if isinstance(value, list):
        return [_without_nulls(part) for part in value]
    return value


def _is_encrypted(value: Any) -> bool:
    return isinstance(value, Mapping) and PULUMI_SIGNATURE in value


def may_be_replaced(target: Mapping[str, Any]) -> bool:
    """Whether the object itself permits deleting and creating it again."""
    options = {
        part.strip() for part in str(annotations_of(target).get(SYNC_OPTIONS, "")).split(",")
    }
    if not options & {"Replace=true", "Force=true"}:
        return False
    confirmed = annotations_of(target).get(CONFIRM) == CONFIRM_REPLACE
    return target.get("kind") not in NEVER_REPLACED or confirmed


def check_replacement(
    target: Mapping[str, Any], last: Mapping[str, Any], *, subject: str
) -> tuple[str, ...]:
    """The immutable fields a permitted replacement changes; none means no replacement.

    Args:
        target: the rendered object.
        last: the object of the last deployment.
        subject: what the error is about: Application and object.

    Raises:
        ManifestError: an immutable field changes and the object does not permit its replacement.
    """
    changes = immutable_changes(target, last)
    if not changes or may_be_replaced(target):
        return tuple(changes)
    remedy = "put the field back, or annotate the object with "
    remedy += f"{SYNC_OPTIONS}: Replace=true to delete and create it again"
    if target.get("kind") in NEVER_REPLACED:
        remedy += f" and {CONFIRM}: {CONFIRM_REPLACE} to confirm that its data may go"
    raise ManifestError(
        subject,
        f"{', '.join(changes)} cannot be changed in place",
        remedy=remedy,
    )
