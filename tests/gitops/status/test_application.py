from __future__ import annotations

from typing import Any

import pytest

from gitops.application import ApplicationSpec, Destination, Source
from gitops.health import Health, HealthStatus, assess
from gitops.objects.manifest import ResourceKey
from gitops.objects.ownership import Ownership, live_key, marked
from gitops.records.record import SyncStatus
from gitops.status.application import application_health, application_statuses
from gitops.status.family import Family
from gitops.status.resource import ResourceStatus, owned_by_application, resource_status


def resource(name: str, status: HealthStatus, message: str = "", **more: Any) -> ResourceStatus:
    key = ResourceKey(
        group=more.pop("group", ""), kind=more.pop("kind", "Thing"), namespace="media", name=name
    )
    health = Health(status=status, message=message)
    return ResourceStatus(key=key, api_version="v1", health=health, **more)


def spec(name: str, category: str) -> ApplicationSpec:
    return ApplicationSpec(
        name=name,
        category=category,
        application_set="all",
        project="apps",
        source=Source(path=f"apps/{category}/{name}"),
        destination=Destination(namespace=category),
    )


GOOD = resource("good", HealthStatus.HEALTHY)
BAD = resource("bad", HealthStatus.DEGRADED, "broken")


@pytest.mark.parametrize(
    ("resources", "status", "message"),
    [
        ([GOOD], HealthStatus.HEALTHY, ""),
        ([GOOD, BAD], HealthStatus.DEGRADED, "Thing media/bad: broken"),
        (
            [resource("a", HealthStatus.SUSPENDED, "paused"), GOOD],
            HealthStatus.SUSPENDED,
            "Thing media/a: paused",
        ),
        (
            [resource("a", HealthStatus.SUSPENDED), resource("b", HealthStatus.PROGRESSING, "1/2")],
            HealthStatus.PROGRESSING,
            "Thing media/b: 1/2",
        ),
        ([resource("a", HealthStatus.DEGRADED, "hook", hook=True), GOOD], HealthStatus.HEALTHY, ""),
        ([resource("a", HealthStatus.DEGRADED, "x", hook=True)], HealthStatus.HEALTHY, ""),
        ([resource("a", HealthStatus.DEGRADED, "x", ignored=True)], HealthStatus.HEALTHY, ""),
        (
            [resource("a", HealthStatus.UNKNOWN, "new", group="argoproj.io", kind="Application")],
            HealthStatus.HEALTHY,
            "",
        ),
        (
            [resource("a", HealthStatus.DEGRADED, "bad", group="argoproj.io", kind="Application")],
            HealthStatus.DEGRADED,
            "Application.argoproj.io media/a: bad",
        ),
        (
            [
                resource("a", HealthStatus.DEGRADED),
                resource("b", HealthStatus.DEGRADED, "0 of 1"),
                resource("c", HealthStatus.DEGRADED, "0 of 1.", cause="Pod c-0: crashed"),
            ],
            HealthStatus.DEGRADED,
            "Thing media/c: 0 of 1: Pod c-0: crashed (and 2 more)",
        ),
    ],
)
def test_health_is_aggregated_as_argocd_does_it(
    resources: list[ResourceStatus], status: HealthStatus, message: str
) -> None:
    """The worst object decides; hooks, ignored objects and unknown nested Applications do not
    count; of several that are equally bad, the one whose cause is known is named."""
    assert application_health(resources) == Health(status=status, message=message)


def test_nothing_live_is_missing() -> None:
    """An Application that has no object is Missing, as in ArgoCD."""
    assert application_health([]).status is HealthStatus.MISSING


def test_sync_says_no_more_than_is_known() -> None:
    """Without comparing nothing is called Synced; what is not in Git is OutOfSync."""
    found = application_statuses({"old": [GOOD], "jellyfin": [GOOD]}, [spec("jellyfin", "media")])
    assert [(each.name, each.sync.status) for each in found] == [
        ("jellyfin", SyncStatus.UNKNOWN),
        ("old", SyncStatus.OUT_OF_SYNC),
    ]


def test_git_and_cluster_are_joined() -> None:
    """Objects come from the cluster, categories from Git; each side may know more."""
    found = application_statuses(
        {"jellyfin": [BAD, GOOD], "removed": [GOOD]},
        [spec("jellyfin", "media"), spec("new", "ai")],
    )
    assert [
        (each.name, each.subject, each.category, each.namespace, dict(each.kinds)) for each in found
    ] == [
        ("new", "ai/new", "ai", "ai", {}),
        ("jellyfin", "media/jellyfin", "media", "media", {"Thing": 2}),
        ("removed", "removed", "", "media", {"Thing": 1}),
    ]
    assert [each.key.name for each in found[1].resources] == ["bad", "good"]


def live(application: str, name: str, *, stack: str = "local", **metadata: Any) -> dict[str, Any]:
    body: dict[str, Any] = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": "media", **metadata},
    }
    return marked(body, live_key(body), Ownership(application=application, stack=stack))


def test_only_our_own_objects_count() -> None:
    """A copied label or annotation, an object some controller made and another stack's objects are
    not ours."""
    copied = live("jellyfin", "a")
    copied["metadata"]["name"] = "copy"
    owned = live("jellyfin", "b", ownerReferences=[{"controller": True, "name": "x"}])
    other = live("jellyfin", "c", stack="other")
    relabelled = live("jellyfin", "d")
    relabelled["metadata"]["labels"]["home-ops/application"] = "radarr"
    unmarked = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "e"}}
    ours = live("jellyfin", "f")
    found = owned_by_application([copied, owned, other, relabelled, unmarked, ours], stack="local")
    assert found == {"jellyfin": [ours]}


@pytest.mark.parametrize(
    ("annotations", "hook", "ignored"),
    [
        ({}, False, False),
        ({"argocd.argoproj.io/hook": "PreSync"}, True, False),
        ({"helm.sh/hook": "test"}, True, False),
        ({"argocd.argoproj.io/ignore-healthcheck": "true"}, False, True),
        ({"argocd.argoproj.io/ignore-healthcheck": "false"}, False, False),
    ],
)
def test_annotations_decide_what_counts(
    annotations: dict[str, str], *, hook: bool, ignored: bool
) -> None:
    """Hooks of ArgoCD and Helm, and objects whose health is to be ignored, are marked as such."""
    body = live("jellyfin", "a", annotations=annotations)
    found = resource_status(body, assess(body), Family(), assess=assess)
    assert (found.hook, found.ignored) == (hook, ignored)
