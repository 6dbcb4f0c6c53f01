from __future__ import annotations

import base64
import json
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml

from cluster import kubeconfig
from cluster.connection import connect
from gitops.errors import ClusterError


def write(path: Path, content: dict[str, Any]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump(content))
    return path


def one(name: str, server: str, *, current: bool = True) -> dict[str, Any]:
    return {
        **({"current-context": name} if current else {}),
        "clusters": [{"name": name, "cluster": {"server": server, "certificate-authority": "ca"}}],
        "contexts": [{"name": name, "context": {"cluster": name}}],
    }


def test_files_of_a_list_are_merged_and_the_first_wins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A list in KUBECONFIG means what kubectl makes of it: first entry and first context win."""
    first = write(tmp_path / "a/config", one("red", "https://first", current=False))
    both = one("blue", "https://blue")
    both["clusters"] += one("red", "https://second")["clusters"]
    second = write(tmp_path / "b/config", both)
    monkeypatch.setenv("KUBECONFIG", f"{tmp_path / 'absent'}:{first}:{second}")

    assert kubeconfig.select().cluster.server == "https://blue"
    red = kubeconfig.select("red")
    assert red.cluster.server == "https://first"
    assert red.cluster.certificate_auth == str(tmp_path / "a/ca")


def test_unknown_context_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A context that does not exist is an error with its name, the file and a remedy."""
    file = write(tmp_path / "config", one("red", "https://red"))
    monkeypatch.setenv("KUBECONFIG", str(file))
    with pytest.raises(ClusterError) as refused:
        kubeconfig.select("green")
    assert str(refused.value).startswith(f"kubeconfig {file}: ")
    assert "'green'" in str(refused.value)
    assert "get-contexts" in refused.value.remedy


def test_missing_file_says_where_it_looked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No kubeconfig at all is an error that names the place and how to get one."""
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "absent"))
    with pytest.raises(ClusterError, match=f"{tmp_path}/absent.*make up"):
        kubeconfig.select()


@pytest.mark.parametrize("content", ["a: [", "just text", "\xff"])
def test_broken_file_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str
) -> None:
    """A file that is no kubeconfig is an error naming the file."""
    file = tmp_path / "config"
    file.write_bytes(content.encode("latin-1"))
    monkeypatch.setenv("KUBECONFIG", str(file))
    with pytest.raises(ClusterError, match=f"kubeconfig {file}: "):
        kubeconfig.select()


def test_context_of_an_unknown_cluster_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A context whose cluster entry is missing is an error and no crash."""
    content = {**one("red", "https://red"), "clusters": []}
    monkeypatch.setenv("KUBECONFIG", str(write(tmp_path / "config", content)))
    with pytest.raises(ClusterError, match="has no entry 'red'"):
        kubeconfig.select()


def authority(cluster: dict[str, Any]) -> bytes:
    if data := cluster.get("certificate-authority-data"):
        return base64.b64decode(data)
    if file := cluster.get("certificate-authority"):
        return Path(file).read_bytes()
    pytest.skip("the control plane's kubeconfig names no certificate authority")


def admin(control_plane: Any) -> tuple[str, dict[str, Any]]:
    """The server and the cluster entry of the control plane, and its token."""
    content = yaml.safe_load(Path(control_plane.kubeconfig).read_text())
    token: str = content["users"][0]["user"]["token"]
    return token, content


@pytest.mark.e2e
def test_exec_plugin_of_version_1_signs_in(
    control_plane: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An exec plugin is told the version to answer with, and its token is accepted."""
    token, content = admin(control_plane)
    plugin = tmp_path / "plugin.py"
    plugin.write_text(
        "import json, os\n"
        "info = json.loads(os.environ['KUBERNETES_EXEC_INFO'])\n"
        f"status = {{'token': {token!r}}}\n"
        "print(json.dumps({'apiVersion': info['apiVersion'], 'kind': info['kind'],"
        " 'status': status}))\n"
    )
    version = "client.authentication.k8s.io/v1"
    run = {"apiVersion": version, "command": sys.executable, "args": [str(plugin)]}
    content["users"][0]["user"] = {"exec": run}
    monkeypatch.setenv("KUBECONFIG", str(write(tmp_path / "config", content)))
    with connect() as connection:
        assert connection.get("/api/v1/namespaces")["kind"] == "NamespaceList"


@pytest.mark.e2e
def test_pod_uses_its_service_account(
    control_plane: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a pod, without a kubeconfig, the mounted token and address lead to the API server."""
    token, content = admin(control_plane)
    cluster = content["clusters"][0]["cluster"]
    address = urlsplit(cluster["server"])
    (tmp_path / "token").write_text(token)
    (tmp_path / "namespace").write_text("default")
    (tmp_path / "ca.crt").write_bytes(authority(cluster))
    monkeypatch.setattr(kubeconfig, "SERVICE_ACCOUNT", tmp_path)
    monkeypatch.setattr(kubeconfig, "DEFAULT_KUBECONFIG", tmp_path / "absent")
    monkeypatch.delenv("KUBECONFIG", raising=False)
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", str(address.hostname))
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", str(address.port))
    with connect() as connection:
        assert connection.get("/api/v1/namespaces")["kind"] == "NamespaceList"


def test_kubeconfig_wins_over_the_pod(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """KUBECONFIG decides also inside a pod, as it does for the provider."""
    (tmp_path / "token").write_text("x")
    monkeypatch.setattr(kubeconfig, "SERVICE_ACCOUNT", tmp_path)
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1")
    file = write(tmp_path / "config", one("red", "https://red"))
    monkeypatch.setenv("KUBECONFIG", str(file))
    assert kubeconfig.select().cluster.server == "https://red"


def test_json_is_a_kubeconfig_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A kubeconfig may be JSON."""
    file = tmp_path / "config"
    file.write_text(json.dumps(one("red", "https://red")))
    monkeypatch.setenv("KUBECONFIG", str(file))
    assert kubeconfig.select().context_name == "red"
