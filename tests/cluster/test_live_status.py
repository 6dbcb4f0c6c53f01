"""Objects that do not work, made on a real API server with real controllers; the tests play the
kubelet where none runs: they write the status of Pods nobody schedules, and report events."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from cluster.connection import Connection, StatusError, connect
from cluster.discovery import ClusterFacts, facts
from cluster.live_status import LiveStatus, read_status
from gitops.health import Health, HealthStatus
from gitops.objects.ownership import Ownership, live_key, marked
from gitops.status.application import application_health

pytestmark = pytest.mark.e2e

SECONDS = 90.0
PLURALS = {
    "Namespace": "api/v1/namespaces",
    "ConfigMap": "api/v1/namespaces/{}/configmaps",
    "Secret": "api/v1/namespaces/{}/secrets",
    "Event": "api/v1/namespaces/{}/events",
    "Pod": "api/v1/namespaces/{}/pods",
    "PersistentVolumeClaim": "api/v1/namespaces/{}/persistentvolumeclaims",
    "ResourceQuota": "api/v1/namespaces/{}/resourcequotas",
    "ServiceAccount": "api/v1/namespaces/{}/serviceaccounts",
    "Deployment": "apis/apps/v1/namespaces/{}/deployments",
    "StatefulSet": "apis/apps/v1/namespaces/{}/statefulsets",
    "DaemonSet": "apis/apps/v1/namespaces/{}/daemonsets",
    "Job": "apis/batch/v1/namespaces/{}/jobs",
    "CronJob": "apis/batch/v1/namespaces/{}/cronjobs",
    "HorizontalPodAutoscaler": "apis/autoscaling/v2/namespaces/{}/horizontalpodautoscalers",
    "CustomResourceDefinition": "apis/apiextensions.k8s.io/v1/customresourcedefinitions",
    "APIService": "apis/apiregistration.k8s.io/v1/apiservices",
}
MERGE = "application/merge-patch+json"


@dataclass(slots=True)
class World:
    """A namespace and a stack of its own, on the shared API server."""

    connection: Connection
    facts: ClusterFacts
    namespace: str
    cluster_scoped: list[str] = field(default_factory=list)

    @property
    def stack(self) -> str:
        return self.namespace

    def apply(self, kind: str, name: str, spec: Any = None, **more: Any) -> dict[str, Any]:
        """Create an object of ours; its Application has its name."""
        body = self.body(kind, name, spec, **more)
        return self.post(
            marked(body, live_key(body), Ownership(application=name, stack=self.stack))
        )

    def body(self, kind: str, name: str, spec: Any = None, **more: Any) -> dict[str, Any]:
        prefix, _, plural = PLURALS[kind].partition("/")
        group = plural.partition("/namespaces/")[0].rpartition("/")[0] if prefix == "apis" else ""
        version = plural.split("/")[1 if prefix == "apis" else 0]
        metadata: dict[str, Any] = {"name": name, **more.pop("metadata", {})}
        if "{}" in PLURALS[kind]:
            metadata["namespace"] = self.namespace
        api_version = f"{group.partition('/')[0]}/{version}" if prefix == "apis" else version
        body = {"apiVersion": api_version, "kind": kind, "metadata": metadata, **more}
        return body if spec is None else {**body, "spec": spec}

    def post(self, body: dict[str, Any]) -> dict[str, Any]:
        path = f"/{PLURALS[body['kind']].format(self.namespace)}"
        created: dict[str, Any] = self.connection.post(path, json.dumps(body).encode())
        if "{}" not in PLURALS[body["kind"]]:
            self.cluster_scoped.append(f"{path}/{body['metadata']['name']}")
        return created

    def pods(self, app: str) -> list[dict[str, Any]]:
        path = f"/api/v1/namespaces/{self.namespace}/pods"
        found = self.connection.get(path, {"labelSelector": f"app={app}"})["items"]
        return list(found)

    def patch_status(self, kind: str, name: str, status: dict[str, Any]) -> None:
        path = f"/{PLURALS[kind].format(self.namespace)}/{name}/status"
        self.connection.patch(path, json.dumps({"status": status}).encode(), content_type=MERGE)

    def report(self, about: dict[str, Any], reason: str, message: str) -> None:
        """An event, as the kubelet reports one."""
        now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        key = live_key(about)
        reference = {"apiVersion": about.get("apiVersion", "v1"), "kind": about["kind"],
                     "name": key.name, "namespace": key.namespace,
                     "uid": about["metadata"]["uid"]}  # fmt: skip
        self.post(
            self.body(
                "Event",
                f"{key.name}.{uuid.uuid4().hex[:8]}",
                involvedObject=reference,
                reason=reason,
                message=message,
                type="Warning",
                count=1,
                firstTimestamp=now,
                lastTimestamp=now,
                source={"component": "kubelet"},
            )
        )

    def read(self) -> LiveStatus:
        return read_status(self.connection, self.facts, stack=self.stack)

    def health(self, application: str) -> Health:
        return application_health(self.read().resources.get(application, ()))

    def becomes(self, application: str, status: HealthStatus, *words: str) -> Health:
        """Wait until an Application has a status and a message with all these words."""
        end = time.monotonic() + SECONDS
        while True:
            found = self.health(application)
            if found.status is status and all(word in found.message for word in words):
                assert "\n" not in found.message
                return found
            assert time.monotonic() < end, f"{found} is not {status} with {words}"
            time.sleep(0.3)


@pytest.fixture(scope="module")
def world(control_plane: Any) -> Iterator[World]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KUBECONFIG", str(control_plane.kubeconfig))
        with connect() as connection:
            made = World(connection, facts(connection), f"status-{uuid.uuid4().hex[:8]}")
            yield from _filled(made)


def _filled(world: World) -> Iterator[World]:
    world.post(world.body("Namespace", world.namespace))
    accounts = f"/{PLURALS['ServiceAccount'].format(world.namespace)}/default"
    until(lambda: _is_there(world.connection, accounts), "a service account")
    yield world
    for path in world.cluster_scoped:
        world.connection.delete(path)


def _is_there(connection: Connection, path: str) -> bool:
    try:
        connection.get(path)
    except StatusError as error:
        assert error.code == 404
        return False
    return True


def until(reached: Callable[[], Any], what: str) -> Any:
    end = time.monotonic() + SECONDS
    while not (found := reached()):
        assert time.monotonic() < end, f"waited in vain for {what}"
        time.sleep(0.1)
    return found


def template(
    app: str,
    *,
    outcome: str = "",
    restart: str = "Always",
    scheduled: bool = True,
    **container: Any,
) -> dict[str, Any]:
    """A Pod template; without ``scheduled`` no scheduler and no node takes care of its Pods."""
    annotations = {"home-ops.local/outcome": outcome} if outcome else {}
    main = {"name": "main", "image": "registry.example/app:1.0.0", **container}
    spec: dict[str, Any] = {"containers": [main], "restartPolicy": restart}
    if not scheduled:
        spec["schedulerName"] = "nobody"
    return {"metadata": {"labels": {"app": app}, "annotations": annotations}, "spec": spec}


def workload(app: str, pod: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    selector = {"matchLabels": {"app": app}}
    return {"selector": selector, "template": pod or template(app), **more}


def waiting(reason: str, message: str = "") -> dict[str, Any]:
    """The status the kubelet writes for a Pod whose container cannot start."""
    state = {"waiting": {"reason": reason, "message": message}}
    main = {"name": "main", "image": "registry.example/app:1.0.0", "imageID": "", "ready": False,
            "restartCount": 0, "state": state}  # fmt: skip
    return {"phase": "Pending", "containerStatuses": [main]}


def test_rollout_that_works(world: World) -> None:
    """What its controllers have rolled out is Healthy and says nothing."""
    world.apply("Deployment", "works", workload("works", replicas=2))
    found = world.becomes("works", HealthStatus.HEALTHY)
    assert found.message == ""


def test_rollout_in_progress(world: World) -> None:
    """A rollout whose Pods are not available yet is Progressing and says how far it is."""
    world.apply("Deployment", "young", workload("young", replicas=2, minReadySeconds=300))
    world.becomes("young", HealthStatus.PROGRESSING, "Deployment", "young", "0 of 2", "available")


def test_rollout_that_is_stuck(world: World) -> None:
    """A rollout past its deadline is Degraded, and the message names the crash that stops it."""
    spec = workload("stuck", template("stuck", outcome="crash"), progressDeadlineSeconds=1)
    world.apply("Deployment", "stuck", spec)
    world.becomes(
        "stuck", HealthStatus.DEGRADED,
        "exceeded the progress deadline", "Pod stuck-", "CrashLoopBackOff", "exit code 1",
    )  # fmt: skip


def test_rollout_that_is_paused(world: World) -> None:
    """A paused rollout is Suspended; nobody has to wait for it."""
    world.apply("Deployment", "paused", workload("paused", paused=True))
    world.becomes("paused", HealthStatus.SUSPENDED, "paused")


def test_crash_loop(world: World) -> None:
    """Where a Deployment only says how many replicas lack, the crash of its Pod is named."""
    world.apply("Deployment", "crash", workload("crash", template("crash", outcome="crash")))
    found = world.becomes(
        "crash", HealthStatus.PROGRESSING, "0 of 1", "Pod crash-", "CrashLoopBackOff", "exit code 1"
    )
    assert found.message.startswith("Deployment.apps ")


def test_image_that_cannot_be_pulled(world: World) -> None:
    """The Application's message holds the registry's answer."""
    pod = template("pull", scheduled=False)
    world.apply("Deployment", "pull", workload("pull", pod))
    name = until(lambda: world.pods("pull"), "a Pod")[0]["metadata"]["name"]
    answer = "registry.example/app:1.0.0: not found"
    world.patch_status("Pod", name, waiting("ImagePullBackOff", answer))
    world.becomes("pull", HealthStatus.PROGRESSING, f"Pod {name}", "ImagePullBackOff", answer)


def test_volume_that_cannot_be_mounted(world: World) -> None:
    """What only an event tells, a mount that fails, is in the message."""
    world.apply("StatefulSet", "mount", workload("mount", template("mount", scheduled=False)))
    pod = until(lambda: world.pods("mount"), "a Pod")[0]
    pod |= {"apiVersion": "v1", "kind": "Pod"}
    world.patch_status("Pod", "mount-0", waiting("ContainerCreating"))
    reason = 'MountVolume.SetUp failed for volume "config": configmap "absent" not found'
    world.report(pod, "FailedMount", reason)
    world.becomes("mount", HealthStatus.PROGRESSING, "Pod mount-0", "FailedMount", reason)


def test_pod_that_fits_nowhere(world: World) -> None:
    """The scheduler's reason is in the message."""
    pod = template("large", resources={"requests": {"cpu": "5000"}})
    world.apply("DaemonSet", "large-set", workload("large", pod))
    world.apply(
        "Deployment", "large", workload("huge", {**pod, "metadata": {"labels": {"app": "huge"}}})
    )
    world.becomes("large", HealthStatus.PROGRESSING, "not scheduled", "Insufficient cpu")
    world.becomes("large-set", HealthStatus.PROGRESSING, "Pod large-set-", "Insufficient cpu")


