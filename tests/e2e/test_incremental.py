"""A commit that changes some Applications is synced without the others being looked at."""

from __future__ import annotations

from typing import Any

import pytest

from tests.e2e import objects
from tests.e2e.checkout import Checkout
from tests.e2e.hooks import hook, in_wave, job, jobs
from tests.e2e.live import Body
from tests.e2e.objects import config_map, thing
from tests.e2e.reconciling import PassRun, Reconciling

pytestmark = pytest.mark.e2e


@pytest.fixture
def passes(checkout: Checkout) -> Reconciling:
    checkout.configure(source={"repoURL": str(checkout.root)})
    return Reconciling(checkout)


def synced(passes: Reconciling, *names: str) -> PassRun:
    """Commit, and a pass that syncs exactly these Applications with one run of a part; the next one
    has nothing to do."""
    passes.commit()
    done = passes.once().expect(runs=1)
    assert not done.report["engine"]["full"], done.report["warnings"]
    synced = [each["name"] for each in done.report["applications"] if "operation" in each]
    assert sorted(name.rpartition("-")[2] for name in synced) == sorted(names)
    passes.once().expect(runs=0)
    return done


def named(found: dict[Any, Any]) -> dict[str, Any]:
    """By the objects' names, without the records of the reconciler."""
    return {key.name: value for key, value in found.items() if key.kind != "Application"}


def dependencies(checkout: Checkout, name: str) -> set[str]:
    """The names of what the state says an object is deleted before."""
    found = [each for each in checkout.state() if each["urn"].endswith(f"/{name}")]
    assert len(found) == 1
    return {urn.rpartition("::")[2].rpartition("/")[2] for urn in found[0].get("dependencies", ())}


def is_as_a_whole_run_leaves_it(checkout: Checkout) -> None:
    """A run of everything finds no object to change, and touches none."""
    before = checkout.versions()
    run = checkout.up().succeeded()
    assert (run.created, run.updated, run.deleted, run.replaced) == ([], [], [], [])
    assert checkout.versions() == before


def test_what_a_commit_changes(checkout: Checkout, passes: Reconciling) -> None:
    """Added, edited, moved, renamed and removed: each is one run of the Applications concerned. All
    others keep their versions, what moves keeps its uid, and what an object of another Application
    is needed for stays known, so that the order of a later deletion is right."""
    group = f"{checkout.id}.example"
    widget = thing(f"{group}/v1", "Widget", "w", spec={"size": 1})
    checkout.write("kinds", objects.definition(group, "Widget"))
    checkout.write("user", widget, config_map("u"))
    checkout.write("one", config_map("a"), config_map("b"))
    checkout.write("two", config_map("c"))
    passes.commit()
    assert passes.once().expect(runs=1).report["engine"]["full"]
    before = named(checkout.versions())

    checkout.write("user", {**widget, "spec": {"size": 2}}, config_map("u"))
    edited = synced(passes, "user")
    assert edited.app("user")["operation"]["changes"] == {"updated": 1}
    now = named(checkout.versions())
    assert {name for name, version in now.items() if version != before[name]} == {"w"}
    assert dependencies(checkout, "w") == {f"widgets.{group}", checkout.namespace}

    checkout.write("user", {**widget, "spec": {"size": 2}}, {**widget, "metadata": {"name": "x"}})
    checkout.write("three", config_map("d"))
    synced(passes, "user", "three")
    assert dependencies(checkout, "x") == {f"widgets.{group}", checkout.namespace}
    uids = named(checkout.uids())
    assert "u" not in uids

    checkout.write("one", config_map("a"))
    checkout.write("two", config_map("b"), config_map("c"))
    moved = synced(passes, "two")
    assert named(checkout.uids()) == uids
    assert moved.app("two")["operation"]["changes"] == {"updated": 1}

    checkout.app("two").rename(checkout.app("renamed"))
    synced(passes, "renamed")
    assert named(checkout.uids()) == uids
    assert f"e2e-{checkout.id}-two" not in {urn_name(each) for each in checkout.state()}

    untouched = named(checkout.versions())
    checkout.remove("renamed")
    synced(passes, "renamed")
    assert named(checkout.versions()) == {n: v for n, v in untouched.items() if n not in "bc"}
    is_as_a_whole_run_leaves_it(checkout)


def urn_name(resource: Body) -> str:
    """The logical name of a resource of the state."""
    return str(resource["urn"]).rpartition("::")[2]


def test_what_others_need(checkout: Checkout, passes: Reconciling) -> None:
    """A change of something that others depend on runs everything, and the state fits together
    afterwards; as long as it does not change, the rest of its Application is synced alone."""
    group = f"{checkout.id}.example"
    kind = objects.definition(group, "Widget")
    checkout.write("kinds", kind, config_map("k"))
    checkout.write("user", thing(f"{group}/v1", "Widget", "w", spec={"size": 1}))
    passes.commit()
    passes.once().expect(runs=1)

    checkout.write("kinds", kind, config_map("k", "2"))
    done = synced(passes, "kinds")
    assert done.app("kinds")["operation"]["changes"] == {"updated": 1}

    kind["metadata"]["labels"] = {"changed": "yes"}
    checkout.write("kinds", kind, config_map("k", "3"))
    passes.commit()
    whole = passes.once().expect(runs=1)
    assert whole.report["engine"]["full"]
    assert any("others depend on" in each for each in whole.report["warnings"])
    passes.once().expect(runs=0)
    is_as_a_whole_run_leaves_it(checkout)


def test_waves_and_hooks(checkout: Checkout, passes: Reconciling) -> None:
    """In a run of a part, waves wait and hooks run as in any other; an Application that leaves Git
    is deleted between its hooks; what fails is its own failure and nobody else's."""
    first, second = config_map("first", **{"annotations": in_wave(-1)}), config_map("second")
    checkout.write("other", config_map("other"))
    checkout.write("one", first, second, job("before", hook("PreSync")))
    passes.commit()
    passes.once().expect(runs=1)
    assert sorted(jobs(checkout)) == ["before"]
    ran = jobs(checkout)["before"]["metadata"]["uid"]

    checkout.write("other", config_map("other", "2"))
    synced(passes, "other")
    assert jobs(checkout)["before"]["metadata"]["uid"] == ran

    goodbye = job("goodbye", hook("PostDelete"))
    checkout.write(
        "one", first, {**second, "data": {"value": "2"}}, job("before", hook("PreSync")), goodbye
    )
    synced(passes, "one")
    assert jobs(checkout)["before"]["metadata"]["uid"] != ran

    checkout.write(
        "one",
        {**first, "data": {"value": "3"}},
        second,
        job("before", hook("PreSync"), fails=True),
        goodbye,
    )
    checkout.write("other", config_map("other", "3"))
    passes.commit()
    failed = passes.once().expect(1)
    assert not failed.report["engine"]["full"]
    assert failed.sync("other") == "Synced"
    assert failed.app("one")["operation"]["phase"] == "Failed"
    assert "before" in failed.app("one")["operation"]["message"]
    live = checkout.live.find("ConfigMap", "first", checkout.namespace)
    assert live and live["data"]["value"] == "1"

    checkout.remove("one")
    synced(passes, "one")
    assert sorted(jobs(checkout)) == ["goodbye"]
    assert checkout.live.find("ConfigMap", "second", checkout.namespace) is None
    is_as_a_whole_run_leaves_it(checkout)
