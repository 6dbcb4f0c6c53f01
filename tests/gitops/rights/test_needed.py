"""The rights follow from what Applications contain, and from nothing else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest

from gitops.application_target import ApplicationTarget
from gitops.deployment.inventory import Inventory
from gitops.impersonation import ServiceAccount
from gitops.objects.manifest import Manifest
from gitops.objects.scope import Scopes, ServedKind, builtin_scopes, defined_kind, plural_of
from gitops.rights.missing import EVERYWHERE, MissingRightsError, is_granted, within_rights
from gitops.rights.needed import NeededRights, needed_rights
from gitops.rights.rule import Right, rules
from gitops.syncing.checks import with_options
from gitops.syncing.hook_plan import PlannedHook
from gitops.target import Target
from tests.gitops.objects import (
    HOOK,
    SYNC_OPTIONS,
    an_object,
    application,
    config_map,
    definition,
    deployed,
    inventory,
)

RBAC = "rbac.authorization.k8s.io/v1"
WRITE = ("create", "patch", "delete")


def target(
    *bodies: dict[str, Any], name: str = "local-media-jellyfin", **options: str
) -> ApplicationTarget:
    spec = application(name, sync_options=options)
    manifests = tuple(Manifest.from_body(body) for body in bodies)
    return with_options(ApplicationTarget(spec=spec, manifests=manifests))


def needed(*targets: ApplicationTarget, last: Inventory | None = None) -> NeededRights:
    return needed_rights(targets, last or Inventory(), builtin_scopes())


def allowed(given: Sequence[Mapping[str, Any]], group: str, resource: str) -> set[str]:
    verbs = ("get", "list", "watch", "create", "patch", "update", "delete", "escalate", "bind")
    return {verb for verb in verbs if is_granted(given, group, resource, verb)}


def test_objects_are_read_everywhere_and_written_where_they_are() -> None:
    """A kind is read across the cluster, for one LIST finds what is ours; it is written in the
    namespaces that have objects of it, and no kind at all that no Application has."""
    found = needed(target(config_map(namespace="media")))
    assert allowed(found.cluster, "", "configmaps") == {"get", "list"}
    assert allowed(found.namespaces["media"], "", "configmaps") == set(WRITE)
    assert list(found.namespaces) == ["media"]
    assert allowed(found.cluster, "apps", "deployments") == set()
    assert allowed(found.namespaces["media"], "apps", "deployments") == set()


def test_secrets_are_read_in_their_own_namespaces() -> None:
    """Secrets are neither read nor listed across the cluster."""
    found = needed(target(an_object("v1", "Secret", "login", namespace="media")))
    assert allowed(found.cluster, "", "secrets") == set()
    assert allowed(found.namespaces["media"], "", "secrets") == {"get", "list", *WRITE}
    elsewhere = needed(target(config_map(namespace="media")))
    assert allowed(elsewhere.namespaces["media"], "", "secrets") == set()


DEPLOYER = ServiceAccount(namespace="tenants", name="deployer")
IMPERSONATED = {
    "apiGroups": [""],
    "resources": ["serviceaccounts"],
    "resourceNames": ["deployer"],
    "verbs": ["impersonate"],
}


def test_what_is_written_as_an_account_is_only_read() -> None:
    """Objects that go through a project's account are only read, hooks watched, and roles among
    them hand nothing on; that very account may be impersonated, and no other."""
    rule = {"apiGroups": [""], "resources": ["pods"], "verbs": ["watch"]}
    role = an_object(RBAC, "Role", "reader", namespace="media", rules=[rule])
    plain = target(config_map(namespace="media"), role)
    job = an_object("batch/v1", "Job", "prepare", namespace="media", annotations={HOOK: "PreSync"})
    hook = PlannedHook(manifest=Manifest.from_body(job), delete_policies=frozenset())
    found = needed(replace(plain, hooks=(hook,), account=DEPLOYER))
    assert allowed(found.cluster, "", "configmaps") == {"get", "list"}
    assert allowed(found.namespaces["media"], "", "configmaps") == set()
    assert allowed(found.namespaces["media"], "batch", "jobs") == {"get", "list", "watch"}
    assert allowed(found.namespaces["media"], "", "pods") == {"get", "list"}
    assert found.namespaces["tenants"] == [IMPERSONATED]


def test_what_was_applied_as_an_account_is_deleted_as_that() -> None:
    """What is no longer rendered needs the right of whoever applied it, and nothing the one its
    Application is synced as now."""
    one, two = (deployed(config_map(name, namespace="books"), application="gone") for name in "ab")
    provider = "urn:pulumi:s::home-ops::pulumi:providers:kubernetes::{}::id"
    through = replace(two, provider=provider.format("pitower-as-tenants.deployer"))
    found = needed_rights([], inventory(through), builtin_scopes(), cluster="pitower")
    assert allowed(found.namespaces["books"], "", "configmaps") == set()
    assert found.namespaces["tenants"] == [IMPERSONATED]
    own = replace(one, provider=provider.format("pitower"))
    found = needed_rights([], inventory(own), builtin_scopes(), cluster="pitower")
    assert allowed(found.namespaces["books"], "", "configmaps") == set(WRITE)
    now = replace(target(config_map("a", namespace="books")), account=DEPLOYER)
    found = needed_rights([now], inventory(own), builtin_scopes(), cluster="pitower")
    assert allowed(found.namespaces["books"], "", "configmaps") == set()


def test_the_right_to_impersonate_is_asked_for() -> None:
    """An Application whose account may not be impersonated is broken, and the message names it; a
    rule that names another account is of no help."""
    both = Target(
        applications=(replace(target(config_map(namespace="media")), account=DEPLOYER),),
        scopes=builtin_scopes(),
    )
    full = needed(*both.applications)
    granted = {EVERYWHERE: full.cluster, **full.namespaces}
    assert within_rights(both, granted) == both
    other = {**IMPERSONATED, "resourceNames": ["other"]}
    [broken] = within_rights(both, {**granted, "tenants": [other]}).applications
    assert "may not impersonate serviceaccounts deployer in namespace tenants" in str(broken.error)


def test_what_left_git_can_still_be_deleted() -> None:
    """Kinds and namespaces of the last deployment count as well, or they could not be pruned."""
    gone = deployed(an_object("v1", "Service", "old", namespace="books"), application="gone")
    found = needed(target(config_map(namespace="media")), last=inventory(gone))
    assert "delete" in allowed(found.namespaces["books"], "", "services")
    base = deployed(an_object("v1", "Secret", "own", namespace="home-ops"), application="")
    assert "home-ops" not in needed(last=inventory(base)).namespaces


def test_cluster_scoped_kinds_and_namespaces() -> None:
    """What has no namespace is written across the cluster; a namespace that CreateNamespace makes
    is never deleted, one that Git holds is."""
    made = needed(target(config_map(namespace="media"), CreateNamespace="true"))
    assert allowed(made.cluster, "", "namespaces") == {"get", "list", "create", "patch"}
    held = needed(target(an_object("v1", "Namespace", "media")))
    assert "delete" in allowed(held.cluster, "", "namespaces")


def test_definitions_of_a_stack_of_their_own() -> None:
    """The same account runs both stacks, so it needs the rights for what the other one has; the
    provider changes definitions with PUT."""
    key = Manifest.from_body(definition()).key
    found = needed_rights([], Inventory(), builtin_scopes(), elsewhere=[key])
    crds = allowed(found.cluster, "apiextensions.k8s.io", "customresourcedefinitions")
    assert crds == {"get", "list", *WRITE, "update"}


def test_verbs_of_options_and_hooks() -> None:
    """Only what is replaced is updated; hooks are watched, and their logs read."""
    own = {SYNC_OPTIONS: "Replace=true"}
    replaced = needed(target(config_map(namespace="media", annotations=own)))
    assert "update" in allowed(replaced.namespaces["media"], "", "configmaps")
    job = an_object("batch/v1", "Job", "prepare", namespace="media", annotations={HOOK: "PreSync"})
    plain = target(config_map(namespace="media"))
    hook = PlannedHook(manifest=Manifest.from_body(job), delete_policies=frozenset())
    found = needed(replace(plain, hooks=(hook,)))
    assert "watch" in allowed(found.namespaces["media"], "batch", "jobs")
    assert allowed(found.namespaces["media"], "", "pods/log") == {"get"}
    assert allowed(needed(plain).namespaces["media"], "", "pods/log") == set()


def test_names_of_kinds() -> None:
    """A definition tells the plural, discovery tells it, and of kinds that are always there it can
    be told from the kind."""
    odd = definition("Mouse")
    odd["spec"]["names"]["plural"] = "mice"
    scopes = Scopes().extended([defined_kind(odd)])
    mouse = an_object("example.com/v1", "Mouse", "m", namespace="media")
    found = needed_rights([target(mouse)], Inventory(), scopes)
    assert "create" in allowed(found.namespaces["media"], "example.com", "mice")
    served = ServedKind(group="example.com", kind="Mouse", namespaced=True)
    assert scopes.extended([served]).kinds["example.com", "Mouse"].plural == "mice"


@pytest.mark.parametrize(
    ("kind", "plural"),
    [
        ("Endpoints", "endpoints"),
        ("Gateway", "gateways"),
        ("Ingress", "ingresses"),
        ("NetworkPolicy", "networkpolicies"),
        ("Service", "services"),
    ],
)
def test_guessed_plurals(kind: str, plural: str) -> None:
    """The guess is right for English words, which the API server's own kinds are."""
    assert plural_of(kind) == plural