def test_claim_without_a_volume(world: World) -> None:
    """A StatefulSet that waits for storage names the claim and what the claim waits for."""
    world.post(world.body("ConfigMap", "unrelated"))
    claim = {"accessModes": ["ReadWriteOnce"], "storageClassName": "",
             "resources": {"requests": {"storage": "1Gi"}}}  # fmt: skip
    world.apply("PersistentVolumeClaim", "claim", claim)
    world.becomes("claim", HealthStatus.PROGRESSING, "PersistentVolumeClaim", "FailedBinding")
    spec = workload("stored", volumeClaimTemplates=[{"metadata": {"name": "data"}, "spec": claim}])
    world.apply("StatefulSet", "stored", spec)
    world.becomes("stored", HealthStatus.PROGRESSING, "PersistentVolumeClaim data-stored-0")


def test_jobs(world: World) -> None:
    """A Job that succeeds is Healthy, one that fails Degraded with its Pod's exit code."""
    world.apply("Job", "good", {"template": template("good", restart="Never")})
    failing = template("bad", restart="Never", outcome="fail")
    world.apply("Job", "bad", {"template": failing, "backoffLimit": 0})
    world.becomes("good", HealthStatus.HEALTHY)
    world.becomes("bad", HealthStatus.DEGRADED, "BackoffLimitExceeded", "Pod bad-", "exit code 1")


