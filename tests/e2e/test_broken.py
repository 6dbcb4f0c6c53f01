"""What is broken keeps what it had, everything else is synced, and nothing is deleted meanwhile."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from tests.e2e import objects
from tests.e2e.checkout import Checkout
from tests.e2e.conftest import NewCheckout
from tests.e2e.engine_run import EngineRun
from tests.e2e.independent import check, same_objects
from tests.e2e.live import Key

pytestmark = pytest.mark.e2e

BROKEN = {
    "operator": "objects.yaml",
    "kustomized": "missing.yaml",
    "emptied": "no kustomization.yaml",
    "never-deployed": "kind",
    "Bad_Name": "no DNS label",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Breakage:
    """A tree in which much broke in the commit that also adds, edits and removes."""

    checkout: Checkout
    before: Mapping[Key, str]
    planned: EngineRun
    run: EngineRun
    after: Mapping[Key, str]

    def live(self, kind: str, name: str) -> dict[str, Any] | None:
        """An object in the checkout's namespace."""
        return self.checkout.live.find(kind, name, self.checkout.namespace)


@pytest.fixture(scope="module")
def breakage(new_checkout: NewCheckout) -> Breakage:
    """Deploy, break, deploy."""
    checkout = new_checkout("broken")
    lay_out(checkout)
    checkout.up().succeeded()
    before = check(checkout)
    break_it(checkout)
    planned = checkout.preview().failed()
    run = checkout.up().failed()
    return Breakage(
        checkout=checkout, before=before, planned=planned, run=run, after=checkout.uids()
    )


def lay_out(checkout: Checkout) -> None:
    """A whole tree: an operator, a user of its definition, and others."""
    group = f"{checkout.id}.example"
    checkout.write("operator", objects.definition(group, "Thing"), objects.deployment("operator"))
    checkout.write("user", objects.thing(f"{group}/v1", "Thing", "used", spec={"size": 1}))
    checkout.text("kustomized", "kustomization.yaml", "resources: [objects.yaml]\n")
    checkout.write("kustomized", objects.config_map("kustomized"))
    checkout.write("emptied", objects.config_map("emptied"))
    checkout.write("healthy", objects.config_map("healthy"), objects.config_map("dropped"))
    checkout.write("leaving", objects.config_map("leaving"))


def break_it(checkout: Checkout) -> None:
    """One commit that breaks five directories and does something to all others."""
    group = f"{checkout.id}.example"
    checkout.text("operator", "objects.yaml", "kind: [unclosed\n")
    checkout.text("kustomized", "kustomization.yaml", "resources: [objects.yaml, missing.yaml]\n")
    (checkout.app("emptied") / "objects.yaml").rename(checkout.app("emptied") / "objects.txt")
    checkout.write("never-deployed", {"apiVersion": "v1", "metadata": {"name": "no-kind"}})
    checkout.write("Bad_Name", objects.config_map("bad-name"))
    checkout.write("user", objects.thing(f"{group}/v1", "Thing", "used", spec={"size": 2}))
    checkout.write("healthy", objects.config_map("healthy", data="2"))
    checkout.write("added", objects.config_map("added"))
    checkout.remove("leaving")


@pytest.mark.parametrize(("name", "reason"), BROKEN.items())
def test_each_is_named_once_with_its_reason(breakage: Breakage, name: str, reason: str) -> None:
    """One message names every broken Application, in the preview as well."""
    for run in (breakage.planned, breakage.run):
        subject = f"{breakage.checkout.id}/{name}"
        about = [*run.messages(subject), *run.messages(f"apps/{subject}")]
        assert len(about) == 1, run.output
        assert reason in about[0]


def test_nothing_is_deleted(breakage: Breakage) -> None:
    """Neither what broken Applications had, nor what others dropped, nor the Application that left
    Git in the same commit."""
    assert breakage.before.keys() <= breakage.after.keys()
    same_objects(breakage.before, breakage.after)
    assert breakage.run.deleted == breakage.run.replaced == []
    assert breakage.planned.deleted == []


def test_others_are_synced(breakage: Breakage) -> None:
    """Healthy Applications are created and updated, also the one that uses a definition whose owner
    is broken."""
    healthy, used = breakage.live("ConfigMap", "healthy"), breakage.live("Thing", "used")
    assert healthy and healthy["data"] == {"value": "2"}
    assert used and used["spec"] == {"size": 2}
    assert breakage.live("ConfigMap", "added")


def test_again_with_the_engine_told_to_go_on(breakage: Breakage) -> None:
    """The same broken tree once more does nothing, and ``--continue-on-error`` is no way to have
    the deletions carried out."""
    run = breakage.checkout.up("--continue-on-error").failed()
    assert run.changes == []
    assert breakage.checkout.uids() == breakage.after


def test_repaired(breakage: Breakage) -> None:
    """Once all are whole the deletions that waited are carried out, and all objects are the ones
    they were."""
    checkout = breakage.checkout
    lay_out(checkout)
    (checkout.app("emptied") / "objects.txt").unlink()
    for name in ("never-deployed", "Bad_Name", "leaving"):
        checkout.remove(name)
    checkout.write("healthy", objects.config_map("healthy"))
    run = checkout.twice()
    namespace = checkout.namespace
    assert run.deleted == [f"ConfigMap {namespace}/dropped", f"ConfigMap {namespace}/leaving"]
    same_objects(breakage.before, check(checkout))
