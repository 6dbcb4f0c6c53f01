"""Hooks run at their moment of a sync that changes something, and at no other."""

from __future__ import annotations

import json

import pytest

from tests.e2e import objects
from tests.e2e.checkout import Checkout, application_set
from tests.e2e.hooks import (
    JOBS,
    began,
    ended,
    hook,
    in_wave,
    job,
    jobs,
    meanwhile,
    ran,
    uids,
    value,
)
from tests.e2e.live import Body, until

pytestmark = pytest.mark.e2e


def test_every_phase_at_its_moment(checkout: Checkout) -> None:
    """PreSync before the first object, Sync in its wave, PostSync after the last one is healthy;
    Helm's hooks by weight; what has to go is gone. Nothing runs in a preview or when nothing
    changed, and everything when something did. With an Application all goes that its hooks left."""
    one = _phases()
    checkout.write("one", *one)
    _write_chart(checkout, "two")
    assert checkout.preview().succeeded().messages("one") == []
    assert jobs(checkout) == {}
    first = checkout.twice()

    found = jobs(checkout)
    generated = [name for name in found if name.startswith("each-time-")]
    assert sorted(found) == sorted(["before", "between", "light", "heavy", "later", *generated])
    assert len(generated) == 1
    live = {name: checkout.live.find("ConfigMap", name, checkout.namespace) for name in
            ("first", "second", "rendered")}  # fmt: skip
    assert ended(found["before"]) <= began(live["first"]) <= began(found["between"])
    assert ended(found["between"]) <= began(live["second"]) <= began(found[generated[0]])
    assert ended(found["light"]) <= began(found["heavy"])
    assert ended(found["heavy"]) <= began(live["rendered"]) <= began(found["later"])
    assert {"runner", "before", "between", "after"} <= set(ran(first))
    assert "never" not in ran(first)

    before = uids(checkout)
    checkout.write("one", *(each if each["kind"] == "Job" else _changed(each) for each in one))
    again = checkout.up().succeeded()
    assert {"before", "between", "after"} <= set(ran(again))
    assert {"light", "heavy"}.isdisjoint(ran(again))
    now = uids(checkout)
    assert now["before"] != before["before"]
    assert now["light"] == before["light"]
    assert len([name for name in now if name.startswith("each-time-")]) == 2
    checkout.twice()
    checkout.remove("two")
    assert ran(checkout.up().succeeded()) == ["farewell", "gone"]
    assert {"light", "heavy", "later", "farewell"}.isdisjoint(jobs(checkout))


def test_a_failing_hook_stops_its_application_alone(checkout: Checkout) -> None:
    """A PreSync hook that fails leaves every object of its Application as it is; the SyncFail hooks
    run, others are synced, the run fails with how the Job ended. Repaired, the next run does all of
    it. SyncFail hooks also run when the API server refuses an object."""

    def write(data: str, *, fails: bool = False, labels: dict[str, str] | None = None) -> None:
        one = objects.config_map("one", data)
        one["metadata"]["labels"] = labels or {}
        migrate = job("migrate", hook("PreSync"), fails=fails)
        checkout.write("one", migrate, one, job("alarm", hook("SyncFail")))
        checkout.write("two", objects.config_map("two", data))

    write("1")
    checkout.up().succeeded()
    write("2", fails=True)
    run = checkout.up().failed()
    assert (value(checkout, "one"), value(checkout, "two")) == ("1", "2")
    subject = f"{checkout.id}/one"
    (error,) = [each for each in run.messages(subject) if " failed after " in each]
    assert f"PreSync hook Job.batch {checkout.namespace}/migrate failed after" in error
    assert "BackoffLimitExceeded" in error
    assert "container main ended with Error, exit code 1" in run.output
    assert "container main: no log (" in run.output
    assert "repair it; it runs again in the next sync" in run.output
    assert ran(run) == ["migrate", "alarm"]
    assert ran(checkout.up().failed()) == ["migrate", "alarm"]
    write("2")
    assert ran(checkout.twice()) == ["migrate"]
    assert value(checkout, "one") == "2"
    write("3", labels={"not-a": "label value"})
    for _ in range(2):
        assert ran(checkout.up().failed()) == ["migrate", "alarm"]
    assert value(checkout, "one") == "2"


