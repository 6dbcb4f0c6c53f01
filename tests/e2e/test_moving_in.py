"""A whole tree of objects that others applied moves in, and nothing of it is written anew."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import yaml

from cluster.connection import Connection, StatusError, connect
from cluster.discovery import facts
from gitops.objects.manifest import Manifest
from gitops.objects.scope import is_crd
from gitops.stores import chart_store
from gitops.target import ClusterView, compose
from reconciler.commands.project import stack_settings
from reconciler.passes.reading import read_each, resource_of
from tests.e2e.checkout import REPOSITORY, Checkout
from tests.e2e.live import until
from tests.e2e.test_adoption import gitops
from toolchain import controlplane

pytestmark = [pytest.mark.e2e, pytest.mark.long]

MANAGERS = ("argocd-controller", "helm", "kubectl-client-side-apply")
OURS = "home-ops/"


@pytest.fixture
def checkout(tmp_path: Path) -> Iterator[Checkout]:
    """A working copy with a control plane of its own, as all of the tree's namespaces and
    definitions stay behind."""
    directory = tmp_path / "control-plane"
    plane = controlplane.start(directory, owner_pid=os.getpid())
    try:
        made = Checkout(tmp_path, plane.kubeconfig, "moving-in")
        with closing(made.live):
            yield made
    finally:
        controlplane.stop(directory)


@pytest.fixture
def connection(checkout: Checkout, monkeypatch: pytest.MonkeyPatch) -> Iterator[Connection]:
    """A connection to the cluster, and the example Applications in the checkout."""
    for name in ("apps", "charts"):
        shutil.rmtree(checkout.root / name, ignore_errors=True)
        shutil.copytree(REPOSITORY / name, checkout.root / name)
    example = yaml.safe_load((REPOSITORY / "Pulumi.local.yaml").read_text())["config"]
    config = {key.removeprefix("home-ops:"): value for key, value in example.items()}
    checkout.configure(**config)
    monkeypatch.setenv("KUBECONFIG", checkout.environment["KUBECONFIG"])
    with connect() as opened:
        yield opened


def rendered(checkout: Checkout, connection: Connection) -> list[Manifest]:
    """Every object of the tree, definitions first."""
    settings = stack_settings(checkout.root, checkout.stack)
    served = facts(connection)
    view = ClusterView(versions=served.versions, served=served.served_kinds(), complete=True)
    charts = chart_store(settings, checkout.root)
    target = compose(settings, root=checkout.root, cluster=view, charts=charts)
    assert target.all_errors == ()
    found = [each for application in target.applications for each in application.manifests]
    return sorted(found, key=lambda each: (not is_crd(each.body), str(each.key)))


def theirs(manifest: Manifest) -> dict[str, Any]:
    """An object without our marks."""
    metadata = dict(manifest.body["metadata"])
    for name in ("labels", "annotations"):
        marks = metadata.get(name) or {}
        metadata[name] = {n: v for n, v in marks.items() if not n.startswith(f"{OURS}")}
    return {**manifest.body, "metadata": metadata}


def apply(connection: Connection, manifest: Manifest, manager: str) -> None:
    """Bring an object into the cluster, server-side as ArgoCD, client-side as the others."""
    content = json.dumps(theirs(manifest)).encode()
    key = manifest.key

    def written() -> bool:
        resource = resource_of(facts(connection), manifest)
        if resource is None:
            return False  # its definition was applied a moment ago
        path = resource.path(namespace=key.namespace, name=key.name)
        try:
            if manager == MANAGERS[0]:
                kind = "application/apply-patch+yaml"
                params = {"fieldManager": manager, "force": "true"}
                connection.patch(path, content, content_type=kind, params=params)
            else:
                where = resource.path(namespace=key.namespace)
                connection.post(where, content, params={"fieldManager": manager})
        except StatusError as error:
            if error.code not in (404, 429):
                raise
            return False
        return True

    until(written, str(key), seconds=120)


def identities(lives: Mapping[Any, Mapping[str, Any]]) -> dict[Any, Any]:
    """What tells an object that was made anew, or written by us, from one that was not."""
    return {
        key: (
            live["metadata"]["uid"],
            [e for e in live["metadata"]["managedFields"] if e["manager"] == "home-ops"],
            None if "status" in live else live["metadata"]["resourceVersion"],
        )
        for key, live in lives.items()
    }


def test_the_example_tree(checkout: Checkout, connection: Connection) -> None:
    """Every object of every kind, from three kinds of managers, is adopted, and the first sync
    writes none of them."""
    manifests = rendered(checkout, connection)
    there = facts(connection)
    for name in sorted({each.key.namespace for each in manifests} - {"", "kube-system"}):
        namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
        made = Manifest.from_body(namespace)
        if not read_each(connection, there, [made]):
            apply(connection, made, MANAGERS[1])
    for number, each in enumerate(manifests):
        apply(connection, each, MANAGERS[number % len(MANAGERS)])
    adopted = gitops(checkout, "--yes")
    assert adopted.returncode == 0, adopted.stderr
    served = facts(connection)
    before = identities(read_each(connection, served, manifests))
    assert len(before) == len(manifests)
    checkout.up().succeeded()
    assert identities(read_each(connection, served, manifests)) == before
