"""Waves: each begins when the one before is applied and healthy, and they go in reverse."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.e2e import objects
from tests.e2e.checkout import DELETION, Checkout, application_set
from tests.e2e.conftest import NewCheckout
from tests.e2e.engine_run import EngineRun
from tests.e2e.hooks import meanwhile
from tests.e2e.live import CONFIG_MAPS, Body, until

pytestmark = pytest.mark.e2e

WAVE = "argocd.argoproj.io/sync-wave"
WAVE_TYPE = "home-ops:index:Wave"
NOWHERE = {"no-node-has": "this"}
FINALIZER = "home-ops.local/hold"
SECONDS = 3
NAME = re.compile(r"^e2e-.*-[0-9a-f]{6}-")


def in_wave(number: int, **more: str) -> dict[str, Any]:
    """What makes an object one of a wave."""
    return {"annotations": {WAVE: str(number), **more}}


def job(name: str, **more: Any) -> Body:
    """A Job whose Pod runs to its end."""
    pod = {"restartPolicy": "Never", "containers": [{"name": "main", "image": "example/app:1"}]}
    return objects.thing("batch/v1", "Job", name, spec={"template": {"spec": pod}}, **more)


def deployment(name: str, *, node: dict[str, str] | None = None, **more: Any) -> Body:
    """A Deployment of one Pod, which finds no node where it asks for one that does not exist."""
    body = objects.deployment(name)
    body["spec"]["replicas"] = 1
    body["spec"]["template"]["spec"]["nodeSelector"] = node or {}
    body["metadata"] |= more
    return body


def revision(checkout: Checkout, kind: str, name: str) -> int:
    """The revision of the cluster in which an object was last written."""
    found = checkout.live.find(kind, name, checkout.namespace)
    assert found, f"there is no {kind} {name}"
    return int(found["metadata"]["resourceVersion"])


def deletions(checkout: Checkout, since: int) -> list[str]:
    """The ConfigMaps that were deleted, in order."""
    found = checkout.live.deletions(CONFIG_MAPS, checkout.namespace, since=str(since))
    return [each["metadata"]["name"] for each in found]


def release(checkout: Checkout, name: str, *, untouched: str) -> None:
    """Let go of a ConfigMap whose deletion has begun, and prove that another's has not."""
    path = CONFIG_MAPS.path(checkout.namespace, name)

    def going() -> bool:
        return "deletionTimestamp" in checkout.live.request("GET", path)["metadata"]

    until(going, "a deletion", seconds=120)
    assert checkout.live.find("ConfigMap", untouched, checkout.namespace)
    checkout.live.request("PATCH", path, {"metadata": {"finalizers": None}})


def gates(run: EngineRun) -> list[str]:
    """The gates a run went through, or would: ``<app>/wave=0``."""
    done = (each for each in run.steps if each.type == WAVE_TYPE and each.action != "same")
    return sorted({NAME.sub("", each.name) for each in done})


def test_waves_are_applied_in_order_and_deleted_in_reverse(checkout: Checkout) -> None:
    """A wave begins when the Job and Deployment of the one before are healthy, in plain ``pulumi
    up``, after a preview that waits for nothing; what is pruned goes at the very end, the highest
    wave first and PruneLast last, whatever is kept between them, and each wave is gone before the
    next goes; and so does an Application."""
    migration, server = job("migrate", **in_wave(0)), deployment("server")
    first, third = (
        objects.config_map("first", **in_wave(-3)),
        objects.config_map("third", **in_wave(6)),
    )
    held = objects.config_map("third-too", **in_wave(6))
    held["metadata"]["finalizers"] = [FINALIZER]
    at_last = objects.config_map("last", **in_wave(6, **objects.options("PruneLast=true")))
    dropped = objects.config_map("beside"), held, at_last
    second = objects.config_map("second", **in_wave(5))
    checkout.write("app", second, third, first, migration, server, *dropped)
    checkout.write("other", objects.config_map("other"))
    planned = checkout.preview().succeeded()
    assert gates(planned) == ["app/wave=-3", "app/wave=0", "app/wave=5"]
    checkout.twice()
    assert revision(checkout, "ConfigMap", "first") < revision(checkout, "ConfigMap", "beside")
    assert revision(checkout, "Job", "migrate") < revision(checkout, "ConfigMap", "second")
    assert revision(checkout, "ConfigMap", "second") < revision(checkout, "ConfigMap", "third")

    changed = objects.config_map("third", data="2", **in_wave(6))
    checkout.write("app", second, changed, first, migration, server, deployment("new"))
    before = revision(checkout, "ConfigMap", "third")
    planned = checkout.preview().succeeded()
    assert f"create {DELETION} e2e-{checkout.id}-app" in planned.changes
    run = meanwhile(checkout, lambda: release(checkout, "third-too", untouched="beside"))
    assert gates(run.succeeded()) == ["app/wave=-3", "app/wave=0", "app/wave=5"]
    after = revision(checkout, "ConfigMap", "third")
    assert before < after
    # all of it after the last apply, and in order
    gone = ["third-too", "beside", "last"]
    assert deletions(checkout, before) == deletions(checkout, after) == gone
    assert checkout.twice().changes == []

    checkout.remove("app")
    checkout.twice()
    assert deletions(checkout, after)[-3:] == ["third", "second", "first"]


