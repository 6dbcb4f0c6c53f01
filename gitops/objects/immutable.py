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

from gitops.deployment.applied import says_the_same
from gitops.errors import ManifestError
from gitops.objects.manifest import annotations_of
from gitops.syncing.options import SYNC_OPTIONS, ObjectOptions

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
    """The part of an object that cannot change: the ``fields`` of ``within``, as dotted paths; with
    ``mutable`` all of ``within`` but those."""

    within: str = "spec"
    fields: tuple[str, ...] = ()
    mutable: tuple[str, ...] = ()


_SELECTOR = Immutable(fields=("selector",))
_ROLE = Immutable(within="", fields=("roleRef",))

# Kubernetes API reference, "immutable" remarks, and what an API server 1.36 answers. Every field
# the provider replaces an object for is here too, though the API server would take a new
# revisionHistoryLimit of a StatefulSet, parallelism of a Job or image of a Pod in place.
RULES: Mapping[tuple[str, str], Immutable] = {
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
    ("", "PersistentVolumeClaim"): Immutable(mutable=("resources", "volumeAttributesClassName")),
    ("", "Pod"): Immutable(mutable=("activeDeadlineSeconds", "tolerations")),
    ("", "ResourceQuota"): Immutable(fields=("scopes",)),
    ("", "Secret"): Immutable(within="", fields=("type",)),
    ("", "Service"): Immutable(fields=("clusterIP",)),
    ("apiextensions.k8s.io", "CustomResourceDefinition"): Immutable(
        fields=("group", "scope", "names.kind", "names.plural")
    ),
    ("apps", "ControllerRevision"): Immutable(within="", fields=("data",)),
    ("apps", "DaemonSet"): _SELECTOR,
    ("apps", "Deployment"): _SELECTOR,
    ("apps", "ReplicaSet"): _SELECTOR,
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
        fields=(
            "template",
            "selector",
            "completions",
            "parallelism",
            "completionMode",
            "podFailurePolicy",
            "backoffLimitPerIndex",
            "successPolicy",
            "managedBy",
        )
    ),
    ("discovery.k8s.io", "EndpointSlice"): Immutable(within="", fields=("addressType",)),
    ("networking.k8s.io", "IngressClass"): Immutable(fields=("controller",)),
    ("node.k8s.io", "RuntimeClass"): Immutable(within="", fields=("handler",)),
    ("rbac.authorization.k8s.io", "ClusterRoleBinding"): _ROLE,
    ("rbac.authorization.k8s.io", "RoleBinding"): _ROLE,
    ("resource.k8s.io", "ResourceClaim"): Immutable(within="", fields=("spec",)),
    ("resource.k8s.io", "ResourceClaimTemplate"): Immutable(within="", fields=("spec",)),
    ("scheduling.k8s.io", "PriorityClass"): Immutable(
        within="", fields=("value", "preemptionPolicy")
    ),
    ("storage.k8s.io", "CSIDriver"): Immutable(fields=("attachRequired", "volumeLifecycleModes")),
    ("storage.k8s.io", "StorageClass"): Immutable(
        within="", fields=("provisioner", "parameters", "reclaimPolicy", "volumeBindingMode")
    ),
    ("storage.k8s.io", "VolumeAttributesClass"): Immutable(
        within="", fields=("driverName", "parameters")
    ),
}
_DATA = ("data", "binaryData")


def immutable_changes(target: Mapping[str, Any], last: Mapping[str, Any]) -> list[str]:
    """The immutable fields in which an object differs from its last deployment, as paths.

    A field that is added with the API server's default as its value counts as changed, because the
    provider replaces the object for it. The data of an immutable Secret is encrypted in the last
    deployment, so a change of it is not seen here.
    """
    rules = _rules(target, last)
    return sorted({path for rule in rules for path in _differences(rule, target, last)})


