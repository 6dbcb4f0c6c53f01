"""What runs on the control plane: pods, jobs, claims, addresses, namespaces."""

from __future__ import annotations

import secrets
import subprocess
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

from tests.controlplane.client import Client, claim, deployment, pod_template, until, volume
from toolchain.controlplane import ControlPlane, binaries
from toolchain.controlplane.errors import ApiError


@pytest.fixture(scope="module")
def client(control_plane: ControlPlane) -> Iterator[Client]:
    with closing(Client(control_plane.kubeconfig)) as made:
        yield made


@pytest.fixture
def namespace(client: Client) -> Iterator[str]:
    with client.namespace(f"test-{secrets.token_hex(4)}") as made:
        yield made


def is_bound(client: Client, name: str, namespace: str) -> bool:
    found = client.get("PersistentVolumeClaim", name, namespace)
    return bool(found["status"].get("phase") == "Bound")


def test_pods_of_a_deployment_run(client: Client, namespace: str) -> None:
    """A Deployment of privileged pods becomes available, and its pods have addresses."""
    template = pod_template()
    template["spec"]["containers"][0]["securityContext"] = {"privileged": True}
    template["spec"]["initContainers"] = [
        {"name": "prepare", "image": "registry.example/app:1.0.0"},
        {"name": "proxy", "image": "registry.example/app:1.0.0", "restartPolicy": "Always"},
    ]
    client.create("Deployment", "web", namespace, spec=deployment(5, template))
    until(
        lambda: client.get("Deployment", "web", namespace)["status"].get("availableReplicas") == 5,
        "five available pods",
    )
    addresses = {pod["status"]["podIP"] for pod in client.list("Pod", namespace)}
    assert len(addresses) == 5
    assert len({pod["spec"]["nodeName"] for pod in client.list("Pod", namespace)}) > 1


def test_job_completes(client: Client, namespace: str) -> None:
    """A Job's pods succeed, so the Job completes."""
    template = pod_template(restart="OnFailure")
    client.create("Job", "once", namespace, spec={"completions": 2, "template": template})
    until(
        lambda: client.get("Job", "once", namespace)["status"].get("succeeded") == 2,
        "two successful pods",
    )


@pytest.mark.parametrize(
    ("outcome", "restart", "reason"),
    [("fail", "Never", "Error"), ("crash", "Always", "CrashLoopBackOff")],
)
def test_pod_told_to_fail_fails(
    client: Client, namespace: str, outcome: str, restart: str, reason: str
) -> None:
    """An annotation makes a pod fail or crash, so that tests of failing applications can exist."""
    template = pod_template(restart=restart, annotations={"home-ops.local/outcome": outcome})
    client.create("Pod", "broken", namespace, **template)

    def reasons() -> list[str]:
        found = client.get("Pod", "broken", namespace)["status"].get("containerStatuses") or []
        return [state.get("reason", "") for item in found for state in item["state"].values()]

    until(lambda: reasons() == [reason], reason)


@pytest.mark.parametrize("storage_class", ["no-such-class", None])
def test_claim_of_any_class_binds(
    client: Client, namespace: str, storage_class: str | None
) -> None:
    """A claim of an unknown class or of none binds, a pod runs with it, and its volume goes too."""
    client.create("PersistentVolumeClaim", "data", namespace, spec=claim(storage_class))
    template = pod_template(claim="data")
    client.create("Deployment", "db", namespace, spec=deployment(1, template))
    until(lambda: client.pods_in_phase(namespace, "Running") == 1, "a running pod")
    bound = client.get("PersistentVolumeClaim", "data", namespace)
    assert bound["status"]["phase"] == "Bound"
    client.delete("Deployment", "db", namespace)
    client.delete("PersistentVolumeClaim", "data", namespace)
    name = bound["spec"]["volumeName"]
    until(lambda: not client.exists("PersistentVolume", name), "the volume to be deleted")