def test_autoscaler_without_metrics(world: World) -> None:
    """An autoscaler that cannot read its metric is Degraded and says which; one whose target is
    scaled to zero is as asked for."""
    reference = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "scaled"}
    target = {"type": "Utilization", "averageUtilization": 50}
    metric = {"type": "Resource", "resource": {"name": "cpu", "target": target}}
    pod = template("scaled", resources={"requests": {"cpu": "1m"}})
    world.post(world.body("Deployment", "scaled", workload("scaled", pod)))
    spec = {"scaleTargetRef": reference, "minReplicas": 1, "maxReplicas": 3, "metrics": [metric]}
    world.apply("HorizontalPodAutoscaler", "scaler", spec)
    world.post(world.body("Deployment", "off", workload("off", replicas=0)))
    world.apply(
        "HorizontalPodAutoscaler",
        "resting",
        {**spec, "scaleTargetRef": {**reference, "name": "off"}},
    )
    world.becomes("scaler", HealthStatus.DEGRADED, "FailedGetResourceMetric", "cpu")
    world.becomes("resting", HealthStatus.HEALTHY)


def test_api_without_pods(world: World) -> None:
    """An aggregated API whose Service has no Pods says so."""
    group = f"metrics.{world.namespace}.example.org"
    service = {"name": "absent", "namespace": world.namespace}
    spec = {"group": group, "version": "v1", "groupPriorityMinimum": 100, "versionPriority": 10,
            "service": service, "insecureSkipTLSVerify": True}  # fmt: skip
    world.apply("APIService", f"v1.{group}", spec)
    world.becomes(f"v1.{group}", HealthStatus.PROGRESSING, "not available", "absent")


