"""Sync options that stop an Application, or let it pass, each in a stack of its own."""

from __future__ import annotations

import pytest

from tests.e2e import objects
from tests.e2e.checkout import Checkout, application_set
from tests.e2e.conftest import NewCheckout
from tests.e2e.live import CONFIG_MAPS, until

pytestmark = pytest.mark.e2e


def test_kind_that_nothing_serves(checkout: Checkout) -> None:
    """SkipDryRunOnMissingResource lets a preview pass, with a warning, before the kind is served;
    the object is applied when it is."""
    group = f"{checkout.id}.example"
    options = ("CreateNamespace=true", "SkipDryRunOnMissingResource=true")
    checkout.configure(application_set(options=options))
    checkout.write("app", objects.thing(f"{group}/v1", "Late", "late", spec={"a": "1"}))
    planned = checkout.preview().succeeded()
    assert f"Late {checkout.namespace}/late" in planned.created
    assert f"nothing provides the kind Late of {group}/v1 yet" in planned.output
    definition = objects.definition(group, "Late")
    path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
    checkout.live.request("POST", path, definition)
    served = f"/apis/{group}/v1/lates"
    until(lambda: checkout.live.request("GET", served, missing=True), "the kind to be served")
    checkout.twice()
    assert checkout.live.find("Late", "late", checkout.namespace)


def test_fail_on_shared_resource(checkout: Checkout, new_checkout: NewCheckout) -> None:
    """What another stack or an ArgoCD has in the cluster breaks the Application that asks for it,
    and nothing of it is applied; another Application takes the object over."""
    other = new_checkout("sharing")
    namespace = f"{checkout.id}-shared"
    sets = [
        application_set(
            name, path=f"apps/{name}/*", namespace=namespace, options=("CreateNamespace=true", *opt)
        )
        for name, opt in (("asking", ("FailOnSharedResource=true",)), ("silent", ()))
    ]
    other.configure(application_set(path="apps/*/*", namespace=namespace))
    other.write("app", objects.keyed("ours", a="other"), objects.keyed("taken", a="other"))
    other.up().succeeded()
    tracking = f"argocd-app:/ConfigMap:{namespace}/argos"
    annotations = {"argocd.argoproj.io/tracking-id": tracking}
    checkout.live.request(
        "POST", CONFIG_MAPS.path(namespace), objects.keyed("argos", annotations, a="other")
    )
    checkout.configure(*sets)
    for name in ("ours", "argos"):
        checkout.write(
            f"asking/{name}", objects.keyed(name, a="1"), objects.keyed(f"by-{name}", a="1")
        )
    checkout.write("asking/fine", objects.keyed("fine", a="1"))
    checkout.write("silent/app", objects.keyed("taken", a="1"))
    run = checkout.up().failed()
    (message,) = run.messages("asking/argos")
    assert f"ConfigMap {namespace}/argos is in the cluster already" in message
    assert "Application argocd-app of an ArgoCD" in message
    (message,) = run.messages("asking/ours")
    assert f"of the stack {other.stack}" in message
    live = {
        body["metadata"]["name"]: body["data"]["a"]
        for body in checkout.live.request("GET", CONFIG_MAPS.path(namespace))["items"]
        if "a" in body["data"]
    }
    assert live == {"ours": "other", "argos": "other", "taken": "1", "fine": "1"}


def test_prune_confirm_of_an_application(checkout: Checkout) -> None:
    """Prune=confirm of an Application makes its sync wait for a confirmation, but for an object
    that says Prune=true."""
    checkout.configure(application_set(options=("CreateNamespace=true", "Prune=confirm")))
    permits = objects.options("Prune=true")
    first = [objects.keyed(name, a="0") for name in ("stays", "left")]
    checkout.write("app", *first, objects.keyed("free", permits, a="0"))
    checkout.twice()
    checkout.write("app", *first)
    checkout.up().succeeded()
    assert not checkout.live.find("ConfigMap", "free", checkout.namespace)
    checkout.write("app", objects.keyed("stays", a="0"))
    run = checkout.twice()
    assert "confirmation is wanted for" in run.output
    assert f"ConfigMap {checkout.namespace}/left" in run.output
    assert checkout.live.find("ConfigMap", "left", checkout.namespace)
