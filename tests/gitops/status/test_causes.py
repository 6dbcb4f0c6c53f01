from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitops.health import HealthStatus, assess
from gitops.status.family import family
from gitops.status.joining import MOST_NAMESPACES, Wanted, wanted
from gitops.status.reading import metadata_suffices
from gitops.status.resource import ResourceStatus, resource_status

Body = dict[str, Any]
_API_VERSIONS = {
    "Deployment": "apps/v1",
    "ReplicaSet": "apps/v1",
    "StatefulSet": "apps/v1",
    "Job": "batch/v1",
    "CronJob": "batch/v1",
    "APIService": "apiregistration.k8s.io/v1",
    "EndpointSlice": "discovery.k8s.io/v1",
}


def body(kind: str, name: str, *, owner: str = "", age: int = 0, **more: Any) -> Body:
    """An object whose uid is its name; a higher ``age`` is older."""
    metadata: Body = {
        "name": name,
        "namespace": "media",
        "uid": name,
        "creationTimestamp": f"2026-01-01T00:00:{59 - age:02}Z",
        **more.pop("metadata", {}),
    }
    if owner:
        metadata["ownerReferences"] = [{"uid": owner, "controller": True}]
    api_version = more.pop("api_version", _API_VERSIONS.get(kind, "v1"))
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata, **more}


def deployment(name: str = "web", **status: Any) -> Body:
    return body("Deployment", name, spec={"replicas": 1}, status={"updatedReplicas": 1, **status})


def replica_set(name: str = "web-1", *, replicas: int = 1, age: int = 0, **status: Any) -> Body:
    spec = {"replicas": replicas}
    return body("ReplicaSet", name, owner="web", age=age, spec=spec, status=status)


def pod(name: str, owner: str, reason: str = "", *, age: int = 0, **more: Any) -> Body:
    """A Pod that waits for a reason, or is ready without one."""
    state = {"waiting": {"reason": reason, "message": "told by the kubelet"}} if reason else {}
    status: Body = {
        "phase": "Pending" if reason else "Running",
        "conditions": [{"type": "Ready", "status": "False" if reason else "True"}],
        "containerStatuses": [{"name": "main", "state": state}],
    }
    return body("Pod", name, owner=owner, age=age, **{"spec": {}, "status": status, **more})


def event(about: str, reason: str, message: str, *, second: int = 0, kind: str = "Warning") -> Body:
    return body(
        "Event",
        f"{about}.{second}",
        involvedObject={"uid": about},
        reason=reason,
        message=message,
        type=kind,
        lastTimestamp=f"2026-01-01T00:00:{second:02}Z",
    )


def status_of(live: Body, *around: Body) -> ResourceStatus:
    events = [each for each in around if each["kind"] == "Event"]
    others = [each for each in around if each["kind"] != "Event"]
    return resource_status(live, assess(live), family(others, events), assess=assess)


PULL = "container main: ImagePullBackOff: told by the kubelet"


def test_cause_is_found_two_levels_down() -> None:
    """A Deployment's message names the Pod that cannot pull its image, not the ReplicaSet."""
    found = status_of(deployment(), replica_set(), pod("web-1-a", "web-1", "ImagePullBackOff"))
    assert found.cause == f"Pod web-1-a: {PULL}"
    assert found.message == f"0 of 1 updated replicas available: Pod web-1-a: {PULL}"
    assert found.health.status is HealthStatus.PROGRESSING  # a child's health is not inherited


def test_healthy_object_is_not_explained() -> None:
    """A failing Pod that its controller does not mind changes nothing."""
    found = status_of(
        deployment(availableReplicas=1), replica_set(), pod("a", "web-1", "ImagePullBackOff")
    )
    assert (found.health.status, found.message, found.children) == (HealthStatus.HEALTHY, "", ())


def test_old_revisions_do_not_count() -> None:
    """A ReplicaSet of an older revision that is scaled to zero is not shown."""
    found = status_of(deployment(), replica_set("web-1", replicas=0, age=9), replica_set("web-2"))
    assert [each.key.name for each in found.children] == ["web-2"]