ROLE = an_object(
    RBAC,
    "Role",
    "reader",
    namespace="media",
    rules=[{"apiGroups": [""], "resources": ["pods"], "verbs": ["watch"]}],
)
CLUSTER_ROLE = an_object(
    RBAC,
    "ClusterRole",
    "scraper",
    rules=[{"nonResourceURLs": ["/metrics"], "verbs": ["get"]}],
)


def binding(role: str, *, kind: str = "ClusterRole", namespace: str = "") -> dict[str, Any]:
    reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": role}
    bound = "RoleBinding" if namespace else "ClusterRoleBinding"
    return an_object(RBAC, bound, "bound", namespace=namespace, roleRef=reference, subjects=[])


def test_roles_are_answered_with_their_own_rules() -> None:
    """Whoever writes a role must hold what it gives; so the reconciler holds that, where the role
    gives it, and may not write any other rule into it."""
    found = needed(target(ROLE, CLUSTER_ROLE), target(binding("scraper"), name="local-media-b"))
    assert "watch" in allowed(found.namespaces["media"], "", "pods")
    assert allowed(found.cluster, "", "pods") == set()
    assert {"nonResourceURLs": ["/metrics"], "verbs": ["get"]} in found.cluster
    assert not [rule for rule in found.cluster if {"escalate", "bind"} & set(rule["verbs"])]


