"""A kubeconfig from a Secret is used, or refused without a word of what is in it."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any

import pytest

from cluster.connection import Connection
from cluster.stack_cluster import connect_to
from gitops.configuration.kubernetes_settings import KubeconfigSecret, KubernetesSettings
from gitops.errors import ClusterError
from toolchain.controlplane import ControlPlane

Keep = Callable[..., KubernetesSettings]


@pytest.fixture
def keep(connection: Connection, namespace: str) -> Keep:
    """Put a kubeconfig into a Secret."""

    def kept(text: str, key: str = "kubeconfig") -> KubernetesSettings:
        name = f"far-{abs(hash(text)) % 10**8}"
        body = {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": name},
            "data": {"kubeconfig": base64.b64encode(text.encode()).decode()},
        }
        connection.post(f"/api/v1/namespaces/{namespace}/secrets", json.dumps(body).encode())
        secret = KubeconfigSecret(namespace=namespace, name=name, key=key)
        return KubernetesSettings(kubeconfig_secret=secret)

    return kept


def test_it_is_used(keep: Keep, control_plane: ControlPlane) -> None:
    """The connection is the kubeconfig's, and a context chooses among several."""
    content = json.loads(control_plane.kubeconfig.read_text())
    content["contexts"].append({"name": "other", "context": content["contexts"][0]["context"]})
    content["current-context"] = "other"
    with connect_to(keep(json.dumps(content))) as found:
        assert found.context == "other"
        assert found.get("/version")["major"]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (
            {"users": [{"name": "u", "user": {"exec": {"command": "run-me"}}}]},
            "exec runs a program",
        ),
        (
            {"users": [{"name": "u", "user": {"tokenFile": "/etc/passwd"}}]},
            "tokenFile names a file",
        ),
        ({"clusters": "none"}, "is no kubeconfig"),
    ],
)
def test_what_is_refused(keep: Keep, change: dict[str, Any], told: str) -> None:
    """Nobody who may write the Secret runs a program here or reads a file."""
    content = {"clusters": [], "contexts": [], "users": [], **change}
    with pytest.raises(ClusterError, match=told) as caught:
        connect_to(keep(json.dumps(content)))
    assert "run-me" not in str(caught.value)


def test_what_cannot_be_read(keep: Keep, namespace: str) -> None:
    """A missing Secret, a missing key and what is no YAML are named, and nothing in them is."""
    missing = KubeconfigSecret(namespace=namespace, name="none")
    with pytest.raises(ClusterError, match="there is no such Secret"):
        connect_to(KubernetesSettings(kubeconfig_secret=missing))
    with pytest.raises(ClusterError, match="has no such key"):
        connect_to(keep("{}", "other"))
    with pytest.raises(ClusterError, match="is no kubeconfig") as caught:
        connect_to(keep("token: [very-secret"))
    assert "very-secret" not in str(caught.value)
    assert caught.value.__cause__ is None