def test_the_worst_and_newest_child_is_named() -> None:
    """Of several Pods the Degraded one counts, of several failed ones the newest."""
    found = status_of(
        body("Job", "job", spec={}, status={"active": 1, "failed": 2}),
        pod("new", "job", age=0),
        pod("middle", "job", "ErrImagePull", age=1),
        pod("old", "job", "CrashLoopBackOff", age=2),
        pod("waiting", "job", "ContainerCreating", age=0),
    )
    assert found.cause.startswith("Pod middle: container main: ErrImagePull")


def test_last_run_of_a_cron_job_counts() -> None:
    """A CronJob whose last run failed is explained by that run, not by an older one."""
    spec = {"schedule": "* * * * *"}
    status = {
        "lastScheduleTime": "2026-01-02T00:00:00Z",
        "lastSuccessfulTime": "2026-01-01T00:00:00Z",
    }
    failed = {"conditions": [{"type": "Failed", "status": "True", "reason": "DeadlineExceeded"}]}
    older = {"conditions": [{"type": "Failed", "status": "True", "reason": "BackoffLimitExceeded"}]}
    found = status_of(
        body("CronJob", "cron", spec=spec, status=status),
        body("Job", "cron-1", owner="cron", age=9, spec={}, status=older),
        body("Job", "cron-2", owner="cron", age=1, spec={}, status=failed),
    )
    assert found.health.status is HealthStatus.DEGRADED
    assert found.cause == "Job cron-2: DeadlineExceeded"


def test_events_explain_what_no_status_says() -> None:
    """A mount that fails is known from the newest warning about the Pod alone."""
    found = status_of(
        body("StatefulSet", "db", spec={}, status={"observedGeneration": 1}),
        pod("db-0", "db", "ContainerCreating"),
        event("db-0", "FailedMount", "an older reason", second=1),
        event("db-0", "FailedMount", 'configmap "absent" not found', second=2),
        event("db-0", "Pulled", "image is present", second=3, kind="Normal"),
        event("other", "FailedMount", "about another Pod", second=4),
    )
    assert found.cause == (
        'Pod db-0: its containers are being created: FailedMount: configmap "absent" not found'
    )


def test_unbound_claim_is_the_cause() -> None:
    """A Pod that waits for storage names its claim, with what was reported about that."""
    volumes = [{"name": "data", "persistentVolumeClaim": {"claimName": "data-db-0"}}]
    found = status_of(
        body("StatefulSet", "db", spec={}, status={"observedGeneration": 1}),
        pod("db-0", "db", "PodInitializing", spec={"volumes": volumes}),
        body("PersistentVolumeClaim", "data-db-0", status={"phase": "Pending"}),
        event("data-db-0", "WaitForFirstConsumer", "waiting for its Pod", kind="Normal"),
    )
    assert found.cause == (
        "PersistentVolumeClaim data-db-0: no volume yet: WaitForFirstConsumer: waiting for its Pod"
    )


def test_what_a_condition_repeats_is_said_once() -> None:
    """A quota that the Deployment's own condition quotes is not told again."""
    quota = 'pods "web-1-a" is forbidden: exceeded quota: none'
    failure = {"type": "ReplicaFailure", "status": "True", "message": quota}
    found = status_of(deployment(conditions=[failure]), replica_set(conditions=[failure]))
    assert found.cause == ""
    assert found.message.count("exceeded quota") == 1


@pytest.mark.parametrize(
    ("endpoints", "cause"),
    [
        ([], "Service metrics has no Pods"),
        ([{"conditions": {"ready": False}}], "Service metrics has no ready Pod"),
        (
            [{"conditions": {"ready": False}, "targetRef": {"uid": "metrics-a"}}],
            f"Pod metrics-a: {PULL}",
        ),
        ([{"conditions": {"ready": True}}], ""),
    ],
)
def test_api_is_explained_by_the_pods_of_its_service(endpoints: list[Body], cause: str) -> None:
    """An aggregated API is as good as the Pods behind its Service."""
    service = {"service": {"name": "metrics", "namespace": "media"}}
    labels = {"labels": {"kubernetes.io/service-name": "metrics"}}
    found = status_of(
        body("APIService", "v1.metrics", spec=service, status={}),
        body("EndpointSlice", "metrics-x", metadata=labels, endpoints=endpoints),
        pod("metrics-a", "other", "ImagePullBackOff"),
    )
    assert found.cause == cause