def test_a_role_that_is_not_in_git_may_be_bound_by_name() -> None:
    """Its rules are not known, so that one role may be bound, and no other; handing on everything
    is worth a warning."""
    found = needed(target(binding("view", namespace="media")))
    bind = {"resources": ["clusterroles"], "resourceNames": ["view"], "verbs": ["bind"]}
    assert {"apiGroups": ["rbac.authorization.k8s.io"], **bind} in found.namespaces["media"]
    assert not found.warnings
    [warning] = needed(target(binding("cluster-admin"))).warnings
    assert "hands on cluster-admin (in every namespace)" in warning


def test_what_is_no_rule_is_not_handed_on() -> None:
    """A role the API server refuses would make the reconciler's own role refused as well."""
    wrong = {"apiGroups": [""], "resources": ["pods"]}
    url = {"nonResourceURLs": ["/metrics"], "verbs": ["get"]}
    role = {**ROLE, "rules": [*ROLE["rules"], wrong, url, "text"]}
    unbound = {**binding("x", namespace="media"), "roleRef": None}
    found = needed(target(role, unbound))
    assert ROLE["rules"][0] in found.namespaces["media"]
    assert wrong not in found.namespaces["media"]
    assert url not in found.namespaces["media"]


def test_an_aggregated_role_needs_the_verb() -> None:
    """What it will hold is decided by the labels of others."""
    body = an_object(RBAC, "ClusterRole", "all", aggregationRule={"clusterRoleSelectors": []})
    [rule] = [each for each in needed(target(body)).cluster if "escalate" in each["verbs"]]
    assert rule["resourceNames"] == ["all"]


def test_rules_are_few_and_always_the_same() -> None:
    """Resources with the same verbs share a rule; a name needs none where all are permitted."""
    rights = [
        Right(group="", resource="services", verbs=("list", "get")),
        Right(group="", resource="configmaps", verbs=("get", "list")),
        Right(group="", resource="configmaps", name="own", verbs=("get", "patch")),
        Right(group="apps", resource="deployments", verbs=("get",)),
    ]
    own = {"apiGroups": [""], "resources": ["configmaps"], "resourceNames": ["own"]}
    assert (
        rules(rights)
        == rules(reversed(rights))
        == [
            {"apiGroups": [""], "resources": ["configmaps", "services"], "verbs": ["get", "list"]},
            {**own, "verbs": ["patch"]},
            {"apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["get"]},
        ]
    )


def test_an_application_that_needs_more_is_broken_and_no_other() -> None:
    """The message names every verb, resource and place that is missing, and what to do; where the
    API server does not tell everything, nothing is held against an Application."""
    first, second = target(config_map(namespace="media")), target(name="local-media-b")
    both = Target(applications=(first, second), scopes=builtin_scopes())
    full = needed(first)
    granted = {EVERYWHERE: full.cluster, "media": full.namespaces["media"]}
    assert within_rights(both, granted) == both
    assert within_rights(both, {EVERYWHERE: None, "media": None}) == both
    reading = [{"apiGroups": [""], "resources": ["*"], "verbs": ["get", "list"]}]
    broken, other = within_rights(both, {EVERYWHERE: reading, "media": reading}).applications
    assert other.error is None
    assert isinstance(broken.error, MissingRightsError)
    assert "may not create, delete, patch configmaps in namespace media" in str(broken.error)
    assert "run `gitops up`" in str(broken.error)
    everything = [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}]
    assert within_rights(both, {EVERYWHERE: everything, "media": everything}) == both


def test_a_rule_for_some_names_is_no_rule_for_all() -> None:
    """Rules with names, of other groups or for subresources grant nothing more than they say."""
    named = {"apiGroups": [""], "resources": ["pods"], "verbs": ["get"], "resourceNames": ["a"]}
    logs = {"apiGroups": [""], "resources": ["*/log"], "verbs": ["get"]}
    assert not is_granted([named], "", "pods", "get")
    assert not is_granted([logs], "", "pods", "get")
    assert is_granted([logs], "", "pods/log", "get")
    assert not is_granted([logs], "apps", "pods/log", "get")
