"""Whoever writes as a ServiceAccount is that account to the API server, and holds no more."""

from __future__ import annotations

import json
import pwd
import stat
import tempfile
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from cluster import kubeconfig
from cluster.connection import Connection, StatusError
from cluster.discovery import facts
from cluster.dry_run import Suspect, innocent
from cluster.impersonation import (
    accounts_in,
    impersonating,
    kubeconfig_as,
    kubeconfig_input,
    write_kubeconfigs,
)
from cluster.objects import get
from gitops.config import Settings
from gitops.configuration.kubernetes_settings import KubernetesSettings
from gitops.errors import ClusterError, ConfigError
from gitops.impersonation import ServiceAccount
from gitops.objects.manifest import ResourceKey

DEPLOYER = ServiceAccount(namespace="media", name="deployer")
SETTINGS = Settings(cluster="pitower")
KUBECONFIG: dict[str, Any] = {
    "current-context": "red",
    "clusters": [{"name": "c", "cluster": {"server": "https://red"}}, {"name": "d", "cluster": {}}],
    "users": [{"name": "ada", "user": {"token": "secret"}}, {"name": "bob", "user": {"as": "eve"}}],
    "contexts": [
        {"name": "red", "context": {"cluster": "c", "user": "ada", "namespace": "x"}},
        {"name": "blue", "context": {"cluster": "c", "user": "bob"}},
        {"name": "green", "context": {"cluster": "c"}},
        {"name": "grey", "context": {"cluster": "gone", "user": "ada"}},
    ],
}


def test_the_api_server_sees_the_account(connection: Connection) -> None:
    """The account and exactly its groups, over the same connections; who connects is himself
    afterwards."""
    body = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
    path = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
    acting = connection.acting_as(DEPLOYER.user)
    seen = acting.post(path, json.dumps(body).encode())["status"]["userInfo"]
    assert seen["username"] == "system:serviceaccount:media:deployer"
    assert sorted(seen["groups"]) == [
        "system:authenticated",
        "system:serviceaccounts",
        "system:serviceaccounts:media",
    ]
    own = connection.post(path, json.dumps(body).encode())["status"]["userInfo"]
    assert own["username"] != seen["username"]
    assert connection.acting_as("") is connection
    with pytest.raises(StatusError, match="grant it to system:serviceaccount:media:deployer"):
        acting.get("/api/v1/secrets")


def test_a_dry_run_is_the_accounts(connection: Connection, namespace: str) -> None:
    """Whether a sync would change anything is asked as whom it would be synced: an account that
    may not apply gets no answer."""
    body = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "a", "namespace": namespace},
        "data": {"a": "1"},
    }
    path = f"/api/v1/namespaces/{namespace}/configmaps"
    connection.post(path, json.dumps(body).encode(), params={"fieldManager": "home-ops"})
    key = ResourceKey(group="", kind="ConfigMap", namespace=namespace, name="a")
    resource = facts(connection).find("", "ConfigMap")
    assert resource is not None
    live = get(connection, resource, key)
    assert live is not None
    suspect = Suspect(key=key, resource=resource, body=body, live=live)
    assert innocent(connection, [suspect], manager="home-ops") == {key}
    asked = replace(suspect, user=DEPLOYER.user)
    assert innocent(connection, [asked], manager="home-ops") == frozenset()


def test_one_context_with_another_user() -> None:
    """Of a kubeconfig one context is left, with the user's credentials and whom he stands for."""
    found = impersonating(KUBECONFIG, "", DEPLOYER.user, where="kubeconfig")
    assert [each["cluster"]["server"] for each in found["clusters"]] == ["https://red"]
    assert [each["user"] for each in found["users"]] == [{"token": "secret", "as": DEPLOYER.user}]
    assert found["contexts"][0]["context"]["user"] == found["users"][0]["name"]
    assert found["contexts"][0]["context"]["namespace"] == "x"
    nobody = impersonating(KUBECONFIG, "green", DEPLOYER.user, where="kubeconfig")
    assert nobody["current-context"] == "green"
    assert nobody["users"][0]["user"] == {"as": DEPLOYER.user}


