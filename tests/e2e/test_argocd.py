"""An ArgoCD repository runs: the sample syncs on a real API server with three lines of config."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.e2e.checkout import Checkout
from tests.e2e.live import CONFIG_MAPS, Body, Kind

pytestmark = pytest.mark.e2e

SAMPLE = Path(__file__).parents[1] / "testdata" / "argocd_repository"
DEPLOYMENTS = Kind("apps", "v1", "Deployment", "deployments", namespaced=True)
CLUSTER = {
    "name": "pitower",
    "labels": {"monitored": "yes"},
    "annotations": {"example.com/retention": "7d"},
}


@pytest.fixture
def sample(checkout: Checkout) -> Checkout:
    """The sample as it is, in a checkout."""
    shutil.copytree(SAMPLE, checkout.root, dirs_exist_ok=True)
    checkout.configure(
        source={"repoURL": "https://git.example.com/home/sample", "targetRevision": "main"},
        argocd={"paths": ["bootstrap"], "clusters": [CLUSTER]},
        chartMirrors={"oci://registry.example.com/charts": "charts"},
        applicationSets=[],
        projects=[],
    )
    return checkout


def test_argocd_sample(sample: Checkout) -> None:
    """Every object of the sample is in the cluster, in waves and after its hook, a second run
    changes nothing, ignored fields are left alone, and what leaves Git goes or stays as ArgoCD has
    it."""
    run = sample.twice()
    assert "spec.syncWindows is read, but not enforced yet" in run.output
    keys = {(key.kind, key.namespace, key.name) for key in sample.live.owned(sample.stack)}
    assert {
        ("Deployment", "media", "player"),
        ("ConfigMap", "media", "first"),
        ("ConfigMap", "media", "second"),
        ("ConfigMap", "networking", "dns"),
        ("ClusterRole", "", "sample-dns"),
        ("ConfigMap", "monitoring", "logs-agent"),
        ("ConfigMap", "monitoring", "metrics-agent"),
        ("ConfigMap", "selfhosted", "wiki-agent"),
        ("StatefulSet", "selfhosted", "wiki-store"),
    } <= keys
    assert not any(kind in ("Application", "ApplicationSet") for kind, _, _ in keys)
    _came_in_waves_after_its_hook(sample)
    assert _data(sample, "metrics-agent", "monitoring") == {
        "component": "metrics",
        "owner": "monitoring-pitower-metrics",
        "retention": "7d",
    }
    store = sample.live.find("StatefulSet", "wiki-store", "selfhosted")
    assert store
    assert store["spec"]["replicas"] == 2
    assert store["metadata"]["labels"]["owner"] == "selfhosted-wiki"
    _ignores_what_it_is_told_to(sample)

    shutil.rmtree(sample.root / "apps" / "networking" / "proxy")
    shutil.rmtree(sample.root / "apps" / "media" / "player")
    stopped = sample.up()
    if "--confirm" in stopped.output:
        sample.confirm(stopped)
    sample.twice()
    config_maps = {_identity(each) for each in sample.live.list(CONFIG_MAPS)}
    assert ("networking", "dns") in config_maps
    assert ("networking", "proxy") not in config_maps
    deployments = {_identity(each) for each in sample.live.list(DEPLOYMENTS)}
    assert ("media", "player") in deployments  # its set has preserveResourcesOnDeletion


def _came_in_waves_after_its_hook(sample: Checkout) -> None:
    found = [
        sample.live.find(kind, name, "media")
        for kind, name in (("Job", "migrate"), ("ConfigMap", "first"), ("ConfigMap", "second"))
    ]
    hook, first, second = (each or {} for each in found)
    assert hook["status"]["completionTime"] <= first["metadata"]["creationTimestamp"]
    versions = [int(each["metadata"]["resourceVersion"]) for each in (first, second)]
    assert versions == sorted(versions)
    assert sample.live.find("Job", "announce", "media") is None  # it had succeeded


def _ignores_what_it_is_told_to(sample: Checkout) -> None:
    path = DEPLOYMENTS.path("media", "player")
    sample.live.request("PATCH", f"{path}/scale", {"spec": {"replicas": 3}})
    manifest = sample.root / "apps" / "media" / "player" / "deployment.yaml"
    manifest.write_text(manifest.read_text().replace("player:1", "player:2"))
    sample.twice()
    spec = sample.live.request("GET", path)["spec"]
    assert spec["template"]["spec"]["containers"][0]["image"] == "registry.example.com/player:2"
    assert spec["replicas"] == 3


def _data(sample: Checkout, name: str, namespace: str) -> Body:
    live = sample.live.find("ConfigMap", name, namespace)
    assert live, name
    data: Body = live["data"]
    return data


def _identity(body: Body) -> tuple[str, str]:
    return body["metadata"]["namespace"], body["metadata"]["name"]
