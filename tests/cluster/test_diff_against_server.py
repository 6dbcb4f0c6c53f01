"""The comparison against a real API server: what it makes of an object is no difference."""

from __future__ import annotations

import contextlib
import copy
import json
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from cluster.connection import Connection, StatusError, connect
from cluster.discovery import facts
from gitops.diff import Difference, compare
from gitops.ignoring.rules import IgnoreRule
from gitops.objects.manifest import Manifest
from gitops.objects.scope import is_crd, pinned_kinds
from gitops.stores import chart_store
from gitops.target import ClusterView, compose
from gitops.versions import ClusterVersions
from reconciler.commands.project import stack_settings
from toolchain.controlplane import ControlPlane

ROOT = Path(__file__).parents[2]
APPLY = "application/apply-patch+yaml"
OURS, OTHER = "home-ops", "outsider"
EXISTING = {"", "kube-system"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """A real API server, and the objects that were applied to it."""

    connection: Connection
    paths: Mapping[str, str]
    targets: Mapping[str, dict[str, Any]]

    def live(self, name: str) -> dict[str, Any]:
        """One of the objects as it is now."""
        found: dict[str, Any] = self.connection.get(self.paths[name])
        return found

    def apply(self, name: str, body: Mapping[str, Any], *, manager: str = OURS) -> None:
        """Server-side apply, with force."""
        apply(self.connection, self.paths[name], body, manager=manager)


def apply(
    connection: Connection, path: str, body: Mapping[str, Any], *, manager: str = OURS
) -> None:
    """Server-side apply, with force; a definition that is not served yet is waited for."""
    parameters = {"fieldManager": manager, "force": "true"}
    content = json.dumps(body).encode()
    deadline = time.monotonic() + 60
    while True:
        try:
            connection.patch(path, content, content_type=APPLY, params=parameters)
        except StatusError as error:
            if error.code not in (404, 429) or time.monotonic() > deadline:
                raise
            time.sleep(0.1)
        else:
            return


def rendered() -> list[Manifest]:
    """Every object of the example Applications."""
    settings = stack_settings(ROOT, "local")
    kubernetes = settings.kubernetes
    target = compose(
        settings,
        root=ROOT,
        cluster=ClusterView(
            versions=ClusterVersions(kubernetes.version, kubernetes.api_versions),
            served=pinned_kinds(kubernetes.api_versions),
        ),
        charts=chart_store(settings, ROOT),
        stack="local",
    )
    assert target.all_errors == ()
    found = [each for app in target.applications for each in app.manifests]
    return sorted(found, key=lambda each: (not is_crd(each.body), each.key.kind != "Namespace"))


@pytest.fixture(scope="module")
def server(control_plane: ControlPlane) -> Iterator[Server]:
    """Apply every object whose kind is served, and remove them again at the end."""
    with pytest.MonkeyPatch.context() as patch, contextlib.ExitStack() as stack:
        patch.setenv("KUBECONFIG", str(control_plane.kubeconfig))
        connection = stack.enter_context(connect())
        manifests = rendered()
        definitions = [each for each in manifests if is_crd(each.body)]
        others = [each for each in manifests if not is_crd(each.body)]
        namespaces = {each.key.namespace for each in others} - EXISTING
        for namespace in sorted(namespaces):
            made = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}}
            apply(connection, f"/api/v1/namespaces/{namespace}", made, manager="tests")
            stack.callback(remove, connection, f"/api/v1/namespaces/{namespace}")
        paths: dict[str, str] = {}
        for group, awaited in ((definitions, []), (others, definitions)):
            for manifest, path in with_paths(connection, group, awaited):
                apply(connection, path, manifest.body)
                if manifest.key.namespace in EXISTING:
                    stack.callback(remove, connection, path)
                paths[str(manifest.key)] = path
        targets = {str(each.key): each.body for each in manifests if str(each.key) in paths}
        yield Server(connection=connection, paths=paths, targets=targets)


def remove(connection: Connection, path: str) -> None:
    """Delete an object that may be gone already."""
    try:
        connection.delete(path)
    except StatusError as error:
        assert error.code in (404, 409)


