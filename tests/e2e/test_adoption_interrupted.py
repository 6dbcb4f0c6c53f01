"""An adoption that is refused, killed, finished and taken back, with objects of odd kinds in it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from reconciler.commands.exit_codes import ExitCode
from tests.e2e import former_managers, objects
from tests.e2e.checkout import Checkout
from tests.e2e.former_managers import ARGOCD
from tests.e2e.live import CONFIG_MAPS, Body, Kind, until
from tests.e2e.test_adoption import OURS, config_map, content, deployment, gitops, managers

pytestmark = pytest.mark.e2e

ROLES = Kind("rbac.authorization.k8s.io", "v1", "ClusterRole", "clusterroles", namespaced=False)
FINALIZER = "example.com/hold"
MANY = 150


def others(checkout: Checkout) -> tuple[Body, Body]:
    """A cluster-scoped object, and one with a finalizer."""
    role = objects.thing(ROLES.api_version, ROLES.kind, checkout.id, rules=[])
    held = config_map("held", "one")
    held["metadata"]["finalizers"] = [FINALIZER]
    return role, held


def in_cluster(checkout: Checkout, *maps: Body) -> None:
    """Everything, as kubectl and ArgoCD applied it."""
    role, held = others(checkout)
    former_managers.run(checkout, "kubectl", "create", "namespace", checkout.namespace)
    former_managers.client_side(checkout, *maps, deployment("web"))
    former_managers.argocd(checkout, "guestbook", held)
    applied = ("apply", "--server-side", f"--field-manager={ARGOCD}", "-f", "-")
    former_managers.run(checkout, "kubectl", *applied, standard_input=json.dumps(role))


def as_they_are(checkout: Checkout) -> dict[str, Body]:
    """The objects without what changes with every write, or whenever a controller likes."""
    maps = checkout.live.list(CONFIG_MAPS)
    found = [
        each
        for each in maps
        if each["metadata"]["namespace"] == checkout.namespace
        and each["metadata"]["name"] != "kube-root-ca.crt"
    ]
    web = checkout.live.find("Deployment", "web", checkout.namespace)
    role = checkout.live.get(ROLES.path(name=checkout.id))
    assert web and role
    return {
        f"{each['kind']} {each['metadata']['name']}": lasting(each) for each in (*found, web, role)
    }


def lasting(live: Body) -> Body:
    """What of an object only those who manage it change."""
    entries = [
        {name: value for name, value in entry.items() if name != "time"}
        for entry in live["metadata"]["managedFields"]
        if entry["manager"] != "kube-controller-manager"
    ]
    metadata = {
        **{n: v for n, v in live["metadata"].items() if n not in ("resourceVersion", "generation")},
        "managedFields": sorted(entries, key=lambda entry: str(entry["manager"])),
    }
    annotations = metadata.get("annotations") or {}
    metadata["annotations"] = {
        name: value for name, value in annotations.items() if not name.startswith("deployment.")
    }
    kept = {name: value for name, value in live.items() if name != "status"}
    return {**kept, "metadata": metadata}


def killed(checkout: Checkout) -> Path:
    """The backup of an adoption that is killed when some objects have been adopted."""
    process = subprocess.Popen(
        [sys.executable, "-m", "reconciler.cli", "adopt", "--yes", "--stack", checkout.stack],
        cwd=checkout.root,
        env=dict(checkout.environment),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        assert process.stderr
        line = process.stderr.readline()
        assert line.startswith("backup: "), line
        until(lambda: checkout.count("many") > 5, "some to be adopted", seconds=60, step=0.01)
        process.kill()
    assert 5 < checkout.count("many") < MANY, "killed in the middle"
    return Path(line.strip().removeprefix("backup: "))


def uids(found: Mapping[str, Body]) -> dict[str, str]:
    """The uid of each object."""
    return {name: live["metadata"]["uid"] for name, live in found.items()}


def test_killed_in_the_middle(checkout: Checkout) -> None:
    """One object the API server would have to make anew keeps everything from being adopted; an
    adoption that was killed is finished by the next, and the file written before its first change
    gives all of it back, finalizers and cluster-scoped objects included."""
    maps = [config_map(f"map-{number}", "one") for number in range(MANY)]
    in_cluster(checkout, *maps)
    path = f"/api/v1/namespaces/{checkout.namespace}/configmaps/held"
    before = as_they_are(checkout)

    other = deployment("web")
    other["spec"]["selector"] = {"matchLabels": {"other": "label"}}
    other["spec"]["template"]["metadata"]["labels"] = {"other": "label"}
    checkout.write("many", *maps, other, *others(checkout))
    refused = gitops(checkout, "--yes")
    assert refused.returncode == ExitCode.FAILED
    assert "spec.selector" in refused.stderr
    assert "nothing was adopted" in refused.stderr
    assert as_they_are(checkout) == before

    checkout.write("many", *maps, deployment("web"), *others(checkout))
    backup = killed(checkout)
    assert len(json.loads(backup.read_text())["objects"]) == len(before) + 1  # the namespace
    again = gitops(checkout, "--yes")
    assert again.returncode == ExitCode.OK, again.stderr
    after = as_they_are(checkout)
    assert uids(after) == uids(before)
    for name, live in after.items():
        assert managers(live) == {OURS}, name
        assert content(live) == content(before[name]), name
    assert after["ConfigMap held"]["metadata"]["finalizers"] == [FINALIZER]

    undone = gitops(checkout, "--undo", str(backup))
    assert undone.returncode == ExitCode.OK, undone.stderr
    for name, live in as_they_are(checkout).items():
        assert live == before[name]
    checkout.live.request("PATCH", path, {"metadata": {"finalizers": None}})
