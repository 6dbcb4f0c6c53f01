"""An Application is synced as the ServiceAccount its project names, and the API server refuses what
that account may not do."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.checkout import PROJECT, Checkout, application_set
from tests.e2e.commands import gitops
from tests.e2e.hooks import hook, in_wave, job
from tests.e2e.in_cluster import account_kubeconfig, deployed, refused
from tests.e2e.live import Live
from tests.e2e.objects import config_map, options, thing
from tests.e2e.reconciling import Reconciling
from tests.e2e.test_reconcile import until_synced

pytestmark = pytest.mark.e2e
RBAC = "rbac.authorization.k8s.io"
WRITE = ("get", "list", "create", "patch")
ALL = (*WRITE, "delete")


@pytest.fixture
def tenants(checkout: Checkout) -> Iterator[Checkout]:
    """A checkout whose Applications each have a namespace, and are synced as its ``deployer``."""
    for name in ("one", "two"):
        space = thing("v1", "Namespace", f"{checkout.id}-{name}")
        checkout.live.request("POST", "/api/v1/namespaces", space)
    configure(checkout)
    yield checkout
    forget_kubeconfigs(checkout)


def forget_kubeconfigs(checkout: Checkout) -> None:
    """What was written for the provider is gone, as on another machine or in another Pod."""
    folder = Path.home() / ".cache/home-ops/impersonation/e2e" / checkout.stack
    shutil.rmtree(folder, ignore_errors=True)


def configure(
    checkout: Checkout, *, account: str = "deployer", enabled: bool = True, **settings: Any
) -> None:
    """The config of one project, which knows no account for any namespace but those of the test's
    own that begin as they do."""
    accounts = [
        {"namespace": f"{checkout.id}-*", "server": "https://other", "defaultServiceAccount": "x"},
        {"namespace": f"{checkout.id}-{{one,two}}", "defaultServiceAccount": account},
    ]
    made = application_set(
        namespace="{{category}}-{{path.basename}}", options=["ServerSideApply=true"]
    )
    made["template"]["spec"]["syncPolicy"]["automated"]["selfHeal"] = True
    project = {**PROJECT, "destinationServiceAccounts": accounts}
    checkout.configure(made, projects=[project], impersonation={"enabled": enabled}, **settings)


def grant(
    checkout: Checkout,
    name: str,
    verbs: Sequence[str],
    *resources: str,
    account: str = "deployer",
) -> None:
    """Let the account of one Application do something in its namespace, and nothing else there."""
    namespace = f"{checkout.id}-{name}"
    path = f"/apis/{RBAC}/v1/namespaces/{namespace}"
    kinds = list(resources or ("configmaps",))
    rules = [{"apiGroups": ["*"], "resources": kinds, "verbs": list(verbs)}] if verbs else []
    if checkout.live.get(f"{path}/roles/{account}"):
        checkout.live.request("PATCH", f"{path}/roles/{account}", {"rules": rules})
        return
    role = thing(f"{RBAC}/v1", "Role", account, rules=rules)
    checkout.live.request("POST", f"{path}/roles", role)
    subject = {"kind": "ServiceAccount", "name": account, "namespace": namespace}
    binding = thing(
        f"{RBAC}/v1",
        "RoleBinding",
        account,
        roleRef={"apiGroup": RBAC, "kind": "Role", "name": account},
        subjects=[subject],
    )
    checkout.live.request("POST", f"{path}/rolebindings", binding)


def user(checkout: Checkout, name: str, account: str = "deployer") -> str:
    return f"system:serviceaccount:{checkout.id}-{name}:{account}"


def data_of(checkout: Checkout, application: str, name: str) -> str | None:
    found = checkout.live.find("ConfigMap", name, f"{checkout.id}-{application}")
    return str(found["data"]["value"]) if found else None


def test_the_api_server_enforces_the_project(tenants: Checkout) -> None:
    """An Application whose account may do all it needs is synced, its hooks and what is written in
    other ways too; one whose account may not fails alone, with the API server's words; one no
    account is for is refused. Pruning and deleting, in one go or in steps, are that account's."""
    grant(tenants, "one", (*ALL, "update"), "configmaps", "jobs")
    grant(tenants, "two", ("get", "list"))
    tenants.write(
        "one",
        config_map("a"),
        config_map("b", annotations=options("ServerSideApply=false")),
        config_map("c", annotations=options("Replace=true")),
        job("prepare", hook("PreSync")),
    )
    tenants.write("two", config_map("x"))
    tenants.write("three", config_map("x"))
    first = tenants.up("--continue-on-error").failed()
    said = f'configmaps "x" is forbidden: User "{user(tenants, "two")}" cannot patch resource'
    assert said in first.output
    assert (
        f"no entry in destinationServiceAccounts of AppProject apps matches namespace "
        f"'{tenants.id}-three', and impersonation is on; add one for it"
    ) in first.output
    assert [data_of(tenants, "one", name) for name in "abc"] == ["1", "1", "1"]
    assert tenants.live.find("Job", "prepare", f"{tenants.id}-one")
    assert data_of(tenants, "two", "x") is None

    tenants.remove("three")
    grant(tenants, "two", WRITE)
    uids = tenants.uids()
    tenants.write("one", config_map("a"), config_map("c", "2", annotations=options("Replace=true")))
    tenants.write("two", *(config_map(name, annotations=in_wave(n)) for n, name in enumerate("xy")))
    tenants.twice()
    assert data_of(tenants, "one", "b") is None
    now = tenants.uids()
    assert all(now[key] == uids[key] for key in uids if key.name != "b")

    tenants.write("two", config_map("x"))
    pruned = tenants.up().failed()
    assert f'User "{user(tenants, "two")}" cannot delete resource "configmaps"' in pruned.output
    tenants.remove("two")
    stays = tenants.up().failed()
    assert f'User "{user(tenants, "two")}" cannot delete resource "configmaps"' in stays.output
    assert data_of(tenants, "two", "y") == "1"
    grant(tenants, "two", ALL)
    tenants.up().succeeded()
    assert data_of(tenants, "two", "x") is None
    assert data_of(tenants, "two", "y") is None

    tenants.lose_state()
    tenants.write("one", config_map("a"))
    grant(tenants, "one", WRITE, "configmaps", "jobs")
    orphaned = tenants.up().failed()
    assert f'{user(tenants, "one")}" cannot delete resource "configmaps"' in orphaned.output
    grant(tenants, "one", ALL, "configmaps", "jobs")
    tenants.up().succeeded()
    assert data_of(tenants, "one", "c") is None
    tenants.destroy().succeeded()
    assert data_of(tenants, "one", "a") is None