@pytest.fixture(scope="module")
def stuck(new_checkout: NewCheckout) -> Checkout:
    """Two Applications, deployed; then the first wave of one can never become healthy, and it and
    the other drop an object, add one and change one."""
    checkout = new_checkout("stuck")
    options = ("CreateNamespace=true", "ServerSideApply=true", f"Timeout={SECONDS}")
    checkout.configure(application_set(options=options))
    for name in ("stuck", "other"):
        dropped = objects.config_map(f"{name}-dropped", **in_wave(2))
        checkout.write(name, objects.config_map(f"{name}-changed", **in_wave(2)), dropped)
        checkout.write(name, deployment(f"{name}-server"), file="server.yaml")
    checkout.twice()
    for name in ("stuck", "other"):
        changed = objects.config_map(f"{name}-changed", data="2", **in_wave(2))
        checkout.write(name, changed, objects.config_map(f"{name}-added", **in_wave(1)))
    checkout.write("stuck", deployment("stuck-server", node=NOWHERE), file="server.yaml")
    return checkout


def test_a_wave_that_is_not_healthy_holds_its_application_alone(stuck: Checkout) -> None:
    """Later waves stay as they were, others are synced, nothing is deleted; the next run tries
    again, and once it is repaired all of it is made good."""
    for attempt in (1, 2):
        run = stuck.up().failed()
        (message,) = run.messages(f"{stuck.id}/stuck")
        assert message.startswith(
            f"{stuck.id}/stuck: wave 0 is not healthy after {SECONDS} seconds: Deployment.apps "
            f"{stuck.namespace}/stuck-server is Progressing (1 old replicas still to end)"
        ), message
        assert "Timeout=<seconds>" in message
        assert run.deleted == []
        others = ["other/wave=0", "other/wave=1"] if attempt == 1 else []
        assert gates(run) == [*others, "stuck/wave=0"]
        changed = stuck.live.find("ConfigMap", "stuck-changed", stuck.namespace)
        assert changed and changed["data"] == {"value": "1"}
        other = stuck.live.find("ConfigMap", "other-changed", stuck.namespace)
        assert other and other["data"] == {"value": "2"}
        names = {key.name for key in stuck.uids() if key.kind == "ConfigMap"}
        assert names == {
            *("stuck-changed", "stuck-dropped"),
            *("other-changed", "other-dropped", "other-added"),
        }
    stuck.write("stuck", deployment("stuck-server", node={}), file="server.yaml")
    run = stuck.twice()
    assert gates(run) == ["stuck/wave=0", "stuck/wave=1"]
    names = {key.name for key in stuck.uids() if key.kind == "ConfigMap"}
    assert names == {"stuck-changed", "stuck-added", "other-changed", "other-added"}


def test_health_can_be_ignored(checkout: Checkout) -> None:
    """An object with ``ignore-healthcheck`` holds no wave, nor a claim that waits for a Pod."""
    ignored = in_wave(0, **{"argocd.argoproj.io/ignore-healthcheck": "true"})
    late = objects.thing(
        "storage.k8s.io/v1",
        "StorageClass",
        f"{checkout.id}-late",
        provisioner="example.com/none",
        volumeBindingMode="WaitForFirstConsumer",
    )
    claim = objects.claim("data", storage_class=f"{checkout.id}-late")
    after = objects.config_map("after", **in_wave(1))
    checkout.write("app", deployment("server", node=NOWHERE, **ignored), late, claim, after)
    checkout.twice()
    assert checkout.live.find("ConfigMap", "after", checkout.namespace)


@pytest.mark.parametrize("arguments", [(), ("--continue-on-error",)])
def test_a_refused_object_holds_later_waves(checkout: Checkout, arguments: tuple[str, ...]) -> None:
    """What the API server refuses keeps the waves behind it from being applied and runs the
    SyncFail hooks; a repaired Application is synced, and ``pulumi destroy`` still works."""
    wrong = objects.thing("v1", "Service", "wrong", spec={"ports": [{"port": 99999}]})
    failed = job("failed", annotations={"argocd.argoproj.io/hook": "SyncFail"})
    after = objects.config_map("after", **in_wave(1))
    checkout.write("app", wrong, failed, after)
    checkout.write("other", objects.config_map("other"))
    run = checkout.up(*arguments).failed()
    assert "99999" in run.output
    assert checkout.live.find("Job", "failed", checkout.namespace)
    assert not checkout.live.find("ConfigMap", "after", checkout.namespace)
    if arguments:
        assert checkout.live.find("ConfigMap", "other", checkout.namespace)
        assert run.messages(f"{checkout.id}/app")[-1] == (
            f"{checkout.id}/app: wave 0 could not be applied; what comes after it is left as it "
            "is; see what the API server says above, then run again"
        )
    checkout.write("app", objects.service("wrong"), failed, after)
    checkout.twice()
    checkout.destroy().succeeded()
