"""Applications wait for each other: by dependsOn, by their waves, and for who answers webhooks."""

from __future__ import annotations

from typing import Any

import pytest

from tests.e2e import objects
from tests.e2e.checkout import Checkout, application_set
from tests.e2e.live import CONFIG_MAPS, Body

pytestmark = pytest.mark.e2e

WAVE = "argocd.argoproj.io/sync-wave"
OPTIONS = ("CreateNamespace=true", "ServerSideApply=true", "Timeout=3")
NOWHERE = {"no-node-has": "this"}


def pods(name: str, **pod: Any) -> dict[str, Any]:
    """The Pod of a workload."""
    containers = [{"name": "main", "image": "example/app:1"}]
    return {"metadata": {"labels": {"app": name}}, "spec": {"containers": containers, **pod}}


def job(name: str) -> Body:
    """A Job whose Pod runs to its end."""
    return objects.thing(
        "batch/v1", "Job", name, spec={"template": pods(name, restartPolicy="Never")}
    )


def deployment(name: str, **pod: Any) -> Body:
    """A Deployment of one Pod."""
    spec = {"selector": {"matchLabels": {"app": name}}, "template": pods(name, **pod)}
    return objects.thing("apps/v1", "Deployment", name, spec=spec)


def depends_on(checkout: Checkout, name: str, *needed: str) -> None:
    """Write an Application's settings file."""
    names = ", ".join(f"{checkout.id}/{each}" for each in needed)
    checkout.text(name, ".home-ops.yaml", f"dependsOn: [{names}]\n")


def revision(checkout: Checkout, kind: str, name: str) -> int:
    """The revision of the cluster in which an object was last written."""
    found = checkout.live.find(kind, name, checkout.namespace)
    assert found, f"there is no {kind} {name}"
    return int(found["metadata"]["resourceVersion"])


def names(checkout: Checkout) -> set[str]:
    """Our ConfigMaps in the cluster."""
    return {key.name for key in checkout.uids() if key.kind == "ConfigMap"}


def in_waves(checkout: Checkout) -> Body:
    """A second set, whose Applications are in wave 1."""
    late = application_set("late", path="late/*", namespace=checkout.namespace, options=OPTIONS)
    late["template"]["metadata"] = {
        "name": "{{cluster}}-late-{{path.basename}}",
        "annotations": {WAVE: "1"},
    }
    return late


def test_applications_wait_for_each_other(checkout: Checkout) -> None:
    """An Application begins when the Job of the one it depends on has ended, one of the next wave
    after that, and all go in reverse."""
    checkout.configure(application_set(options=OPTIONS), in_waves(checkout))
    checkout.write("database", job("migrate"), objects.config_map("database"))
    checkout.write("app", objects.config_map("app"))
    checkout.write("stays", objects.config_map("stays"))
    depends_on(checkout, "app", "database")
    late = checkout.root / "late" / "monitoring" / "objects.yaml"
    late.parent.mkdir(parents=True)
    late.write_text("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: late}\n")
    checkout.preview().succeeded()
    checkout.twice()
    migrated = revision(checkout, "Job", "migrate")
    assert (
        migrated < revision(checkout, "ConfigMap", "app") < revision(checkout, "ConfigMap", "late")
    )

    since = str(revision(checkout, "ConfigMap", "late"))
    for name in ("app", "database"):
        checkout.remove(name)
    late.write_text("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: later}\n")
    checkout.twice()
    gone = checkout.live.deletions(CONFIG_MAPS, checkout.namespace, since=since)
    deleted = [each["metadata"]["name"] for each in gone]
    assert sorted(deleted) == ["app", "database", "late"]
    assert deleted.index("app") < deleted.index("database")
    assert deleted.index("late") < deleted.index("app")


def test_what_depends_on_an_unhealthy_application_is_left_as_it_is(checkout: Checkout) -> None:
    """Its dependents wait for the next run, named with what they wait for; nothing is deleted, and
    all others are synced."""
    checkout.configure(application_set(options=OPTIONS))
    for name in ("database", "app", "beside"):
        checkout.write(name, objects.config_map(name), objects.config_map(f"{name}-dropped"))
    depends_on(checkout, "app", "database")
    checkout.twice()
    server = deployment("database", nodeSelector=NOWHERE)
    for name in ("database", "app", "beside"):
        checkout.write(name, objects.config_map(name, data="2"))
    checkout.write("database", server, file="server.yaml")
    run = checkout.up().failed()
    (message,) = run.messages(f"{checkout.id}/database")
    assert "wave 0 is not healthy after 3 seconds: Deployment.apps" in message
    waiting = (
        f"{checkout.id}/app: left as it is: it waits for {checkout.id}/database, which is not "
        f"synced; repair {checkout.id}/database"
    )
    assert run.messages(f"{checkout.id}/app") == [waiting]
    assert run.deleted == []
    assert len(names(checkout)) == 6
    data = {
        name: (checkout.live.find("ConfigMap", name, checkout.namespace) or {}).get("data")
        for name in ("database", "app", "beside")
    }
    assert data == {"database": {"value": "2"}, "app": {"value": "1"}, "beside": {"value": "2"}}

    checkout.text("database", "server.yaml", "kind: [unclosed\n")
    assert checkout.up().failed().messages(f"{checkout.id}/app") == [waiting]
    checkout.write("database", deployment("database"), file="server.yaml")
    checkout.twice()
    assert names(checkout) == {"database", "app", "beside"}


def test_a_cycle_is_refused_and_printed(checkout: Checkout) -> None:
    """The Applications of a cycle are named with it, in a preview as well; others go on."""
    for name in ("a", "b", "c"):
        checkout.write(name, objects.config_map(name))
    depends_on(checkout, "a", "b")
    depends_on(checkout, "b", "a")
    for run in (checkout.preview().failed(), checkout.up().failed()):
        for name in ("a", "b"):
            (message,) = run.messages(f"{checkout.id}/{name}")
            assert (
                f"waits for itself: {checkout.id}/a → {checkout.id}/b → {checkout.id}/a;" in message
            )
    assert names(checkout) == {"c"}
    depends_on(checkout, "b")
    checkout.twice()
    assert names(checkout) == {"a", "b", "c"}


def test_objects_a_webhook_is_asked_about_come_after_its_backend(checkout: Checkout) -> None:
    """The Application that renders the webhook's Service is healthy before those whose objects the
    webhook is asked about are applied; an object of its own waits for nobody."""
    rule = {
        "operations": ["CREATE"],
        "apiGroups": [""],
        "apiVersions": ["v1"],
        "resources": ["configmaps"],
    }
    webhook = {
        "name": "check.example.com",
        "rules": [rule],
        "clientConfig": {"service": {"namespace": checkout.namespace, "name": "zz"}},
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": checkout.namespace}},
        "admissionReviewVersions": ["v1"],
        "sideEffects": "None",
        "failurePolicy": "Ignore",
    }
    configuration = objects.thing(
        "admissionregistration.k8s.io/v1",
        "ValidatingWebhookConfiguration",
        f"{checkout.id}-check",
        webhooks=[webhook],
    )
    checkout.write("zz", configuration, objects.service("zz"), job("certificate"))
    checkout.write("app", objects.config_map("app"))
    checkout.twice()
    assert revision(checkout, "Job", "certificate") < revision(checkout, "ConfigMap", "app")