def test_changing_the_account_replaces_nothing(tenants: Checkout) -> None:
    """Living objects stay the same ones when impersonation is switched on, off, or to another
    account, by a run of everything and by a pass; what is written next, and a person's sync, is
    written as the new account."""
    passes = Reconciling(tenants)
    source = {"repoURL": str(tenants.root)}
    configure(tenants, enabled=False, source=source)
    tenants.write("one", config_map("a"), config_map("b"))
    passes.commit()
    tenants.up().succeeded()
    uids = tenants.uids()
    configure(tenants, source=source)
    passes.commit()
    switched = tenants.twice()
    assert switched.objects("create", "update", "replace", "delete") == []
    passes.once().expect()
    grant(tenants, "one", WRITE)
    grant(tenants, "two", WRITE)
    tenants.write("two", config_map("a"))
    passes.commit()
    added = passes.once().expect(runs=1)
    assert not added.report["engine"]["full"]
    assert data_of(tenants, "two", "a") == "1"
    uids |= tenants.uids()
    grant(tenants, "two", ())
    tenants.write("one", config_map("a", "2"), config_map("b"))
    tenants.write("two", config_map("a", "2"))
    passes.commit()
    alone = passes.once()
    alone.expect(1)
    assert (data_of(tenants, "one", "a"), data_of(tenants, "two", "a")) == ("2", "1")
    remedy = (
        f"; grant it to ServiceAccount {tenants.id}-two:deployer (RBAC), or have the AppProject"
    )
    assert user(tenants, "two") in alone.errors
    assert remedy in alone.errors

    configure(tenants, account="other", source=source)
    grant(tenants, "one", ALL, account="other")
    grant(tenants, "two", ALL, account="other")
    grant(tenants, "one", ())
    tenants.write("one", config_map("a", "3"), config_map("b"))
    passes.commit()
    passes.once()
    assert data_of(tenants, "one", "a") == "3"
    until_synced(passes, "two")
    passes.once().expect(runs=0)
    assert tenants.uids().items() <= uids.items()
    tenants.live.request(
        "PATCH",
        f"/api/v1/namespaces/{tenants.id}-two/configmaps/a",
        {"data": {"value": "by hand"}},
    )
    gitops(tenants, "app", "sync", f"{tenants.id}/two").expect()
    assert data_of(tenants, "two", "a") == "2"
    configure(tenants, enabled=False, source=source)
    grant(tenants, "one", (), account="other")
    passes.commit()
    passes.once().expect()
    tenants.write("one", config_map("a", "4"), config_map("b"))
    passes.commit()
    passes.once().expect(runs=1)
    assert data_of(tenants, "one", "a") == "4"
    assert tenants.uids().items() <= uids.items()


