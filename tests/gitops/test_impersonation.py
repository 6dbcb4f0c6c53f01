"""Which ServiceAccount an Application is synced as follows from its project alone."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gitops import projects
from gitops.application import ApplicationSpec
from gitops.application_target import ApplicationTarget
from gitops.config import Settings, parse
from gitops.deployment.inventory import Inventory
from gitops.errors import ConfigError, ProjectError
from gitops.impersonation import (
    INPUT,
    ServiceAccount,
    account_for,
    account_of_provider,
    last_account,
    not_in_force,
    provider_name,
    with_account,
    with_remedy,
)
from gitops.projects import AppProject
from tests.gitops.objects import application, config_map, deployed, inventory


def project(*entries: dict[str, str]) -> AppProject:
    return projects.read({"name": "apps", "destinationServiceAccounts": list(entries)})


def entry(namespace: str, account: str, **more: str) -> dict[str, str]:
    return {"namespace": namespace, "defaultServiceAccount": account, **more}


@pytest.mark.parametrize(
    ("entries", "account"),
    [
        ([entry("media", "deployer")], "media:deployer"),
        ([entry("media", "security:deployer")], "security:deployer"),
        ([entry("med*", "a"), entry("media", "b")], "media:a"),
        ([entry("books", "a"), entry("{books,media}", "b")], "media:b"),
        ([entry("*", "a", server="https://kubernetes.default.svc")], "media:a"),
        ([entry("*", "a", server="https://other"), entry("*", "b", server="*")], "media:b"),
        ([entry("*", "sub.domain")], "media:sub.domain"),
    ],
)
def test_the_first_entry_that_matches(entries: list[dict[str, str]], account: str) -> None:
    """Globs for server and namespace; a name is one of the destination namespace."""
    assert str(account_for(application(), project(*entries))) == account


@pytest.mark.parametrize(
    ("entries", "namespace", "said"),
    [
        ([], "media", "no entry in destinationServiceAccounts of AppProject apps matches"),
        ([entry("books", "a")], "media", "add one for it, or set home-ops:impersonation.enabled"),
        ([entry("", "a")], "media", "matches namespace 'media'"),
        ([entry("", "a")], "", "write it as namespace:a"),
    ],
)
def test_no_account_is_a_refusal(entries: list[dict[str, str]], namespace: str, said: str) -> None:
    """As in ArgoCD nothing is synced as somebody else where no entry matches."""
    spec = application(namespace=namespace)
    with pytest.raises(ProjectError, match=r"^apps/media") as refused:
        account_for(named(spec), project(*entries))
    assert said in str(refused.value)
    broken = with_account(ApplicationTarget(spec=spec), project(*entries))
    assert said in str(broken.error)


def named(spec: ApplicationSpec) -> ApplicationSpec:
    return replace(spec, source=replace(spec.source, path="apps/apps/media"))


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (entry("media", "a:b:c"), "[0].defaultServiceAccount: 'a:b:c' is no ServiceAccount"),
        (entry("media", ""), "is no ServiceAccount"),
        (entry("media", "*"), "is no ServiceAccount"),
        (entry("media", "system:Masters"), "is no ServiceAccount"),
        (entry("!media", "a"), "destinationServiceAccounts[0].namespace: '!media' would mean"),
        (entry("media", "a", server="!x"), "destinationServiceAccounts[0].server: '!x' would mean"),
    ],
)
def test_wrong_entries(wrong: dict[str, str], said: str) -> None:
    """What could never be an account, or would match the other way round, is refused when read."""
    with pytest.raises(ConfigError, match=r"^AppProject apps: dest") as found:
        project(wrong)
    assert said in str(found.value)


def test_the_config_turns_it_on() -> None:
    """Off unless the config says otherwise; accounts that nobody heeds are worth a warning."""
    values = {
        "cluster": "local",
        "projects": [{"name": "apps", "destinationServiceAccounts": [entry("*", "a")]}],
    }
    off, on = parse(values), parse({**values, "impersonation": {"enabled": True}})
    assert (off.impersonation, on.impersonation) == (False, True)
    [warning] = not_in_force(off, off.projects)
    assert warning.startswith("AppProject apps: destinationServiceAccounts has no effect while")
    assert not_in_force(on, on.projects) == ()
    assert not_in_force(Settings(cluster="local"), ()) == ()
    with pytest.raises(ConfigError, match="defaultServiceAccount"):
        parse({**values, "projects": [{"name": "a", "destinationServiceAccounts": [{}]}]})


@pytest.mark.parametrize("client_side", [False, True])
@pytest.mark.parametrize(
    "account",
    [
        ServiceAccount(namespace="media", name="deployer"),
        ServiceAccount(namespace="a-as-b", name="x.y-client-side"),
    ],
)
def test_the_state_tells_the_account(account: ServiceAccount, *, client_side: bool) -> None:
    """The name of a provider says whose it is, whatever names account and cluster have; one that
    is nobody's says so."""
    for cluster in ("pitower", "x-as-y.z"):
        name = provider_name(cluster, account, client_side=client_side)
        reference = f"urn:pulumi:s::home-ops::pulumi:providers:kubernetes::{name}::id"
        assert account_of_provider(reference, cluster) == account
        own = provider_name(cluster, None, client_side=client_side)
        assert account_of_provider(reference.replace(name, own), cluster) is None
    assert account_of_provider("", "pitower") is None
    assert ServiceAccount.parse(str(account)) == account


def test_another_account_is_synced() -> None:
    """A change of the account alone is one a pass acts on; without any, nothing is as it was not
    before. The last deployment remembers it."""
    plain = ApplicationTarget(spec=application())
    accounts = [ServiceAccount(namespace="media", name=name) for name in "ab"]
    digests = {replace(plain, account=each).settings for each in (None, *accounts)}
    assert len(digests) == 3
    assert replace(plain, account=None).settings == plain.settings
    last = Inventory(application_inputs={"one": {INPUT: "media:a"}, "two": {}})
    assert last_account(last, "one") == accounts[0]
    assert last_account(last, "two") is None
    assert last_account(inventory(deployed(config_map())), "one") is None


def test_a_refusal_names_who_has_to_be_granted_what() -> None:
    """The API server's words, and the remedy after them; what is said of others stays as it is."""
    words = 'configmaps "a" is forbidden: User "{}" cannot patch resource "configmaps"'
    told = with_remedy(words.format("system:serviceaccount:media:deployer"))
    assert told.startswith(words.format("system:serviceaccount:media:deployer"))
    assert told.endswith(
        "; grant it to ServiceAccount media:deployer (RBAC), or have the AppProject name another "
        "in destinationServiceAccounts"
    )
    for user in ("ada", "system:serviceaccount:home-ops:reconciler"):
        assert with_remedy(words.format(user)) == words.format(user)