@pytest.mark.parametrize(
    ("context", "said"),
    [
        ("blue", "the user of context 'blue' impersonates eve"),
        ("grey", "has no entry 'gone' in clusters"),
        ("pink", "has no entry 'pink' in contexts"),
    ],
)
def test_what_cannot_impersonate(context: str, said: str) -> None:
    """A user who stands for somebody cannot stand for another, and a context has to be there."""
    with pytest.raises(ClusterError) as refused:
        impersonating(KUBECONFIG, context, DEPLOYER.user, where="kubeconfig")
    assert str(refused.value).startswith("kubeconfig: ")
    assert said in str(refused.value)


def test_a_private_file_where_the_provider_looks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is in the home directory the system knows, whatever HOME says, only its owner can read
    it, and writing it again replaces it."""
    home = tmp_path / "home"
    monkeypatch.setattr(pwd, "getpwuid", lambda _: SimpleNamespace(pw_dir=str(home)))
    monkeypatch.setenv("HOME", str(tmp_path / "other"))
    config = tmp_path / "config"
    config.write_text(json.dumps(KUBECONFIG))
    monkeypatch.setenv("KUBECONFIG", str(config))
    for _ in range(2):
        write_kubeconfigs(SETTINGS, [DEPLOYER], stack="organization/home-ops/prod")
    place = kubeconfig_input(SETTINGS, DEPLOYER, stack="prod")
    assert place is not None
    [file] = [each for each in home.rglob("*") if each.is_file()]
    assert file == home / place.removeprefix("~/")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert json.loads(file.read_text())["users"][0]["user"]["as"] == DEPLOYER.user
    (tmp_path / "file").write_text("")
    home = tmp_path / "file"
    with pytest.raises(ConfigError, match="home directory that can be written to"):
        write_kubeconfigs(SETTINGS, [DEPLOYER], stack="prod")


def test_copies_of_a_kubeconfig_are_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a provider left of this account goes before the next run; what is of another account, or
    no copy, stays."""
    monkeypatch.setattr(pwd, "getpwuid", lambda _: SimpleNamespace(pw_dir=str(tmp_path)))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    config = tmp_path / "kubeconfig"
    config.write_text(json.dumps(KUBECONFIG))
    monkeypatch.setenv("KUBECONFIG", str(config))
    for name, user in (("1", DEPLOYER.user), ("2", f"{DEPLOYER.user}-2"), ("x", DEPLOYER.user)):
        (tmp_path / f"kubeconfig{name}").write_text(f"users:\n- user:\n    as: {user}\n")
    write_kubeconfigs(SETTINGS, [DEPLOYER], stack="prod")
    left = {each.name for each in tmp_path.iterdir() if each.is_file()}
    assert left == {"kubeconfig", "kubeconfig2", "kubeconfigx"}


def test_in_a_pod_no_credential_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The Pod's own account is named by its files, which the kubelet keeps up to date."""
    (tmp_path / "token").write_text("credential")
    monkeypatch.setattr(kubeconfig, "SERVICE_ACCOUNT", tmp_path)
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))
    with pytest.raises(ClusterError, match="set KUBECONFIG"):
        kubeconfig_as(KubernetesSettings(), DEPLOYER)
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "fd00::1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", "6443")
    text = kubeconfig_as(KubernetesSettings(), DEPLOYER)
    found = json.loads(text)
    assert found["clusters"][0]["cluster"]["server"] == "https://[fd00::1]:6443"
    assert found["users"][0]["user"]["tokenFile"].endswith("/serviceaccount/token")
    assert found["users"][0]["user"]["as"] == DEPLOYER.user
    assert "credential" not in text


def test_accounts_of_the_last_deployment() -> None:
    """Each is known by the provider that its objects were applied through."""
    provider = "urn:pulumi:s::home-ops::pulumi:providers:kubernetes::{}::id"
    names = ("pitower", "pitower-as-media.deployer", "pitower-client-side", "")
    assert accounts_in(map(provider.format, names), SETTINGS) == {DEPLOYER}
