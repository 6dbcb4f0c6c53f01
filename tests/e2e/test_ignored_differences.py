"""A field that somebody else owns is neither fought over nor reported, in any run."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from tests.e2e import objects
from tests.e2e.checkout import Checkout, application_set
from tests.e2e.conftest import NewCheckout
from tests.e2e.engine_run import EngineRun
from tests.e2e.live import Body, until

pytestmark = pytest.mark.e2e

OUTSIDER = "outsider"
KEYS = ("theirs", "ours")
CLIENT_SIDE = objects.options("ServerSideApply=false")
RULES = [
    {
        "group": "admissionregistration.k8s.io",
        "kind": "ValidatingWebhookConfiguration",
        "jqPathExpressions": [".webhooks[]?.clientConfig.caBundle"],
    },
    {"kind": "ConfigMap", "name": "{pointer,client}", "jsonPointers": ["/data/theirs"]},
    {"kind": "ConfigMap", "name": "manager", "managedFieldsManagers": [OUTSIDER]},
    {"kind": "Secret", "name": "whole", "jsonPointers": ["/data"]},
    {"kind": "Secret", "name": "part", "jsonPointers": ["/data/theirs"]},
]
SYSTEM = {
    "resource.customizations.ignoreDifferences.ServiceAccount": "jsonPointers: [/secrets]",
    "ignoreDifferences": {"apps_StatefulSet": {"jsonPointers": ["/spec/replicas"]}},
    "ignoreResourceUpdates.all": {"jsonPointers": ["/status"]},
}


def encoded(text: str) -> str:
    """Text as the data of a Secret has it."""
    return base64.b64encode(text.encode()).decode()


def tree(checkout: Checkout, said: str, *, replicas: int = 0) -> list[Body]:
    """Objects that say something in an ignored field, ``theirs``, and in one of our own."""
    name = f"{checkout.id}.example.com"
    webhook = {
        "name": name,
        "clientConfig": {"url": "https://127.0.0.1:9", "caBundle": encoded(said)},
        "admissionReviewVersions": ["v1"],
        "sideEffects": "None",
        "failurePolicy": "Ignore",
    }
    data = {"theirs": said, "ours": said}
    secret = {key: encoded(value) for key, value in data.items()}
    stateful_set = objects.stateful_set("system", service="system", annotations={"note": said})
    stateful_set["spec"]["replicas"] = replicas
    return [
        objects.thing(
            "admissionregistration.k8s.io/v1",
            "ValidatingWebhookConfiguration",
            name,
            annotations={"note": said},
            webhooks=[webhook],
        ),
        *(
            objects.thing("v1", "ConfigMap", each, data=data)
            for each in ("pointer", "manager", "other")
        ),
        objects.thing("v1", "ConfigMap", "client", annotations=CLIENT_SIDE, data=data),
        *(objects.thing("v1", "Secret", each, data=secret) for each in ("whole", "part")),
        stateful_set,
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shared:
    """A stack whose objects an outsider has written to after the first run."""

    checkout: Checkout
    first: Mapping[str, Any]
    second: EngineRun

    def says(self) -> dict[str, Any]:
        """What the objects in the cluster say."""
        checkout = self.checkout
        namespace = checkout.namespace
        found: dict[str, Any] = {}
        for name in ("pointer", "client", "manager", "other"):
            live = checkout.live.find("ConfigMap", name, namespace)
            assert live
            found[name] = tuple(live["data"][key] for key in KEYS)
        for name in ("whole", "part"):
            live = checkout.live.find("Secret", name, namespace)
            assert live
            found[name] = tuple(base64.b64decode(live["data"][k]).decode() for k in KEYS)
        hook = checkout.live.find("ValidatingWebhookConfiguration", f"{checkout.id}.example.com")
        assert hook
        bundle = base64.b64decode(hook["webhooks"][0]["clientConfig"]["caBundle"]).decode()
        found["webhook"] = (bundle, hook["metadata"]["annotations"]["note"])
        stateful_set = checkout.live.find("StatefulSet", "system", namespace)
        assert stateful_set
        found["replicas"] = stateful_set["spec"]["replicas"]
        return found

    def outsider_writes(self) -> None:
        """Another manager writes every ``theirs``, and one field that is not ignored."""
        checkout, core = self.checkout, f"/api/v1/namespaces/{self.checkout.namespace}"
        patches: dict[str, Body] = {
            f"{core}/configmaps/pointer": {"data": {"theirs": "theirs"}},
            f"{core}/configmaps/client": {"data": {"theirs": "theirs"}},
            f"{core}/configmaps/manager": {"data": {"theirs": "theirs"}},
            f"{core}/configmaps/other": {"data": {"theirs": "theirs"}},
            f"{core}/secrets/whole": {"data": {"theirs": encoded("theirs")}},
            f"{core}/secrets/part": {"data": {"theirs": encoded("theirs")}},
            f"/apis/apps/v1/namespaces/{checkout.namespace}/statefulsets/system/scale": {
                "spec": {"replicas": 1}
            },
        }
        for path, patch in patches.items():
            checkout.live.request("PATCH", f"{path}?fieldManager={OUTSIDER}", patch)
        path = (
            "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations/"
            f"{checkout.id}.example.com"
        )
        live = checkout.live.request("GET", path)
        live["webhooks"][0]["clientConfig"]["caBundle"] = encoded("theirs")
        checkout.live.request("PUT", f"{path}?fieldManager={OUTSIDER}", live)


FIRST = {
    **dict.fromkeys(("pointer", "client", "manager", "other", "whole", "part"), ("first", "first")),
    "webhook": ("first", "first"),
    "replicas": 0,
}
LATER = {
    **dict.fromkeys(("pointer", "client", "manager", "part", "webhook"), ("theirs", "later")),
    "other": ("later", "later"),
    "whole": ("theirs", "first"),
    "replicas": 1,
}


@pytest.fixture(scope="module")
def shared(new_checkout: NewCheckout) -> Shared:
    """Deploy; let the outsider write; deploy again."""
    checkout = new_checkout("ignored")
    rules = application_set()
    rules["template"]["spec"]["ignoreDifferences"] = RULES
    checkout.configure(rules, resourceCustomizations=SYSTEM)
    checkout.write("app", *tree(checkout, "first"))
    checkout.up().succeeded()
    made = Shared(checkout=checkout, first={}, second=EngineRun(exit_code=0, output="", seconds=0))
    first = made.says()
    made.outsider_writes()
    return Shared(checkout=checkout, first=first, second=checkout.twice())


def test_new_objects_get_all_fields(shared: Shared) -> None:
    """What does not exist yet is created with its ignored fields, too."""
    assert shared.first == FIRST


def test_what_an_outsider_wrote_is_no_difference(shared: Shared) -> None:
    """With everything in Git as it was, no run has anything to do."""
    # what a Secret holds is encrypted in the state: that it is the same but for a part of it shows
    # only to the engine, once
    assert shared.second.changes == [f"update core/v1:Secret {shared.checkout.namespace}/part"]


def test_a_change_leaves_ignored_fields_alone(shared: Shared) -> None:
    """A sync of other fields takes them all, ignored ones stay as the outsider wrote them, and a
    run after it, after a refresh or after the loss of the state has nothing to put right."""
    checkout = shared.checkout
    checkout.write("app", *tree(checkout, "later", replicas=2))
    assert checkout.preview().succeeded().changes
    run = checkout.twice()
    assert run.replaced == []
    assert shared.says() == LATER
    checkout.pulumi("refresh", "--yes", "--skip-preview").succeeded()
    assert checkout.twice().changes == []
    assert shared.says() == LATER
    checkout.lose_state()
    checkout.up().succeeded()  # takes the client-side object over server-side first
    checkout.twice()
    assert shared.says() == {**LATER, "whole": ("theirs", "later")}  # ours alone: Git's value


def test_a_rule_that_goes_gives_the_fields_back(shared: Shared) -> None:
    """Without the rules every field is what Git says."""
    checkout = shared.checkout
    checkout.configure()
    checkout.twice()
    assert shared.says() == {
        **dict.fromkeys(FIRST, ("later", "later")),
        "replicas": 2,
    }


def test_an_autoscaler_owns_the_replicas(checkout: Checkout) -> None:
    """The replicas of what a HorizontalPodAutoscaler scales are never set back, whether Git names
    them, changes them or no longer has them, and are Git's again once the autoscaler is gone. Of a
    Deployment it has not scaled yet they stay, too, though nobody but we ever wrote them."""

    def write(name: str, replicas: int | None, version: int = 1) -> None:
        body = objects.deployment(name, image=f"registry.example/app:{version}")
        del body["spec"]["replicas"]
        body["spec"] |= {"replicas": replicas} if replicas else {}
        checkout.write(name, body)

    def replicas(name: str) -> int:
        found = checkout.live.find("Deployment", name, checkout.namespace)
        assert found
        return int(found["spec"]["replicas"])

    def scaler(name: str) -> Body:
        body = objects.autoscaler(name, version="v2")
        body["spec"]["minReplicas"] = 2
        return body

    checkout.write("scalers", scaler("web"))  # in another Application
    write("web", 1)
    write("calm", 2)
    checkout.up().succeeded()
    until(lambda: replicas("web") == 2, "the autoscaler", seconds=120)
    assert checkout.twice().changes == []
    write("web", 3)
    checkout.write("scalers", scaler("web"), scaler("calm"))
    write("calm", None)
    assert checkout.twice().updated == []
    write("web", None, version=2)
    write("calm", None, version=2)
    namespace = checkout.namespace
    assert checkout.twice().updated == [
        f"Deployment {namespace}/calm",
        f"Deployment {namespace}/web",
    ]
    assert (replicas("web"), replicas("calm")) == (2, 2)
    checkout.write("scalers", objects.config_map("instead"))
    checkout.twice()  # while it is there, the autoscaler may scale at any moment
    write("web", 1, version=2)
    checkout.twice()
    assert replicas("web") == 1
