"""Objects of an ArgoCD, of kubectl and of Helm become ours without being made anew."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from reconciler.commands.exit_codes import ExitCode
from tests.e2e import former_managers, objects
from tests.e2e.checkout import Checkout
from tests.e2e.former_managers import APPLICATIONS, ARGOCD, INSTANCE, TRACKING_ID
from tests.e2e.live import Body, Kind, until

pytestmark = pytest.mark.e2e

LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
HELM_RELEASE = "meta.helm.sh/release-name"
MANAGED_BY = "app.kubernetes.io/managed-by"
DEFINITIONS = Kind(
    "apiextensions.k8s.io", "v1", "CustomResourceDefinition", "customresourcedefinitions",
    namespaced=False,
)  # fmt: skip
OURS = "home-ops"
Name = tuple[str, str]
ALL: tuple[Name, ...] = (
    ("ConfigMap", "argo"),
    ("Deployment", "argo"),
    ("Secret", "argo"),
    ("Gadget", "argo"),
    ("ConfigMap", "applied"),
    ("Deployment", "applied"),
    ("Service", "applied"),
    ("PersistentVolumeClaim", "applied"),
    ("Job", "applied"),
    ("ConfigMap", "released"),
    ("StatefulSet", "released"),
)


def config_map(name: str, *keys: str, **more: Any) -> Body:
    """A ConfigMap with some keys."""
    return objects.thing("v1", "ConfigMap", name, data=dict.fromkeys(keys, "1"), **more)


def deployment(name: str, *, variables: tuple[str, ...] = ()) -> Body:
    """A Deployment without Pods whose container has some variables."""
    body = objects.deployment(name)
    container = body["spec"]["template"]["spec"]["containers"][0]
    container["env"] = [{"name": each, "value": "1"} for each in variables]
    return body


def job(name: str) -> Body:
    """A Job that is replaced when it changes, as nothing of it may be updated."""
    container = {"name": "main", "image": "registry.example/app:1"}
    template = {"spec": {"restartPolicy": "Never", "containers": [container]}}
    annotations = objects.options("Replace=true", "Force=true")
    spec = {"template": template}
    return objects.thing("batch/v1", "Job", name, annotations=annotations, spec=spec)


def group(checkout: Checkout) -> str:
    """The API group of a definition of the test's own."""
    return f"{checkout.id}.example.com"


def in_git(checkout: Checkout, *keys: str) -> None:
    """Three Applications; ``keys`` are what they have besides."""
    secret = objects.thing("v1", "Secret", "argo", stringData={"token": checkout.id})
    web = deployment("argo", variables=("ONE", *keys))
    definition = objects.definition(group(checkout), "Gadget")
    gadget = objects.thing(f"{group(checkout)}/v1", "Gadget", "argo", spec={"size": 1})
    checkout.write("argo", config_map("argo", "one", *keys), web, secret, definition, gadget)
    plain = deployment("applied", variables=("ONE", *keys))
    checkout.write(
        "applied",
        config_map("applied", "one", *keys),
        plain,
        objects.service("applied"),
        objects.claim("applied"),
        job("applied"),
    )
    former_managers.chart(
        checkout.app("released"),
        config_map("released", "one", *keys),
        objects.stateful_set("released", service="applied"),
    )


def in_cluster(checkout: Checkout) -> None:
    """The same, from three other managers, each with something that is no longer in Git."""
    former_managers.run(checkout, "kubectl", "create", "namespace", checkout.namespace)
    secret = objects.thing("v1", "Secret", "argo", stringData={"token": checkout.id})
    drifted = config_map("argo", "one", "two", "old")
    drifted["data"]["one"] = "0"
    web = deployment("argo", variables=("ONE", "two"))
    web["spec"]["replicas"] = 2
    definition = objects.definition(group(checkout), "Gadget")
    gadget = objects.thing(f"{group(checkout)}/v1", "Gadget", "argo", spec={"size": 1, "old": 1})
    former_managers.argocd(checkout, "guestbook", drifted, web, secret, definition)
    established = ("wait", "--for=condition=Established", "--timeout=60s", "crd")
    former_managers.run(checkout, "kubectl", *established, definition["metadata"]["name"])
    former_managers.argocd(checkout, "guestbook", gadget)
    former_managers.client_side(
        checkout,
        config_map("applied", "one", "two", annotations={"note": "old"}),
        deployment("applied", variables=("ONE", "two", "OLD")),
        objects.service("applied"),
        objects.claim("applied"),
        job("applied"),
    )
    path = former_managers.chart(
        checkout.root.parent / "chart",
        config_map("released", "one", "two", "old"),
        objects.stateful_set("released", service="applied"),
    )
    former_managers.install(checkout, "small", path)
    # somebody's own change to one field is no reason to take that field away
    restart = ("rollout", "restart", "deployment/applied", "-n", checkout.namespace)
    former_managers.run(checkout, "kubectl", *restart)