def test_definitions(world: World) -> None:
    """A definition is Healthy once it is served, without being read; one that is not says why."""
    for plural, kind in (("lamps", "Lamp"), ("lights", "Lamp")):
        names = {"plural": plural, "singular": plural[:-1], "kind": kind, "listKind": f"{kind}List"}
        schema = {"openAPIV3Schema": {"type": "object"}}
        version = {"name": "v1", "served": True, "storage": True, "schema": schema}
        group = f"{world.namespace}.example.org"
        spec = {"group": group, "scope": "Namespaced", "names": names, "versions": [version]}
        world.apply("CustomResourceDefinition", f"{plural}.{group}", spec)
        if plural == "lamps":
            until(lambda: _refreshed(world).find(group, "Lamp"), "the kind to be served")  # noqa: B023
            world.becomes(f"lamps.{group}", HealthStatus.HEALTHY)
    world.becomes(f"lights.{group}", HealthStatus.DEGRADED, "names are not accepted")
    assert world.read().waits_for_discovery


def _refreshed(world: World) -> ClusterFacts:
    world.facts = facts(world.connection)
    return world.facts


def test_secrets_are_never_read(world: World) -> None:
    """The data of a Secret does not leave the cluster; whole objects are read where a status is."""
    world.apply("Secret", "secret", stringData={"password": "made-up-for-the-test"})
    asked: list[tuple[str, str]] = []
    get_bytes = Connection.get_bytes

    def seen(self: Connection, path: str, *rest: Any, accept: str = "", **more: Any) -> bytes:
        body = get_bytes(self, path, *rest, accept=accept, **more)
        asked.append((path, accept))
        assert b"made-up" not in body
        assert b"bWFkZS11c" not in body  # the same in base64
        return body

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Connection, "get_bytes", seen)
        found = world.read()
    assert "secret" in found.resources
    forms = {path: "PartialObjectMetadata" in accept for path, accept in asked}
    assert forms["/api/v1/secrets"] is forms["/api/v1/configmaps"] is True
    assert forms["/apis/apps/v1/deployments"] is False
    lists = [path for path, _ in asked if "/customresourcedefinitions/" not in path]
    assert len(lists) == len(set(lists)) == found.stats.requests  # one LIST per kind


