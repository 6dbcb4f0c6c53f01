"""An ArgoCD repository runs: the sample syncs on a real API server with three lines of config."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.e2e.checkout import Checkout
from tests.e2e.live import CONFIG_MAPS, Body, Kind
from tests.e2e.objects import config_map
from tests.e2e.reconciling import PassRun, Reconciling

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
    it. Passes agree with that, and enforce what the project says."""
    run = sample.twice()
    assert "not enforced yet" not in run.output
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
    _passes_enforce_the_project(sample)

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


def _passes_enforce_the_project(sample: Checkout) -> None:
    passes = Reconciling(sample)
    passes.commit()
    versions = sample.versions()
    first = _pass(passes).expect(runs=1)  # nobody has run everything before, as far as it knows
    assert first.report["engine"]["sharedChanges"] in (None, {})
    assert {each["sync"]["status"] for each in first.report["applications"]} == {"Synced"}
    assert _pass(passes).expect(runs=0).report["outcome"] == "Nothing"
    assert sample.versions() == versions
    assert not any(_warned(passes, name) for name in passes.records())

    stray = CONFIG_MAPS.path("selfhosted", "stray")
    sample.live.request("POST", CONFIG_MAPS.path("selfhosted"), config_map("stray"))
    _pass(passes).expect(runs=0)
    assert _warned(passes, "wiki").endswith("in namespace selfhosted: ConfigMap stray")
    assert not _warned(passes, "dns")
    sample.live.request("DELETE", stray)

    project = sample.root / "bootstrap" / "project.yaml"
    text = project.read_text()
    project.write_text(text.replace("[retired-*]", "[networking-*]").replace("8h", "24h"))
    config = sample.root / "apps" / "networking" / "dns" / "manifests" / "config.yaml"
    config.write_text(config.read_text().replace("example.com", "example.org"))
    passes.commit()
    held = _pass(passes).expect()
    assert held.app("dns")["decision"]["action"] == "Wait"
    assert "deny window" in held.app("dns")["decision"]["reason"]
    assert _data(sample, "dns", "networking") == {"zone": "example.com"}
    assert not _warned(passes, "wiki")
    project.write_text(text)
    passes.commit()
    assert _pass(passes).expect().sync("dns") == "Synced"
    assert _data(sample, "dns", "networking") == {"zone": "example.org"}


def _pass(passes: Reconciling) -> PassRun:
    """A pass over the working copy, which calls itself something else."""
    return passes.once("--repository", str(passes.checkout.root))


def _warned(passes: Reconciling, name: str) -> str:
    conditions = passes.records()[name]["status"]["conditions"]
    found = [each["message"] for each in conditions if each["type"] == "OrphanedResourceWarning"]
    return str(found[0]) if found else ""


def _made_once(checkout: Checkout, *names: str, made: str) -> None:
    """Declare a set that makes each Application once, with this annotation on its objects."""
    source = {
        "repoURL": "https://git.example.com/home/made",
        "targetRevision": "main",
        "path": "sources/{{name}}",
        "kustomize": {"commonAnnotations": {"example.com/made": made}},
    }
    template = {
        "metadata": {"name": f"{checkout.id}-{{{{name}}}}"},
        "spec": {
            "project": "default",
            "source": source,
            "destination": {"name": "in-cluster", "namespace": checkout.namespace},
            "syncPolicy": {
                "automated": {"prune": True, "selfHeal": True},
                "syncOptions": ["CreateNamespace=true"],
            },
        },
    }
    body = {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "ApplicationSet",
        "metadata": {"name": "once"},
        "spec": {
            "generators": [{"list": {"elements": [{"name": name} for name in names]}}],
            "syncPolicy": {"applicationsSync": "create-only"},
            "template": template,
        },
    }
    _write(checkout.root / "argocd" / "set.yaml", body)


def _write(path: Path, body: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump(body))


def _source(checkout: Checkout, name: str, value: str) -> None:
    folder = checkout.root / "sources" / name
    _write(folder / "kustomization.yaml", {"resources": ["objects.json"]})
    (folder / "objects.json").write_text(json.dumps(config_map(name, value)))


def _made(checkout: Checkout) -> dict[str, str]:
    """When each of our ConfigMaps was made, as it says itself."""
    return {
        key.name: body["metadata"]["annotations"]["example.com/made"]
        for key, body in checkout.live.owned(checkout.stack).items()
        if key.kind == "ConfigMap"
    }


def test_applications_stay_as_they_were_made(checkout: Checkout) -> None:
    """What a create-only set has made stays as it was and lives on when the set makes it no longer,
    and when the set is gone; what lives on is synced; ``pulumi up`` and passes agree about it.
    Without its directory its objects stay."""
    checkout.configure(
        source={"repoURL": "https://git.example.com/home/made", "targetRevision": "main"},
        argocd={"paths": ["argocd"]},
        applicationSets=[],
        projects=[],
    )
    for name in ("one", "two", "three"):
        _source(checkout, name, "begin")
    _made_once(checkout, "one", "two", made="first")
    checkout.twice()
    _made_once(checkout, "one", "three", made="second")
    checkout.twice()
    wanted = {"one": "first", "two": "first", "three": "second"}
    assert _made(checkout) == wanted

    passes = Reconciling(checkout)
    passes.commit()
    _pass(passes).expect(runs=1)
    _pass(passes).expect(runs=0)
    _source(checkout, "two", "changed")
    passes.commit()
    synced = _pass(passes).expect(runs=1)
    assert synced.app("two")["operation"]["changes"] == {"updated": 1}
    assert not synced.report["engine"]["full"]
    assert _made(checkout) == wanted

    (checkout.root / "argocd" / "set.yaml").write_text("")
    passes.commit()
    _pass(passes).expect(runs=0)
    _source(checkout, "one", "changed")
    passes.commit()
    _pass(passes).expect(runs=1)
    checkout.twice()
    assert _made(checkout) == wanted

    shutil.rmtree(checkout.root / "sources" / "two")
    passes.commit()
    gone = _pass(passes).expect()
    assert "sources/two is gone; its objects stay" in str(gone.report["warnings"])
    assert sorted(passes.records()) == ["one", "three"]
    _pass(passes).expect(runs=0)
    checkout.twice()
    assert _made(checkout) == wanted


def _data(sample: Checkout, name: str, namespace: str) -> Body:
    live = sample.live.find("ConfigMap", name, namespace)
    assert live, name
    data: Body = live["data"]
    return data


def _identity(body: Body) -> tuple[str, str]:
    return body["metadata"]["namespace"], body["metadata"]["name"]