def test_a_sync_that_failed_begins_anew(checkout: Checkout) -> None:
    """As in ArgoCD, the next sync of the same content runs its hooks again and waits for all its
    waves; once it has succeeded nothing runs any more."""
    checkout.configure(application_set(options=("CreateNamespace=true", "Timeout=3")))
    label = f"{checkout.id}.example/ready"
    server = objects.deployment("server")
    server["metadata"]["annotations"] = in_wave(1)
    server["spec"]["replicas"] = 1
    server["spec"]["template"]["spec"]["nodeSelector"] = {label: "true"}
    checkout.write(
        "one",
        job("migrate", hook("PreSync")),
        objects.config_map("one"),
        server,
        objects.config_map("late", annotations=in_wave(2)),
    )
    made = None
    for _ in range(2):
        run = checkout.up().failed()
        assert "wave 1 is not healthy after 3 seconds" in run.output
        assert ran(run) == ["migrate"]
        assert uids(checkout)["migrate"] != made
        made = uids(checkout)["migrate"]
    assert value(checkout, "late") is None
    nodes = checkout.live.request("GET", "/api/v1/nodes")["items"]
    path = f"/api/v1/nodes/{nodes[0]['metadata']['name']}"
    checkout.live.request("PATCH", path, {"metadata": {"labels": {label: "true"}}})
    assert ran(checkout.twice()) == ["migrate"]
    assert value(checkout, "late") == "1"
    checkout.live.request("PATCH", path, {"metadata": {"labels": {label: None}}})


def test_what_interrupts_a_hook(checkout: Checkout) -> None:
    """A run killed while a hook runs, a hook that is deleted by hand and one that hangs leave
    objects as they were and an Application that the next run puts right."""

    policies = ("BeforeHookCreation", "HookSucceeded")

    def write(*, hangs: bool) -> None:
        migrate = job("migrate", hook("PreSync", *policies), hangs=hangs)
        checkout.write("one", migrate, objects.config_map("one"))

    write(hangs=True)
    checkout.kill_up(lambda: "migrate" in jobs(checkout))
    left = uids(checkout)
    run = meanwhile(checkout, lambda: _delete_by_hand(checkout, "migrate"))
    assert "was deleted before it had ended" in run.failed().output
    checkout.configure(application_set(options=("CreateNamespace=true", "Timeout=3")))
    run = checkout.up().failed()
    assert f"Job.batch {checkout.namespace}/migrate has not ended after" in run.output
    assert "not scheduled" in run.output
    assert uids(checkout)["migrate"] != left["migrate"]
    assert value(checkout, "one") is None
    checkout.configure()
    write(hangs=False)
    checkout.twice()
    assert value(checkout, "one") == "1"
    assert jobs(checkout) == {}


def _phases() -> list[Body]:
    """An Application with a hook of every phase of a sync."""
    return [
        objects.thing("v1", "ServiceAccount", "runner", annotations=hook("PreSync", wave=-2)),
        job("before", hook("PreSync")),
        objects.config_map("first"),
        job("between", hook("Sync", wave=1)),
        objects.config_map("second", annotations=in_wave(2)),
        job("after", hook("PostSync", "HookSucceeded")),
        job("each-time-", hook("PostSync", "HookFailed"), generate=True),
        job("never", hook("SyncFail")),
        job("skipped", hook("Skip")),
    ]


def _write_chart(checkout: Checkout, name: str) -> None:
    def weighted(weight: int) -> dict[str, str]:
        return {"helm.sh/hook": "pre-install,pre-upgrade", "helm.sh/hook-weight": str(weight)}

    checkout.text(name, "Chart.yaml", "apiVersion: v2\nname: two\nversion: 1.0.0\n")
    templates: list[Body] = [
        job("heavy", weighted(5)),
        job("later", {"helm.sh/hook": "post-install,post-upgrade"}),
        job("farewell", {"helm.sh/hook": "pre-delete"}),
        job("gone", {"helm.sh/hook": "post-delete"}),
        job("light", weighted(-5)),
        job("unused", {"helm.sh/hook": "test"}),
        objects.config_map("rendered"),
    ]
    for each in templates:
        file = f"templates/{each['metadata']['name']}.yaml"
        checkout.text(name, file, json.dumps(each))


def _changed(body: Body) -> Body:
    return {**body, "data": {"value": "2"}} if "data" in body else body


def _delete_by_hand(checkout: Checkout, name: str) -> None:
    """Delete the Job that a run has just made, not one that was there before."""
    before = uids(checkout)
    path = JOBS.path(checkout.namespace, name)
    until(lambda: uids(checkout).get(name) not in (None, before.get(name)), "a Job", seconds=60)
    checkout.live.request("DELETE", f"{path}?propagationPolicy=Background")