def test_only_the_stacks_own_objects(world: World) -> None:
    """Another stack's objects, and a copy that only has the label, are not shown."""
    body = world.body("ConfigMap", "theirs")
    world.post(marked(body, live_key(body), Ownership(application="theirs", stack="other")))
    world.apply("ConfigMap", "ours")
    copied = world.body("ConfigMap", "copied")
    mine = marked(copied, live_key(copied), Ownership(application="ours", stack=world.stack))
    mine["metadata"]["name"] = "copy"
    world.post(mine)
    found = world.read().resources
    assert "theirs" not in found
    assert [each.key.name for each in found["ours"]] == ["ours"]


@pytest.mark.parametrize(
    ("labels", "words"),
    [
        ({}, ("exceeded quota", "pods=1")),
        ({"pod-security.kubernetes.io/enforce": "restricted"}, ("violates PodSecurity",)),
    ],
    ids=["quota", "admission"],
)
def test_pods_that_are_refused(
    world: World, labels: dict[str, str], words: tuple[str, ...]
) -> None:
    """Where Pods cannot even be created, every kind of workload says why."""
    refusing = World(world.connection, world.facts, f"status-{uuid.uuid4().hex[:8]}")
    namespace = refusing.body("Namespace", refusing.namespace, metadata={"labels": labels})
    refusing.post(namespace)
    accounts = f"/{PLURALS['ServiceAccount'].format(refusing.namespace)}/default"
    until(lambda: _is_there(world.connection, accounts), "a service account")
    if not labels:
        refusing.post(refusing.body("ResourceQuota", "none", {"hard": {"pods": "0"}}))
        quotas = f"/{PLURALS['ResourceQuota'].format(refusing.namespace)}/none"
        until(lambda: world.connection.get(quotas).get("status"), "the quota's controller")
    refusing.apply("Deployment", "deployment", workload("deployment"))
    refusing.apply("StatefulSet", "stateful", workload("stateful"))
    refusing.apply("DaemonSet", "daemon", workload("daemon"))
    refusing.apply("Job", "job", {"template": template("job", restart="Never")})
    for name in ("deployment", "stateful", "daemon", "job"):
        found = refusing.becomes(name, HealthStatus.PROGRESSING, *words)
        assert found.message.count(words[0]) == 1, found.message
    for path in refusing.cluster_scoped:
        world.connection.delete(path)


def test_unhealthy_objects_have_their_children(world: World) -> None:
    """Below an unhealthy object are the objects it owns; a healthy one is shown alone."""
    world.apply("Deployment", "alone", workload("alone"))
    world.apply("Deployment", "parent", workload("parent", template("parent", outcome="crash")))
    world.becomes("alone", HealthStatus.HEALTHY)
    world.becomes("parent", HealthStatus.PROGRESSING, "CrashLoopBackOff")
    found = world.read().resources
    (parent,) = found["parent"]
    (replica_set,) = parent.children
    (pod,) = replica_set.children
    assert (replica_set.key.kind, pod.key.kind) == ("ReplicaSet", "Pod")
    assert pod.health.status is HealthStatus.DEGRADED
    (alone,) = found["alone"]
    assert alone.children == ()
