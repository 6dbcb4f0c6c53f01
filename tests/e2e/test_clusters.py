"""One repository for several clusters: what is shared, what is one cluster's own, and how the home
cluster's reconciler gets to another."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
import yaml

from tests.e2e.checkout import Checkout, application_set
from tests.e2e.live import Body, Live, until
from tests.e2e.objects import config_map, thing
from tests.e2e.reconciling import Reconciling
from tests.e2e.test_shards import a_pass, gitops
from toolchain import controlplane
from toolchain.controlplane import ControlPlane

pytestmark = pytest.mark.e2e

CATEGORY = "shared"


@pytest.fixture
def second(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    """Another cluster."""
    directory = tmp_path_factory.mktemp("second") / "cluster"
    yield controlplane.start(directory, owner_pid=os.getpid())
    controlplane.stop(directory)


def applications(checkout: Checkout, cluster: str) -> Body:
    found = application_set(namespace=checkout.id)
    own = {"path": f"clusters/{cluster}/*/*", "overlay": True}
    found["generators"] = [{"git": {"directories": [{"path": f"apps/{CATEGORY}/*"}, own]}}]
    return found


def kustomize(checkout: Checkout, path: str, **fields: object) -> None:
    folder = checkout.root / path
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "kustomization.yaml").write_text(json.dumps(fields))


def values(live: Live, namespace: str) -> dict[str, str]:
    """The ConfigMaps of a namespace that are the test's."""
    listed = live.request("GET", f"/api/v1/namespaces/{namespace}/configmaps", missing=True)
    items = listed.get("items") or ()
    return {e["metadata"]["name"]: e["data"]["value"] for e in items if "value" in e["data"]}


def test_two_clusters(checkout: Checkout, second: ControlPlane) -> None:
    """Each stack has what is shared as its own overlay changes it, and what is its own; neither
    touches the other's cluster. The second is reached with a kubeconfig from a Secret of the first,
    which no log, no file and no state shows."""
    other = f"{checkout.id}-two"
    checkout.configure(applications(checkout, "one"), source={"repoURL": str(checkout.root)})
    secret = {"namespace": "default", "name": checkout.id, "key": "config"}
    checkout.pulumi("stack", "init", other).succeeded()
    file = checkout.root / f"Pulumi.{other}.yaml"
    near = yaml.safe_load((checkout.root / f"Pulumi.{checkout.stack}.yaml").read_text())
    config = {
        **near["config"],
        "home-ops:kubernetes": {"version": "1.36.3", "kubeconfigSecret": secret},
        "home-ops:applicationSets": [applications(checkout, "two")],
    }
    file.write_text(yaml.safe_dump({**yaml.safe_load(file.read_text()), "config": config}))
    for name in ("plain", "laid-over"):
        checkout.write(f"{CATEGORY}/{name}", config_map(name, "shared"))
        kustomize(checkout, f"apps/{CATEGORY}/{name}", resources=["objects.yaml"])
    patch = json.dumps(config_map("laid-over", "two"))
    kustomize(
        checkout,
        f"clusters/two/{CATEGORY}/laid-over",
        resources=[f"../../../../apps/{CATEGORY}/laid-over"],
        patches=[{"patch": patch}],
    )
    kustomize(checkout, f"clusters/one/{CATEGORY}/own", resources=["objects.yaml"])
    own = checkout.root / f"clusters/one/{CATEGORY}/own/objects.yaml"
    own.write_text(json.dumps(config_map("own", "one")))

    kubeconfig = json.loads(second.kubeconfig.read_text())
    token = kubeconfig["users"][0]["user"]["token"]
    missing = checkout.up("--stack", other).failed()
    assert f"Secret default/{checkout.id}, key config: there is no such Secret" in missing.output
    encoded = base64.b64encode(json.dumps(kubeconfig).encode()).decode()
    body = thing("v1", "Secret", checkout.id, namespace="default", data={"config": encoded})
    checkout.live.request("POST", "/api/v1/namespaces/default/secrets", body)

    checkout.twice()
    Reconciling(checkout).commit()
    done = a_pass(checkout, "--stack", other)
    a_pass(checkout, "--stack", other, runs=0)
    with closing(Live(second.kubeconfig)) as far_away:
        there = until(lambda: values(far_away, checkout.id), "the second cluster's objects")
    assert there == {"plain": "shared", "laid-over": "two"}
    assert values(checkout.live, checkout.id) == {
        "plain": "shared",
        "laid-over": "shared",
        "own": "one",
    }
    listed = gitops(checkout, "app", "list", "--stack", other, "-o", "name").split()
    assert len(listed) == 2

    told = [json.dumps(done.report), missing.output]
    exported = checkout.pulumi("stack", "export", "--stack", other).succeeded().output
    assert "ciphertext" in exported
    kept = [path for path in checkout.root.parent.rglob("*") if path.is_file()]
    assert kept
    for text in (*told, exported, *map(read, kept)):
        assert token not in text
        assert encoded not in text


def read(path: Path) -> str:
    return path.read_bytes().decode(errors="replace")