def with_paths(
    connection: Connection, manifests: Sequence[Manifest], awaited: Sequence[Manifest]
) -> Iterator[tuple[Manifest, str]]:
    """The objects whose kinds are served, with their paths, once some definitions are served."""
    specs = [each.body["spec"] for each in awaited]
    kinds = {(spec["group"], spec["names"]["kind"]) for spec in specs}
    deadline = time.monotonic() + 60
    served = facts(connection).resources
    while not kinds <= {(each.group, each.kind) for each in served}:
        assert time.monotonic() < deadline, "the definitions are not served"
        time.sleep(0.2)
        served = facts(connection).resources
    found = {(each.api_version, each.kind): each for each in served}
    for manifest in manifests:
        resource = found.get((manifest.api_version, manifest.key.kind))
        if resource is not None:
            namespace = manifest.key.namespace
            yield manifest, resource.path(namespace=namespace, name=manifest.key.name)


def test_nothing_differs_after_an_apply(server: Server) -> None:
    """What the API server and its controllers make of the example cluster is what Git says."""
    found = {
        name: differences
        for name, target in server.targets.items()
        if (differences := compare(target, server.live(name)))
    }
    assert found == {}
    assert len(server.targets) > 100


def a_deployment(server: Server) -> str:
    """The name of the first Deployment with a container that has ports and variables."""
    return next(
        name
        for name, target in server.targets.items()
        if target["kind"] == "Deployment"
        and target["spec"]["template"]["spec"]["containers"][0].get("ports")
    )


def test_what_another_manager_changed_is_found(server: Server) -> None:
    """Exactly the fields another manager changed, added beside ours excepted, with its name."""
    name = a_deployment(server)
    target = server.targets[name]
    container = target["spec"]["template"]["spec"]["containers"][0]
    spec = {
        "replicas": 7,
        "minReadySeconds": 5,  # nothing Git has an opinion about
        "template": {
            "metadata": {"annotations": {"theirs": "1"}},
            "spec": {
                "containers": [
                    {
                        "name": container["name"],
                        "image": "registry.example/other:1",
                        "env": [{"name": "THEIRS", "value": "1"}],
                    }
                ]
            },
        },
    }
    changed = {key: target[key] for key in ("apiVersion", "kind")}
    metadata = {"name": target["metadata"]["name"], "labels": {"home-ops/application": "nobody"}}
    server.apply(name, {**changed, "metadata": metadata, "spec": spec}, manager=OTHER)
    found = compare(target, server.live(name))
    labels = target["metadata"]["labels"]
    assert found == [
        Difference(
            path='metadata.labels["home-ops/application"]',
            target=labels["home-ops/application"],
            live="nobody",
            manager=OTHER,
        ),
        Difference(path="spec.replicas", target=target["spec"]["replicas"], live=7, manager=OTHER),
        Difference(
            path=f"spec.template.spec.containers[name={container['name']}].image",
            target=container["image"],
            live="registry.example/other:1",
            manager=OTHER,
        ),
    ]
    rule = IgnoreRule(group="apps", kind="Deployment", managed_fields_managers=(OTHER,))
    assert compare(target, server.live(name), [rule]) == found[:1]  # our own marks are ours
    server.apply(name, target)
    assert compare(target, server.live(name)) == []


def test_what_git_no_longer_has_is_found(server: Server) -> None:
    """A field that we applied once and that left Git differs until the next apply; what another
    manager added does not."""
    name = a_deployment(server)
    target = server.targets[name]
    before = copy.deepcopy(target)
    before["metadata"]["labels"]["gone"] = "1"
    pods = before["spec"]["template"]["spec"]
    pods["containers"][0].setdefault("env", []).append({"name": "GONE", "value": "1"})
    server.apply(name, before)
    found = compare(target, server.live(name))
    main = pods["containers"][0]["name"]
    assert [(each.path, each.target, each.manager) for each in found] == [
        ("metadata.labels.gone", None, OURS),
        (f"spec.template.spec.containers[name={main}].env[name=GONE]", None, OURS),
    ]
    server.apply(name, target)
    assert compare(target, server.live(name)) == []


