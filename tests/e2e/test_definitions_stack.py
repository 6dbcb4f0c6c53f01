"""CustomResourceDefinitions can be kept in a stack of their own."""

from __future__ import annotations

import json

import pytest

from tests.e2e import objects
from tests.e2e.checkout import Checkout
from tests.e2e.commands import gitops
from tests.e2e.live import Body
from tests.e2e.objects import config_map, thing
from tests.e2e.reconciling import PassRun, Reconciling

pytestmark = pytest.mark.e2e

KIND = "CustomResourceDefinition"


def configure(checkout: Checkout, *, separate: bool) -> None:
    checkout.configure(source={"repoURL": str(checkout.root)}, definitions={"separate": separate})


def widget(checkout: Checkout, size: int = 1, kind: str = "Widget") -> Body:
    spec = {"size": size}
    return thing(f"{checkout.id}.example/v1", kind, kind.lower(), spec=spec)


def definition(checkout: Checkout, kind: str = "Widget", **labels: str) -> Body:
    body = objects.definition(f"{checkout.id}.example", kind)
    return {**body, "metadata": {**body["metadata"], "labels": labels}}


def definitions(checkout: Checkout, stack: str = "") -> set[str]:
    """The names of the definitions in the state of a stack."""
    arguments = ("--stack", stack or checkout.stack)
    exported = json.loads(checkout.pulumi("stack", "export", *arguments).succeeded().output)
    found = exported["deployment"].get("resources") or ()
    return {each["urn"].rpartition("::")[2] for each in found if each["type"].endswith(KIND)}


def synced(passes: Reconciling, *, runs: int) -> PassRun:
    """Commit, a pass with so many engine runs, and one with nothing to do."""
    passes.commit()
    done = passes.once().expect(runs=runs)
    passes.once().expect(runs=0)
    return done


def test_a_stack_of_definitions(checkout: Checkout) -> None:
    """Switched on and off, definitions change the stack and keep their uid, as do their objects; in
    between, a change of one runs their stack alone, a run of everything else leaves them out, and a
    new one comes before its objects. What `pulumi destroy` takes away of that stack is the state
    alone."""
    other = f"{checkout.stack}-definitions"
    widgets, gadgets = (f"{each}s.{checkout.id}.example" for each in ("widget", "gadget"))
    configure(checkout, separate=False)
    passes = Reconciling(checkout)
    checkout.write("kinds", definition(checkout))
    checkout.write("user", widget(checkout), config_map("a"))
    synced(passes, runs=1)
    uids = checkout.uids()
    assert definitions(checkout) == {widgets}

    configure(checkout, separate=True)
    synced(passes, runs=3)
    assert checkout.uids() == uids
    assert (definitions(checkout), definitions(checkout, other)) == (set(), {widgets})
    versions = checkout.versions()
    for stack in (other, checkout.stack):
        run = checkout.up("--stack", stack).succeeded()
        assert run.changes == []
    assert checkout.versions() == versions

    checkout.write("kinds", definition(checkout, changed="yes"))
    synced(passes, runs=1)
    changed = {key.name for key, each in checkout.versions().items() if versions[key] != each}
    assert changed == {widgets}
    checkout.write("kinds", definition(checkout))
    synced(passes, runs=1)  # the cluster does not show that Git has given up a label
    found = checkout.live.find(KIND, widgets)
    assert found and "changed" not in found["metadata"]["labels"]

    more = {"reconciler": {"interval": "5m"}}
    checkout.configure(
        source={"repoURL": str(checkout.root)}, definitions={"separate": True}, **more
    )
    assert synced(passes, runs=1).report["engine"]["full"]

    checkout.write("user", widget(checkout, 2), config_map("a"))
    assert not synced(passes, runs=1).report["engine"]["full"]
    checkout.write("new", definition(checkout, "Gadget"), widget(checkout, kind="Gadget"))
    synced(passes, runs=2)
    assert definitions(checkout, other) == {widgets, gadgets}
    uids = checkout.uids()

    checkout.write("new", widget(checkout, kind="Gadget"))
    passes.commit()
    passes.once()
    stopped = checkout.up("--stack", other).succeeded()
    assert "--confirm prune-" in stopped.output
    assert checkout.uids() == uids
    checkout.write("new", definition(checkout, "Gadget"), widget(checkout, kind="Gadget"))

    configure(checkout, separate=False)
    passes.commit()
    passes.once().expect(runs=2)
    assert checkout.uids() == uids
    assert (definitions(checkout), definitions(checkout, other)) == ({widgets, gadgets}, set())
    passes.once().expect(runs=0)


def test_protection(checkout: Checkout) -> None:
    """Without the definitions' own stack `pulumi up` says what is missing and applies nothing, and
    `gitops preview` shows both; with it, in the order the message names, it works. Destroying that
    stack deletes no definition."""
    other = f"{checkout.stack}-definitions"
    configure(checkout, separate=True)
    checkout.write("one", definition(checkout), widget(checkout))
    refused = checkout.up().failed()
    assert f"pulumi up --stack {other}" in refused.output
    assert checkout.uids() == {}
    shown = gitops(checkout, "preview").expect().output
    first, _, second = shown.partition(f"Previewing update ({checkout.stack})")
    assert f"({other})" in first
    assert "CustomResourceDefinition" in first
    assert "Widget" in second
    assert checkout.uids() == {}
    checkout.up("--stack", other).succeeded()
    checkout.twice()
    uids = checkout.uids()
    checkout.destroy("--stack", other).succeeded()
    assert checkout.uids() == uids


def test_rolling_back(checkout: Checkout) -> None:
    """An Application can be rolled back whose definition stays as it is, and stays so while other
    definitions change; where its own would be another one, the rollback is refused and has not
    begun."""
    name = f"{checkout.id}/one"
    configure(checkout, separate=True)
    passes = Reconciling(checkout)
    checkout.write("one", definition(checkout), widget(checkout))
    synced(passes, runs=2)
    checkout.write("one", definition(checkout), widget(checkout, 2))
    synced(passes, runs=1)
    assert size(checkout) == 2

    gitops(checkout, "app", "rollback", name).expect()
    assert size(checkout) == 1
    passes.once().expect(runs=0)
    checkout.write("other", definition(checkout, "Gadget"))
    synced(passes, runs=1)
    assert size(checkout) == 1
    gitops(checkout, "app", "resume", name).expect()
    passes.once().expect(runs=1)
    assert size(checkout) == 2

    checkout.write("one", definition(checkout, changed="yes"), widget(checkout, 3))
    synced(passes, runs=2)
    before = checkout.versions(), passes.records()["one"]["spec"]
    refused = gitops(checkout, "app", "rollback", name).expect(1)
    assert "its definitions are in a stack of their own" in refused.errors
    passes.once().expect(runs=0)
    assert (checkout.versions(), passes.records()["one"]["spec"]) == before


def size(checkout: Checkout) -> int:
    group, plural = f"{checkout.id}.example", "widgets"
    path = f"/apis/{group}/v1/namespaces/{checkout.namespace}/{plural}/widget"
    return int(checkout.live.request("GET", path)["spec"]["size"])
