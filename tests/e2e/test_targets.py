"""Pulumi's own commands do what their users expect of them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.e2e import objects
from tests.e2e.checkout import Checkout
from tests.e2e.conftest import NewCheckout
from tests.e2e.independent import check, same_objects

pytestmark = pytest.mark.e2e

APPLICATION = "home-ops:index:Application"


@pytest.fixture(scope="module")
def deployed(new_checkout: NewCheckout) -> Checkout:
    """Three Applications, deployed; all tests of this file begin with a change of theirs."""
    checkout = new_checkout("targets")
    for name in ("one", "two", "leaving"):
        changed, dropped = objects.config_map(f"{name}-changed"), objects.config_map(name)
        checkout.write(name, changed, dropped)
    checkout.up().succeeded()
    return checkout


def urns(checkout: Checkout, application: str) -> list[str]:
    """The URNs an Application and its objects have in the state."""
    state = checkout.state()
    applications = (each["urn"] for each in state if each["type"] == APPLICATION)
    (own,) = (u for u in applications if u.endswith(f"::e2e-{checkout.id}-{application}"))
    return [own, *(each["urn"] for each in state if each.get("parent") == own)]


def targets(checkout: Checkout, application: str) -> list[str]:
    """The arguments that limit a run to an Application."""
    return [part for urn in urns(checkout, application) for part in ("--target", urn)]


def edit(checkout: Checkout, name: str, data: str) -> None:
    """Change one object, drop one, add one."""
    added = objects.config_map(f"{name}-added")
    checkout.write(name, objects.config_map(f"{name}-changed", data=data), added)


def test_targeted_up_leaves_others_alone(deployed: Checkout) -> None:
    """With the URNs of one Application, its changes are made and those of others wait."""
    namespace = deployed.namespace
    before = deployed.uids()
    for name in ("one", "two"):
        edit(deployed, name, "2")
    new = targets(deployed, "one")[-1].rpartition("::")[0] + f"::{namespace}/one-added"
    run = deployed.up(*targets(deployed, "one"), "--target", new).succeeded()
    assert run.updated == [f"ConfigMap {namespace}/one-changed"]
    assert run.created == [f"ConfigMap {namespace}/one-added"]
    assert run.deleted == [f"ConfigMap {namespace}/one"]
    names = {key.name for key in deployed.uids() if key.kind == "ConfigMap"}
    assert names == {"one-changed", "one-added", "two-changed", "two", "leaving-changed", "leaving"}
    waiting = deployed.live.find("ConfigMap", "two-changed", namespace)
    assert waiting and waiting["data"] == {"value": "1"}
    same_objects(before, deployed.uids())


def test_targeted_up_with_dependents(deployed: Checkout) -> None:
    """The Application's own URN is enough with ``--target-dependents``."""
    for name in ("one", "two"):
        edit(deployed, name, "3")
    own = urns(deployed, "one")[0]
    run = deployed.up("--target", own, "--target-dependents").succeeded()
    assert run.updated == [f"ConfigMap {deployed.namespace}/one-changed"]


def test_targeted_up_removes_an_application(deployed: Checkout) -> None:
    """The URNs of an Application that left Git are enough to remove it, and it alone."""
    arguments = targets(deployed, "leaving")
    deployed.remove("leaving")
    edit(deployed, "two", "4")
    run = deployed.up(*arguments).succeeded()
    namespace = deployed.namespace
    gone = ("leaving", "leaving-changed")
    assert run.deleted == [f"ConfigMap {namespace}/{name}" for name in gone]
    assert (run.created, run.updated) == ([], [])


def test_whole_up_catches_up(deployed: Checkout) -> None:
    """What waited is done by the next run of everything."""
    for name in ("one", "two"):
        edit(deployed, name, "5")
    if deployed.app("leaving").exists():
        deployed.remove("leaving")
    deployed.twice()
    check(deployed)


def test_stack_graph(deployed: Checkout, tmp_path: Path) -> None:
    """``pulumi stack graph`` draws the Applications and their objects."""
    graph = tmp_path / "graph.dot"
    deployed.pulumi("stack", "graph", str(graph)).succeeded()
    drawn = graph.read_text()
    for part in (f"e2e-{deployed.id}-two", f"{deployed.namespace}/two"):
        assert part in drawn


def test_state_holds_no_credentials(deployed: Checkout) -> None:
    """The provider reads KUBECONFIG itself: no kubeconfig and no token is in the state."""
    (provider,) = (
        each for each in deployed.state() if each["type"] == "pulumi:providers:kubernetes"
    )
    assert "kubeconfig" not in provider["inputs"]
    kubeconfig = json.loads(Path(deployed.environment["KUBECONFIG"]).read_text())
    text = deployed.state_text()
    assert deployed.stack in text
    assert kubeconfig["users"][0]["user"]["token"] not in text
    assert kubeconfig["clusters"][0]["cluster"]["server"] not in text