@pytest.mark.parametrize("order", [("volume", "claim"), ("claim", "volume")])
def test_volume_made_by_hand_is_used(
    client: Client, namespace: str, order: tuple[str, str]
) -> None:
    """A claim binds to the user's own volume, whichever of the two is applied first."""
    name = f"{namespace}-{order[0]}"
    for what in order:
        if what == "volume":
            client.create("PersistentVolume", name, spec=volume("by-hand"))
        else:
            client.create("PersistentVolumeClaim", "data", namespace, spec=claim("by-hand"))
    until(lambda: is_bound(client, "data", namespace), "a bound claim")
    found = client.get("PersistentVolumeClaim", "data", namespace)
    client.delete("PersistentVolume", name)
    assert found["spec"]["volumeName"] == name


def test_storage_class_decides_what_becomes_of_the_volume(client: Client, namespace: str) -> None:
    """A volume of a class with reclaimPolicy Retain stays when its claim is deleted."""
    client.create(
        "StorageClass", "keep", provisioner="example.com/keep", reclaimPolicy="Retain",
        volumeBindingMode="WaitForFirstConsumer",
    )  # fmt: skip
    client.create("PersistentVolumeClaim", "data", namespace, spec=claim("keep"))
    until(lambda: is_bound(client, "data", namespace), "a bound claim")
    name = client.get("PersistentVolumeClaim", "data", namespace)["spec"]["volumeName"]
    client.delete("PersistentVolumeClaim", "data", namespace)
    phase = "Released"
    until(lambda: client.get("PersistentVolume", name)["status"]["phase"] == phase, phase)
    client.delete("PersistentVolume", name)
    client.delete("StorageClass", "keep")


def address_of(client: Client, kind: str, name: str, namespace: str) -> str:
    balancer = client.get(kind, name, namespace)["status"].get("loadBalancer") or {}
    return str((balancer.get("ingress") or [{}])[0].get("ip", ""))


def test_load_balancers_get_addresses(client: Client, namespace: str) -> None:
    """Every Service of type LoadBalancer gets an address of its own, or the one it asks for."""
    ports = [{"port": 80}]
    wanted = {"metadata": {"annotations": {"metallb.io/loadBalancerIPs": "192.168.7.7"}}}
    for name, more in {"one": {}, "two": {}, "asking": wanted}.items():
        client.create(
            "Service", name, namespace, spec={"type": "LoadBalancer", "ports": ports}, **more
        )
    client.create("Service", "inside", namespace, spec={"ports": ports})

    def addresses() -> list[str]:
        names = ("one", "two", "asking")
        return [address_of(client, "Service", name, namespace) for name in names]

    until(lambda: all(addresses()), "three addresses")
    assert addresses()[2] == "192.168.7.7"
    assert len(set(addresses())) == 3
    assert address_of(client, "Service", "inside", namespace) == ""


def test_ingress_gets_an_address(client: Client, namespace: str) -> None:
    """An Ingress gets an address, without which it would count as progressing for ever."""
    backend = {"service": {"name": "web", "port": {"number": 80}}}
    client.create("Ingress", "web", namespace, spec={"defaultBackend": backend})
    until(lambda: address_of(client, "Ingress", "web", namespace), "an address")


@pytest.fixture
def unavailable(client: Client) -> Iterator[str]:
    """An aggregated API that nothing serves, as metrics-server's is here."""
    name = "v1beta1.metrics.example.com"
    spec: dict[str, Any] = {
        "group": "metrics.example.com",
        "version": "v1beta1",
        "groupPriorityMinimum": 100,
        "versionPriority": 100,
        "insecureSkipTLSVerify": True,
        "service": {"name": "metrics", "namespace": "kube-system"},
    }
    service = {"selector": {"app": "x"}, "ports": [{"port": 443}]}
    client.create("Service", "metrics", "kube-system", spec=service)
    client.create("APIService", name, spec=spec)
    until(lambda: client.get("APIService", name).get("status"), "the API server's verdict")
    yield name
    client.delete("APIService", name)
    client.delete("Service", "metrics", "kube-system")