def gitops(checkout: Checkout, *arguments: str) -> subprocess.CompletedProcess[str]:
    """``gitops adopt``."""
    done = subprocess.run(
        [sys.executable, "-m", "reconciler.cli", "adopt", *arguments, "--stack", checkout.stack],
        cwd=checkout.root,
        env=dict(checkout.environment),
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert "Traceback" not in done.stderr, done.stderr
    return done


def lives(checkout: Checkout) -> dict[Name, Body]:
    """The objects as they are, all of which are there."""
    found = {}
    for kind, name in ALL:
        if kind == "Gadget":  # each test has its own kind of that name
            gadgets = Kind(group(checkout), "v1", kind, "gadgets", namespaced=True)
            live = checkout.live.get(gadgets.path(checkout.namespace, name))
        else:
            live = checkout.live.find(kind, name, checkout.namespace)
        assert live, name
        found[kind, name] = live
    return found


def settled(checkout: Checkout) -> dict[Name, Body]:
    """The objects once their controllers have written what they write on their own."""

    def observed() -> bool:
        found = lives(checkout)
        claim = found["PersistentVolumeClaim", "applied"]
        return claim["status"].get("phase") == "Bound" and all(
            live["status"].get("observedGeneration") == live["metadata"]["generation"]
            for (kind, _), live in found.items()
            if kind in ("Deployment", "StatefulSet")
        )

    until(observed, "controllers", seconds=60)
    return lives(checkout)


def managers(live: Body) -> set[str]:
    """Who owns fields of an object besides its controllers."""
    entries = live["metadata"]["managedFields"]
    return {each["manager"] for each in entries if each["manager"] != "kube-controller-manager"}


def content(live: Body) -> Body:
    """An object without its metadata and status."""
    return {name: value for name, value in live.items() if name not in ("metadata", "status")}


def uids(found: Mapping[Name, Body]) -> dict[Name, str]:
    """The uid of each object."""
    return {name: live["metadata"]["uid"] for name, live in found.items()}


def versions(found: Mapping[Name, Body]) -> dict[Name, str]:
    """The version of each object without a status, which nobody but us has reason to write."""
    return {
        name: live["metadata"]["resourceVersion"]
        for name, live in found.items()
        if "status" not in live or name[0] == "Service"
    }


def owned(live: Body) -> Any:
    """What we applied of an object, without when."""
    entries = live["metadata"]["managedFields"]
    return [e["fieldsV1"] for e in entries if (e["manager"], e["operation"]) == (OURS, "Apply")]


def test_adoption(checkout: Checkout) -> None:
    """The report says whose objects are and what a sync will change; adopting them changes metadata
    alone; the first sync makes nothing anew, and what leaves Git afterwards leaves the cluster."""
    rules = {"apps_Deployment": {"jsonPointers": ["/spec/replicas"]}}
    checkout.configure(resourceCustomizations={"ignoreDifferences": rules})
    in_git(checkout, "two")
    in_cluster(checkout)
    before = settled(checkout)
    definition = ("CustomResourceDefinition", f"gadgets.{group(checkout)}")
    crd = checkout.live.uid(*definition)

    report = gitops(checkout, "-o", "json")
    assert report.returncode == ExitCode.OK, report.stderr
    told = json.loads(report.stdout)
    found = {(each["kind"], each["name"]): each for each in told["objects"]}
    assert found.keys() == {*ALL, ("Namespace", checkout.namespace), definition}
    assert found["ConfigMap", "argo"]["managedBy"] == ["ArgoCD Application guestbook"]
    assert found["ConfigMap", "applied"]["managedBy"] == ["kubectl apply"]
    assert found["StatefulSet", "released"]["managedBy"] == [
        f"Helm release {checkout.namespace}/small"
    ]
    assert told["helmReleases"] == [f"{checkout.namespace}/small"]
    losses = {name: [e["path"] for e in each["losses"]] for name, each in found.items()}
    assert {name: each for name, each in losses.items() if each} == {
        ("ConfigMap", "argo"): ["data.old"],
        ("Gadget", "argo"): ["spec.old"],
        ("ConfigMap", "applied"): ["metadata.annotations.note"],
        ("Deployment", "applied"): ["spec.template.spec.containers[name=main].env[name=OLD]"],
        ("ConfigMap", "released"): ["data.old"],
    }
    changes = {name: each["changes"] for name, each in found.items() if each["changes"]}
    differing = {"path": "data.one", "live": "0", "target": "1", "manager": ARGOCD}
    assert changes == {("ConfigMap", "argo"): [differing]}
    assert versions(lives(checkout)) == versions(before)

    adopted = gitops(checkout, "--yes")
    assert adopted.returncode == ExitCode.OK, adopted.stderr
    assert "13 objects adopted" in adopted.stdout
    after = lives(checkout)
    assert uids(after) == uids(before)
    for name, live in after.items():
        assert content(live) == content(before[name]), name
        assert managers(live) <= {OURS, "kubectl-rollout"}, name
        annotations = live["metadata"]["annotations"]
        assert not {TRACKING_ID, LAST_APPLIED, HELM_RELEASE} & annotations.keys()
        assert not {MANAGED_BY, INSTANCE} & live["metadata"]["labels"].keys()
    assert "nothing to adopt" in gitops(checkout).stdout

    run = checkout.up().succeeded()
    assert len(run.created) >= len(ALL)
    synced = lives(checkout)
    assert uids(synced) == uids(before)
    changed = {
        name for name, version in versions(after).items() if versions(synced)[name] != version
    }
    assert changed == {name for name, each in losses.items() if each and name in versions(after)}
    for name in ALL:
        if not losses[name]:
            assert content(synced[name]) == content(after[name]), name
            assert owned(synced[name]) == owned(after[name]), name
    assert synced["ConfigMap", "argo"]["data"] == {"one": "1", "two": "1"}
    assert synced["ConfigMap", "released"]["data"].keys() == {"one", "two"}
    template = synced["Deployment", "applied"]["spec"]["template"]
    assert [e["name"] for e in template["spec"]["containers"][0]["env"]] == ["ONE", "two"]
    assert "kubectl.kubernetes.io/restartedAt" in template["metadata"]["annotations"]

    in_git(checkout)
    checkout.twice()
    last = lives(checkout)
    assert uids(last) == uids(before)
    assert checkout.live.uid(*definition) == crd
    assert last["Gadget", "argo"]["spec"] == {"size": 1}
    assert last["Deployment", "argo"]["spec"]["replicas"] == 2  # ignored, so nobody's business
    for key, live in last.items():
        if key[0] == "ConfigMap":
            assert live["data"].keys() == {"one"}, key
    for web in ("argo", "applied"):
        spec = last["Deployment", web]["spec"]["template"]["spec"]
        assert [each["name"] for each in spec["containers"][0]["env"]] == ["ONE"]


@pytest.fixture
def argocd_kinds(checkout: Checkout) -> Iterator[None]:
    """ArgoCD's Application is a kind of the cluster."""
    body = former_managers.argocd_definition()
    checkout.live.request("POST", DEFINITIONS.path(), body)
    path = DEFINITIONS.path(name=body["metadata"]["name"])

    def served() -> bool:
        live = checkout.live.get(path) or {}
        conditions = live.get("status", {}).get("conditions") or ()
        return any((e["type"], e["status"]) == ("Established", "True") for e in conditions)

    until(served, "the definition", seconds=60)
    yield
    checkout.live.request("DELETE", path)


@pytest.mark.usefixtures("argocd_kinds")
def test_refused_and_undone(checkout: Checkout) -> None:
    """While ArgoCD syncs an object nothing is adopted, nor while it is another stack's; what was
    adopted goes back to its managers, who find it as they left it; adopting after a sync does no
    harm."""
    in_git(checkout, "two")
    in_cluster(checkout)
    before = settled(checkout)
    for name, resources in (("guestbook", ()), ("other", (before["Service", "applied"],))):
        body = former_managers.application(name, automated=True, resources=resources)
        checkout.live.request("POST", APPLICATIONS.path("default"), body)
    refused = gitops(checkout, "--yes")
    assert refused.returncode == ExitCode.FAILED
    said = f"ConfigMap {checkout.namespace}/argo and 4 more objects: is still synced by ArgoCD "
    assert f"{said}Application default/guestbook (syncPolicy.automated is on); stop" in (
        refused.stderr
    )
    said = f"Service {checkout.namespace}/applied: is still synced by ArgoCD Application "
    assert f"{said}default/other (syncPolicy.automated is on); stop it first" in refused.stderr
    assert '{"spec":{"syncPolicy":{"automated":null}}}' in refused.stderr
    assert versions(lives(checkout)) == versions(before)
    one = gitops(checkout, "released", "-o", "name")
    assert one.returncode == ExitCode.FAILED, "an unknown name"
    name = f"{checkout.id}/released"
    one = gitops(checkout, name, "-o", "name")
    assert one.returncode == ExitCode.OK, one.stderr
    assert one.stdout.split() == [
        f"namespace/{checkout.namespace}", "configmap/released", "statefulset.apps/released"
    ]  # fmt: skip
    for name in ("guestbook", "other"):
        off = {"spec": {"syncPolicy": {"automated": None}}}
        checkout.live.request("PATCH", APPLICATIONS.path("default", name), off)

    secret = checkout.live.find("Secret", "argo", checkout.namespace)
    assert secret
    path = f"/api/v1/namespaces/{checkout.namespace}/secrets/argo"
    marks = {
        "home-ops/stack": "elsewhere",
        "home-ops/tracking-id": f"theirs:/Secret:{checkout.namespace}/argo",
    }
    checkout.live.request("PATCH", path, {"metadata": {"annotations": marks}})
    taken = gitops(checkout, "--yes")
    assert taken.returncode == ExitCode.FAILED
    assert "belongs to the Application theirs of the stack elsewhere" in taken.stderr
    none = {"metadata": {"annotations": dict.fromkeys(marks)}}
    checkout.live.request("PATCH", path, none)
    before = lives(checkout)

    adopted = gitops(checkout, "--yes")
    assert adopted.returncode == ExitCode.OK, adopted.stderr
    [line] = [each for each in adopted.stderr.splitlines() if each.startswith("backup: ")]
    backup = Path(line.removeprefix("backup: "))
    assert backup.stat().st_mode & 0o077 == 0
    assert all(OURS in managers(each) for each in lives(checkout).values())
    undone = gitops(checkout, "--undo", str(backup))
    assert undone.returncode == ExitCode.OK, undone.stderr
    after = lives(checkout)
    assert uids(after) == uids(before)
    for key, live in after.items():
        for part in ("labels", "annotations"):
            assert live["metadata"].get(part) == before[key]["metadata"].get(part), key
        assert managers(live) == managers(before[key]), key
        assert ARGOCD in managers(live) or key[1] != "argo"
    chart = str(checkout.root.parent / "chart")
    former_managers.run(checkout, "helm", "upgrade", "small", chart, "-n", checkout.namespace)
    former_managers.client_side(checkout, config_map("applied", "one"))
    assert lives(checkout)["ConfigMap", "applied"]["data"].keys() == {"one"}

    # a sync first and an adoption afterwards end in the same
    checkout.up().succeeded()
    both = lives(checkout)
    assert {OURS, ARGOCD} <= managers(both["Gadget", "argo"])
    adopted = gitops(checkout, "--yes")
    assert adopted.returncode == ExitCode.OK, adopted.stderr
    for key, live in lives(checkout).items():
        assert managers(live) <= {OURS, "kubectl-rollout"}, key
        assert content(live) == content(both[key]), key
    checkout.twice()