def _rules(target: Mapping[str, Any], last: Mapping[str, Any]) -> list[Immutable]:
    kind = str(target.get("apiVersion", "")).rpartition("/")[0], str(target.get("kind"))
    rules = [RULES[kind]] if kind in RULES else []
    frozen = _frozen(target, last) if kind in {("", "ConfigMap"), ("", "Secret")} else ()
    return [*rules, Immutable(within="", fields=frozen)] if frozen else rules


def _frozen(target: Mapping[str, Any], last: Mapping[str, Any]) -> tuple[str, ...]:
    """What cannot change because ``immutable`` is set; while it is being set, only the data."""
    was, will_be = last.get("immutable") is True, target.get("immutable") is True
    data = _DATA if target.get("kind") == "ConfigMap" and (was or will_be) else ()
    return ("immutable", *data) if was else data


def _differences(
    rule: Immutable, target: Mapping[str, Any], last: Mapping[str, Any]
) -> Iterator[str]:
    inside = _part(target, rule.within), _part(last, rule.within)
    names = rule.fields
    if rule.mutable:
        names = tuple((inside[0].keys() | inside[1].keys()) - set(rule.mutable))
    for name in names:
        target_value, last_value = _value(inside[0], name), _value(inside[1], name)
        if not says_the_same(target_value, last_value, field=name):
            yield f"{rule.within}.{name}" if rule.within else name


def _part(body: Mapping[str, Any], within: str) -> Mapping[str, Any]:
    part = body.get(within) if within else body
    return part if isinstance(part, Mapping) else {}


def _value(part: Mapping[str, Any], path: str) -> Any:
    value: Any = part
    for name in path.split("."):
        value = value.get(name) if isinstance(value, Mapping) else None
    return value


def may_be_replaced(target: Mapping[str, Any], options: ObjectOptions) -> bool:
    """Whether an object may be deleted and created again.

    Args:
        target: the rendered object.
        options: its sync options; Replace=true or Force=true permit it.
    """
    confirmed = annotations_of(target).get(CONFIRM) == CONFIRM_REPLACE
    return options.may_be_recreated and (target.get("kind") not in NEVER_REPLACED or confirmed)


def check_replacement(
    target: Mapping[str, Any],
    last: Mapping[str, Any],
    *,
    subject: str,
    options: ObjectOptions,
    live: Mapping[str, Any] | None = None,
) -> tuple[str, ...]:
    """The immutable fields a permitted replacement changes; none means no replacement.

    Args:
        target: the rendered object.
        last: the object of the last deployment.
        subject: what the error is about: Application and object.
        options: the object's sync options.
        live: what the API server made of the last deployment.

    Raises:
        ManifestError: an immutable field changes and the object does not permit its replacement, or
            it was changed on its way into the cluster, which the provider takes for the same.
    """
    if not _rules(target, last):
        return ()  # most objects are like that
    changes = immutable_changes(target, last)
    if not changes and live:
        _refuse_mutated(target, last, live, subject=subject)
    if not changes or may_be_replaced(target, options):
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


def _refuse_mutated(
    target: Mapping[str, Any], last: Mapping[str, Any], live: Mapping[str, Any], *, subject: str
) -> None:
    # The provider compares the target with what an admission rule left in the cluster, cut to the
    # fields that were applied; it would replace the object in every run, though Git never changes.
    mutated = immutable_changes(target, _cut(live, last))
    if mutated:
        raise ManifestError(
            subject,
            f"{', '.join(mutated)} was changed by an admission rule of the cluster, and the engine "
            "would delete the object and create it again",
            remedy="write the changed value into Git, or exempt the object from that rule",
        )


def _cut(live: Any, applied: Any) -> Any:
    """The part of a live value that was applied; what the API server added is left out."""
    if isinstance(live, Mapping) and isinstance(applied, Mapping):
        return {name: _cut(live[name], applied[name]) for name in applied if name in live}
    if isinstance(live, list) and isinstance(applied, list) and len(live) == len(applied):
        return [_cut(*pair) for pair in zip(live, applied, strict=True)]
    return live