def test_unavailable_api_does_no_harm(client: Client, unavailable: str) -> None:
    """With an aggregated API down, discovery answers, garbage is collected, namespaces end."""
    conditions = client.get("APIService", unavailable)["status"]["conditions"]
    assert [item["status"] for item in conditions if item["type"] == "Available"] == ["False"]
    assert client.api.request("GET", "/apis")["kind"] == "APIGroupList"
    with client.namespace("passing") as name:
        client.create("Deployment", "web", name, spec=deployment(2, pod_template()))
        until(lambda: client.pods_in_phase(name, "Running") == 2, "running pods")
        client.delete("Deployment", "web", name)
        until(lambda: not client.list("Pod", name), "the deployment's pods to be collected")
        client.create("ConfigMap", "left", name, data={"a": "b"})
    until(lambda: not client.exists("Namespace", "passing"), "the namespace to end")


def test_namespace_waits_for_finalizers(client: Client, unavailable: str) -> None:
    """An aggregated API that is down does not make a namespace end before what is in it."""
    assert unavailable
    with client.namespace("held") as name:
        metadata = {"finalizers": ["example.com/hold"]}
        client.create("ConfigMap", "held", name, metadata=metadata)

    def verdict() -> list[str]:
        found = client.get("Namespace", "held")["status"].get("conditions") or []
        return [item["type"] for item in found if item["status"] == "True"]

    until(lambda: "NamespaceFinalizersRemaining" in verdict(), "the controller's verdict")
    assert client.exists("ConfigMap", "held", "held")
    path = "/api/v1/namespaces/held/configmaps/held"
    client.api.request("PATCH", path, {"metadata": {"finalizers": None}})
    until(lambda: not client.exists("Namespace", "held"), "the namespace to end", seconds=60)


def test_kubectl_and_service_account_tokens_work(
    client: Client, namespace: str, control_plane: ControlPlane
) -> None:
    """kubectl accepts the kubeconfig, and a service account's token is known to the API server."""
    programs = binaries.find(binaries.installed(), names=["kubectl"])
    token = subprocess.run(
        [programs["kubectl"], "create", "token", "default", "-n", namespace],
        env={"KUBECONFIG": str(control_plane.kubeconfig)},
        capture_output=True, text=True, check=True,
    ).stdout.strip()  # fmt: skip
    review = {"kind": "TokenReview", "apiVersion": "authentication.k8s.io/v1"}
    path = "/apis/authentication.k8s.io/v1/tokenreviews"
    found = client.api.request("POST", path, {**review, "spec": {"token": token}})
    assert found["status"]["user"]["username"] == f"system:serviceaccount:{namespace}:default"


def test_webhooks_are_not_asked(client: Client, namespace: str) -> None:
    """A webhook nobody serves does not keep objects from being created."""
    hook = {
        "name": "refuse.example.com",
        "clientConfig": {"url": "https://127.0.0.1:1/refuse"},
        "rules": [{"operations": ["*"], "apiGroups": [""], "apiVersions": ["v1"],
                   "resources": ["configmaps"]}],
        "failurePolicy": "Fail", "sideEffects": "None", "admissionReviewVersions": ["v1"],
    }  # fmt: skip
    version = "admissionregistration.k8s.io/v1"
    path = f"/apis/{version}/validatingwebhookconfigurations"
    body = {"apiVersion": version, "kind": "ValidatingWebhookConfiguration",
            "metadata": {"name": "refuse"}, "webhooks": [hook]}  # fmt: skip
    client.api.request("POST", path, body)
    client.create("ConfigMap", "accepted", namespace, data={})
    client.api.request("DELETE", f"{path}/refuse")


def test_strangers_are_refused(client: Client) -> None:
    """Without a token only the probes answer."""
    stranger = client.api.clone()
    stranger._token = ""
    with closing(stranger):
        assert stranger.request("GET", "/readyz") == {}
        for path in ("/version", "/api/v1/namespaces", "/metrics"):
            with pytest.raises(ApiError) as refusal:
                stranger.request("GET", path)
            assert refusal.value.status in (401, 403)
