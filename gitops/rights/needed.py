"""Which rights does a reconciler need to apply what Applications contain, and no more?

Called for a whole run, with what Git has and what the last deployment had: what left Git has to be
deleted. What may be read of all objects of a kind is read across the cluster, but for Secrets;
everything else is permitted in the namespaces that have such objects. What is written as a
ServiceAccount of a project is only read, and that very account may be impersonated. Sources:
Kubernetes, "Using RBAC Authorization", "Authorization Overview" (verbs) and "User impersonation",
the requests this program makes.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from gitops.application_target import ApplicationTarget
from gitops.deployment.inventory import Inventory
from gitops.impersonation import ServiceAccount, account_of_provider
from gitops.objects.manifest import Manifest, ResourceKey
from gitops.objects.scope import CRD_GROUP, Scopes, plural_of
from gitops.rights.handed_on import RBAC, HandedOn, handed_on
from gitops.rights.rule import Right, rules
from gitops.syncing.options import ApplyMethod, ObjectOptions, object_options

READ = ("get", "list")
WRITE = ("create", "patch", "delete")
SECRET = ("", "Secret")
DEFINITION = (CRD_GROUP, "CustomResourceDefinition")
_CLAIMS = frozenset({("", "PersistentVolumeClaim"), ("apps", "StatefulSet")})
# What says why an object is not healthy (gitops.status.joining), and the logs of hooks.
_CAUSES = (
    Right(group="", resource="pods", verbs=READ),
    Right(group="", resource="events", verbs=READ),
    Right(group="", resource="persistentvolumeclaims", verbs=READ),
    Right(group="apps", resource="replicasets", verbs=READ),
    Right(group="batch", resource="jobs", verbs=READ),
    Right(group="discovery.k8s.io", resource="endpointslices", verbs=READ),
)
_LOGS = Right(group="", resource="pods/log", verbs=("get",))
_NAMESPACES = Right(group="", resource="namespaces", verbs=(*READ, "create", "patch"))


@dataclass(frozen=True, slots=True, kw_only=True)
class NeededRights:
    """The rules of one ClusterRole, and those of a Role in each namespace."""

    cluster: Sequence[Mapping[str, Any]] = ()
    namespaces: Mapping[str, Sequence[Mapping[str, Any]]] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()


@dataclass(slots=True)
class _Collected:
    cluster: list[Right] = field(default_factory=list)
    namespaces: dict[str, list[Right]] = field(default_factory=lambda: defaultdict(list))


def needed_rights(
    applications: Iterable[ApplicationTarget],
    inventory: Inventory,
    scopes: Scopes,
    *,
    elsewhere: Iterable[ResourceKey] = (),
    cluster: str = "",
) -> NeededRights:
    """The rights that syncing, healing, pruning, comparing and judging Applications takes.

    Args:
        applications: what Git has; of a broken one the last deployment tells.
        inventory: the last deployment.
        scopes: which kinds have a namespace, and what the API server calls them.
        elsewhere: objects in Git that another stack of the same reconciler has: definitions.
        cluster: the cluster's name in the config, by which providers in the state are known.
    """
    found, targets = _Collected(), list(applications)
    bodies: list[Mapping[str, Any]] = []
    others: set[ResourceKey] = set()
    for target in targets:
        _add_target(found, target, scopes)
        if target.account is not None:
            others.update(each.key for each in target.manifests)
            continue
        manifests = (*target.manifests, *(each.manifest for each in target.hooks))
        bodies += [each.outline for each in manifests]
    for key in elsewhere:
        _add(found, key, scopes, WRITE)
    policies = {each.spec.name: each.spec.sync_policy for each in targets}
    for each in inventory.objects.values():
        if each.application and each.key not in others:
            if account := account_of_provider(each.provider, cluster):
                _add(found, each.key, scopes, ())
                _add_account(found, account)
                continue
            policy = policies.get(each.application)
            options = object_options(each.body, policy) if policy else ObjectOptions()
            _add(found, each.key, scopes, _written(options))
            bodies.append(each.body)
    handed = handed_on(bodies)
    _add_handed_on(found, handed)
    return NeededRights(
        cluster=rules(found.cluster, handed.cluster),
        namespaces={
            name: rules(rights, handed.namespaces.get(name, ()))
            for name, rights in sorted(found.namespaces.items())
        },
        warnings=handed.warnings,
    )


def rights_of(target: ApplicationTarget, scopes: Scopes) -> NeededRights:
    """What one Application needs, but for what its roles hand on: that depends on others' roles,
    and the API server says it better."""
    found = _Collected()
    _add_target(found, target, scopes)
    return NeededRights(
        cluster=rules(found.cluster),
        namespaces={name: rules(rights) for name, rights in found.namespaces.items()},
    )


def _add_target(found: _Collected, target: ApplicationTarget, scopes: Scopes) -> None:
    if target.spec.sync_policy.option("CreateNamespace"):
        found.cluster.append(_NAMESPACES)
    if target.account is not None:
        _add_account(found, target.account)
    for manifest in target.manifests:
        verbs = () if target.account else _written(target.options_for(manifest.key))
        _add(found, manifest.key, scopes, verbs)
    for hook in target.hooks:
        _add_hook(found, hook.manifest, target, scopes)


def _add_account(found: _Collected, account: ServiceAccount) -> None:
    right = Right(group="", resource="serviceaccounts", name=account.name, verbs=("impersonate",))
    found.namespaces[account.namespace].append(right)


def _written(options: ObjectOptions) -> tuple[str, ...]:
    replaced = options.apply_method is ApplyMethod.REPLACE or options.may_be_recreated
    return (*WRITE, "update") if replaced else WRITE


def _add(found: _Collected, key: ResourceKey, scopes: Scopes, verbs: tuple[str, ...]) -> None:
    kind = (key.group, key.kind)
    if kind == DEFINITION and "patch" in verbs:
        verbs = tuple(dict.fromkeys((*verbs, "update")))  # the provider writes these whole
    resource = resource_name(scopes, *kind)
    if not key.namespace:
        found.cluster.append(Right(group=key.group, resource=resource, verbs=(*READ, *verbs)))
        return
    local = found.namespaces[key.namespace]
    if _CAUSES[0] not in local:
        local += _CAUSES
    if kind == SECRET:
        verbs = (*READ, *verbs)
    else:
        found.cluster.append(Right(group=key.group, resource=resource, verbs=READ))
    if verbs:
        local.append(Right(group=key.group, resource=resource, verbs=verbs))
    if kind in _CLAIMS:
        found.cluster.append(Right(group="storage.k8s.io", resource="storageclasses", verbs=READ))


def _add_hook(
    found: _Collected, manifest: Manifest, target: ApplicationTarget, scopes: Scopes
) -> None:
    _add(found, manifest.key, scopes, ("watch",) if target.account else (*WRITE, "watch"))
    if manifest.key.namespace:
        found.namespaces[manifest.key.namespace].append(_LOGS)
    # what hooks of a deletion wait for is listed where the Application is
    elif namespace := target.spec.destination.namespace:
        found.namespaces[namespace].append(_LOGS)


def _add_handed_on(found: _Collected, handed: HandedOn) -> None:
    for name, verb, resource, namespace in handed.named:
        right = Right(group=RBAC, resource=resource, name=name, verbs=(verb,))
        (found.namespaces[namespace] if namespace else found.cluster).append(right)


def resource_name(scopes: Scopes, group: str, kind: str) -> str:
    """What the API server calls the objects of a kind; guessed where nothing at hand serves it."""
    served = scopes.kinds.get((group, kind))
    return (served.plural if served else "") or plural_of(kind)