def test_the_reconcilers_own_rights(tenants: Checkout) -> None:
    """A reconciler in the cluster with the rights derived for it makes passes that create, heal,
    update and prune as the account; it may neither write those objects itself nor impersonate
    anybody else."""
    passes = Reconciling(tenants)
    configure(tenants, source={"repoURL": str(tenants.root)}, reconciler=deployed())
    grant(tenants, "one", ALL)
    grant(tenants, "two", ALL)
    tenants.write("one", config_map("a"), config_map("b"))
    tenants.write("two", config_map("a"))
    passes.commit()
    tenants.twice()
    kubeconfig = account_kubeconfig(tenants)
    tenants.environment = {**tenants.environment, "KUBECONFIG": str(kubeconfig)}
    passes.once().expect()
    tenants.write("one", config_map("a", "2"), config_map("c"))
    passes.commit()
    second = passes.once().expect(runs=1)
    assert not second.report["warnings"], second.report["warnings"]
    names = [data_of(tenants, "one", name) for name in "abc"]
    assert names == ["2", None, "1"]
    path = f"/api/v1/namespaces/{tenants.id}-one/configmaps"
    tenants.live.request("PATCH", f"{path}/a", {"data": {"value": "by hand"}})
    tenants.live.request("DELETE", f"{path}/c")
    forget_kubeconfigs(tenants)
    until_synced(passes, "one")
    assert (data_of(tenants, "one", "a"), data_of(tenants, "one", "c")) == ("2", "1")
    passes.once().expect(runs=0)
    with closing(Live(kubeconfig)) as live:
        assert refused(live, "POST", path, config_map("d"))
        assert refused(live, "PATCH", f"{path}/a", {"data": {"value": "3"}})
        assert refused(live, "DELETE", f"{path}/a")
        assert not refused(live, "GET", f"{path}/a")
        assert may_impersonate(live, f"{tenants.id}-one", "deployer")
        assert not may_impersonate(live, f"{tenants.id}-one", "default")
        assert not may_impersonate(live, f"{tenants.id}-base", "reconciler")


def may_impersonate(live: Live, namespace: str, name: str) -> bool:
    """What the API server says about it (Kubernetes, "SelfSubjectAccessReview")."""
    asked = {
        "verb": "impersonate",
        "resource": "serviceaccounts",
        "namespace": namespace,
        "name": name,
    }
    body = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": asked},
    }
    path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
    return bool(live.request("POST", path, body)["status"]["allowed"])