OBJECTS: list[dict[str, Any]] = [
    {
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "metadata": {"name": "forms", "creationTimestamp": None},
        "spec": {
            "serviceName": "forms",
            "replicas": None,
            "selector": {"matchLabels": {"app": "forms"}},
            "updateStrategy": {"rollingUpdate": {"partition": 0}},
            "template": {
                "metadata": {"labels": {"app": "forms"}, "creationTimestamp": None},
                "spec": {
                    "hostNetwork": False,
                    "dnsPolicy": "",
                    "nodeSelector": {},
                    "securityContext": {"fsGroup": 0, "seLinuxOptions": None},
                    "volumes": [{"name": "tmp", "emptyDir": {"sizeLimit": "1024Mi"}}],
                    "containers": [
                        {
                            "name": "b",
                            "image": "registry.example/b:1",
                            "env": [
                                {"name": "EMPTY", "value": ""},
                            ],
                            "ports": [
                                {"containerPort": 80},
                                {"containerPort": 80, "protocol": "UDP"},
                            ],
                            "livenessProbe": {
                                "httpGet": {"path": "/", "port": "http"},
                                "periodSeconds": 0,
                            },
                        },
                        {
                            "name": "a",
                            "image": "registry.example/a:1",
                            "args": [],
                            "imagePullPolicy": "",
                            "resources": {
                                "requests": {"cpu": "0.1", "memory": "1e9"},
                                "limits": {"cpu": 1, "memory": "2048Mi"},
                            },
                        },
                    ],
                },
            },
            "volumeClaimTemplates": [
                {
                    "apiVersion": "v1",
                    "kind": "PersistentVolumeClaim",
                    "metadata": {"name": "data"},
                    "spec": {
                        "accessModes": ["ReadWriteOnce"],
                        "resources": {"requests": {"storage": "1024Mi"}},
                    },
                }
            ],
        },
        "status": {"replicas": 3},
    },
    {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "forms"},
        "type": "",
        "data": {"encoded": "c2Vj\ncmV0", "both": "b25l"},
        "stringData": {"plain": "secret", "both": "two"},
    },
    {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "forms"},
        "spec": {
            "type": "",
            "clusterIP": "",
            "selector": {"app": "forms"},
            "ports": [
                {"name": "dns", "port": 53, "protocol": "UDP", "nodePort": 0},
                {"name": "dns-tcp", "port": 53, "targetPort": 53},
            ],
        },
    },
    {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "metadata": {"name": "forms"},
        "spec": {
            "schedule": "@daily",
            "concurrencyPolicy": "",
            "suspend": True,
            "startingDeadlineSeconds": None,
            "jobTemplate": {
                "spec": {
                    "template": {
                        "spec": {
                            "restartPolicy": "Never",
                            "containers": [{"name": "main", "image": "registry.example/a:1"}],
                        }
                    }
                }
            },
        },
    },
    {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "forms"},
        "spec": {
            "maxReplicas": 3,
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "none"},
            "metrics": [
                {
                    "type": "Pods",
                    "pods": {
                        "metric": {"name": "requests"},
                        "target": {"type": "AverageValue", "averageValue": "1000m"},
                    },
                }
            ],
        },
    },
    {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": {"name": "forms", "finalizers": ["example.com/b", "example.com/a"]},
        "spec": {"minAvailable": "50%", "selector": {}},
    },
    {
        "apiVersion": "v1",
        "kind": "LimitRange",
        "metadata": {"name": "forms"},
        "spec": {"limits": [{"type": "PersistentVolumeClaim", "max": {"storage": "10240Mi"}}]},
    },
    {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": {"name": "forms"},
        "spec": {"hard": {"requests.cpu": "100000m", "count/configmaps": 1000}},
    },
    {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": "forms"},
        "spec": {
            "podSelector": {},
            "ingress": [{"from": [], "ports": [{"port": 80}]}],
            "policyTypes": ["Ingress"],
        },
    },
    {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "forms", "labels": {"empty": ""}},
        "data": {"empty": "", "number": "1", "duration": "60s"},
        "binaryData": {"bytes": "AAEC\nAwQ="},
        "immutable": False,
    },
    {
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": {"name": "forms"},
        "spec": {"renewTime": "2026-01-01T01:00:00.000000+01:00", "leaseDurationSeconds": 15},
    },
]


@pytest.mark.parametrize("body", OBJECTS, ids=lambda body: str(body["kind"]))
def test_forms_the_server_changes(server: Server, body: dict[str, Any]) -> None:
    """Quantities, times, bytes, zeros and empty values in other forms than the server's own are no
    differences; a real change beside them is one."""
    manifest = Manifest.from_body({**body, "metadata": {**body["metadata"], "namespace": "media"}})
    [(_, path)] = with_paths(server.connection, [manifest], [])
    apply(server.connection, path, manifest.body)
    live = server.connection.get(path)
    assert compare(manifest.body, live) == []
    labelled = {**manifest.body["metadata"], "labels": {"new": "1"}}
    [found] = compare({**manifest.body, "metadata": labelled}, live)[-1:]
    assert found.path in ("metadata.labels", "metadata.labels.new")
    if body["metadata"].get("finalizers"):
        patch = json.dumps({"metadata": {"finalizers": None}}).encode()
        server.connection.patch(path, patch, content_type="application/merge-patch+json")
