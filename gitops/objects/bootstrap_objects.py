"""Which objects does the bootstrap put into a cluster?

Declared by the Bootstrap component; no Application may claim one of them. Where the reconciler runs
in the cluster, what it consists of belongs to them, and its rights: everything, or what the
Applications make necessary.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from gitops.config import BootstrapSettings, Settings
from gitops.configuration.credential_settings import secrets
from gitops.configuration.deploy_settings import DeploySettings, RightsPolicy
from gitops.in_cluster.objects import LABELS, RECONCILER, an_object
from gitops.in_cluster.receiver import receiver
from gitops.in_cluster.workload import workload
from gitops.objects.manifest import Manifest, ResourceKey
from gitops.rights.handed_on import handed_on
from gitops.rights.needed import NeededRights
from gitops.rights.own import keeping, own_cluster_rights, own_rights
from gitops.rights.rule import Right, rules

ACCOUNT = RECONCILER
RBAC = "rbac.authorization.k8s.io"
# What is applied is whatever Git holds, so like ArgoCD's controller it may do anything.
EVERYTHING: Sequence[Mapping[str, Any]] = (
    {"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]},
    {"nonResourceURLs": ["*"], "verbs": ["get"]},
)


def bootstrap_objects(
    settings: Settings, *, stack: str, needed: NeededRights | None = None
) -> list[dict[str, Any]]:
    """The bootstrap's objects: namespace, ServiceAccount and its rights, and what runs it.

    Args:
        settings: the stack's config.
        stack: the stack's name.
        needed: what the Applications make necessary; looked at only where the rights are derived.
    """
    bootstrap, deploy = settings.bootstrap, settings.reconciler.deploy
    made = [_namespace(bootstrap), _account(bootstrap)]
    if deploy is not None:
        made += _deployed(settings, deploy, stack)
    if not has_derived_rights(settings):
        return [*made, *_bound(bootstrap.namespace, EVERYTHING)]
    return [*made, *_derived(settings, made, stack, needed or NeededRights())]


def bootstrap_keys(
    settings: Settings, *, stack: str, namespaces: Iterable[str] = ()
) -> frozenset[ResourceKey]:
    """The identities of the bootstrap's objects.

    Args:
        settings: the stack's config.
        stack: the stack's name.
        namespaces: where Applications are, so where the reconciler has rights.
    """
    needed = NeededRights(namespaces=dict.fromkeys(namespaces, ()))
    bodies = bootstrap_objects(settings, stack=stack, needed=needed)
    return frozenset(Manifest.from_body(body).key for body in bodies)


def has_derived_rights(settings: Settings) -> bool:
    """Whether the reconciler may do no more than the Applications make necessary."""
    deploy = settings.reconciler.deploy
    return deploy is not None and deploy.rights is RightsPolicy.DERIVED


def _deployed(settings: Settings, deploy: DeploySettings, stack: str) -> list[dict[str, Any]]:
    namespace = settings.bootstrap.namespace
    made = workload(
        deploy,
        settings.source,
        namespace=namespace,
        stack=stack,
        interval=settings.reconciler.interval,
        shards=settings.shards,
        secrets=secrets(
            (*settings.repository_credentials.values(), *settings.chart_credentials.values())
        ),
    )
    if deploy.webhook is not None:
        made += receiver(deploy, deploy.webhook, settings.source, namespace=namespace, stack=stack)
    return made


def _derived(
    settings: Settings, made: Sequence[Mapping[str, Any]], stack: str, needed: NeededRights
) -> list[dict[str, Any]]:
    home = settings.bootstrap.namespace
    places = sorted({*needed.namespaces, home})
    empty = [*_bound(home, ()), *(each for place in places for each in _bound_in(place, home, ()))]
    local: dict[str, list[Right]] = defaultdict(list)
    local[home] += own_rights(stack, settings.shards)
    local[""] += own_cluster_rights()
    for namespace, right in keeping(Manifest.from_body(dict(each)).key for each in (*made, *empty)):
        local[namespace].append(right)
    # the receiver's role is one more that hands on what the reconciler has to hold itself
    own = handed_on(made).namespaces.get(home, ())
    found = _bound(home, [*needed.cluster, *rules(local[""])])
    for place in places:
        given = (*needed.namespaces.get(place, ()), *rules(local[place]))
        found += _bound_in(place, home, [*given, *(own if place == home else ())])
    return found


def _bound(home: str, given: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The ClusterRole with these rules, bound to the reconciler's account."""
    name, version = f"{home}-{ACCOUNT}", f"{RBAC}/v1"
    reference = {"apiGroup": RBAC, "kind": "ClusterRole", "name": name}
    given = [dict(each) for each in given]
    return [
        an_object(version, "ClusterRole", name, rules=given),
        an_object(
            version, "ClusterRoleBinding", name, roleRef=reference, subjects=[_subject(home)]
        ),
    ]


def _bound_in(place: str, home: str, given: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The same as a Role of one namespace."""
    name, version = f"{home}-{ACCOUNT}", f"{RBAC}/v1"
    reference = {"apiGroup": RBAC, "kind": "Role", "name": name}
    given = [dict(each) for each in given]
    return [
        an_object(version, "Role", name, namespace=place, rules=given),
        an_object(
            version,
            "RoleBinding",
            name,
            namespace=place,
            roleRef=reference,
            subjects=[_subject(home)],
        ),
    ]


def _subject(home: str) -> dict[str, str]:
    return {"kind": "ServiceAccount", "name": ACCOUNT, "namespace": home}


def _namespace(bootstrap: BootstrapSettings) -> dict[str, Any]:
    return an_object(
        "v1",
        "Namespace",
        bootstrap.namespace,
        labels={**LABELS, **bootstrap.labels},
        annotations=bootstrap.annotations,
    )


def _account(bootstrap: BootstrapSettings) -> dict[str, Any]:
    return an_object("v1", "ServiceAccount", ACCOUNT, namespace=bootstrap.namespace)