def test_owners_in_a_circle_end() -> None:
    """Objects that own each other, which nothing forbids, are no endless tree."""
    broken = {"replicas": 1}
    found = status_of(
        body("ReplicaSet", "web", owner="web", spec=broken, status={}),
        body("ReplicaSet", "web", owner="web", spec=broken, status={}),
    )
    assert found.cause


def test_nothing_is_asked_for_what_is_fine() -> None:
    """Healthy and suspended objects cause no second round of LISTs."""
    fine = deployment(availableReplicas=1)
    paused = body("Deployment", "paused", spec={"paused": True})
    assert wanted([(each, assess(each)) for each in (fine, paused)]) == []


def test_each_kind_is_asked_once_in_a_namespace() -> None:
    """Two unhealthy Deployments of one namespace are explained by four LISTs."""
    live = [deployment("a"), deployment("b")]
    assert wanted([(each, assess(each)) for each in live]) == [
        Wanted(group="", kind="Event", namespace="media"),
        Wanted(group="", kind="PersistentVolumeClaim", namespace="media"),
        Wanted(group="", kind="Pod", namespace="media"),
        Wanted(group="apps", kind="ReplicaSet", namespace="media"),
    ]


def test_many_namespaces_are_asked_at_once() -> None:
    """Where many namespaces have unhealthy objects, a kind is listed in all of them together."""
    live = [
        body("Pod", "a", metadata={"namespace": f"namespace-{number}"}, status={"phase": "Pending"})
        for number in range(MOST_NAMESPACES + 1)
    ]
    found = wanted([(each, assess(each)) for each in live])
    assert {(each.kind, each.namespace) for each in found} == {
        ("Event", ""),
        ("PersistentVolumeClaim", ""),
    }


def test_custom_resource_may_own_workloads() -> None:
    """What is below a custom resource is read once its controller has reported on it."""
    silent = body("Cluster", "db", api_version="postgresql.cnpg.io/v1")
    reported = {**silent, "status": {"phase": "Setting up primary"}}
    assert wanted([(silent, assess(silent))]) == []
    assert {each.kind for each in wanted([(reported, assess(reported))])} >= {"Pod", "Job"}


def test_data_is_never_read_for_health() -> None:
    """Of Secrets and other plain data only the metadata is read, of what has a status all."""
    assert metadata_suffices("", "Secret", None)
    assert metadata_suffices("rbac.authorization.k8s.io", "Role", None)
    assert metadata_suffices("apiextensions.k8s.io", "CustomResourceDefinition", None)
    assert not metadata_suffices("apps", "Deployment", None)
    assert not metadata_suffices("example.org", "Secret", None)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["metadata", "uid", "ownerReferences", "spec", "status", "volumes", "endpoints"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(
    live=st.fixed_dictionaries({"kind": st.sampled_from(["Pod", "APIService", "CronJob", "X"])}),
    parts=st.dictionaries(st.sampled_from(["metadata", "spec", "status"]), _JSON),
    other=st.dictionaries(st.sampled_from(["metadata", "spec", "status", "endpoints"]), _JSON),
    about=st.dictionaries(st.sampled_from(["involvedObject", "reason", "series"]), _JSON),
)
def test_explaining_is_total(live: Body, parts: Body, other: Body, about: Body) -> None:
    """Whatever the objects look like, explaining them never raises."""
    broken = {"apiVersion": "v1", **live, **parts}
    child = {"apiVersion": "v1", "kind": "Pod", **other}
    reported = {"apiVersion": "v1", "kind": "Event", **about}
    wanted([(broken, assess(broken))])
    found = resource_status(broken, assess(broken), family([child], [reported]), assess=assess)
    assert "\n" not in found.message
