"""A pass of a loop takes nothing from the pass before that is not so any more."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import pytest

from cluster.live_status import read_status
from gitops.target import compose
from reconciler.passes import looking, reading
from reconciler.passes.reconcile import Options, Reconciler
from reconciler.passes.report import ApplicationReport, Report
from tests.e2e.checkout import Checkout
from tests.e2e.live import Body
from tests.e2e.objects import config_map, thing
from tests.e2e.reconciling import Reconciling

pytestmark = pytest.mark.e2e

SCRIPT = 'return {status = "Degraded", message = obj.data.value}'


class Loop:
    """The passes of one process, and what they have worked out anew."""

    def __init__(self, passes: Reconciling, reconciler: Reconciler) -> None:
        self.passes = passes
        self.checkout = passes.checkout
        self._reconciler = reconciler
        self.composed = 0
        self.judged: list[str] = []

    @property
    def kept(self) -> Any:
        """What one pass leaves to the next."""
        return self._reconciler._kept

    def once(self, *, runs: int = 0) -> Report:
        """One pass, with so many runs of the engine."""
        self.composed, self.judged = 0, []
        report = self._reconciler.run()
        assert not report.errors
        assert report.runs == runs, report.warnings
        return report

    def again(self) -> Report:
        """A pass that has to work out nothing anew."""
        report = self.once()
        assert (self.composed, self.judged) == (0, [])
        return report

    def data(self, value: str, **metadata: Any) -> None:
        """Somebody changes the object in the cluster."""
        path = f"/api/v1/namespaces/{self.checkout.namespace}/configmaps/one"
        body = {"data": {"value": value}, "metadata": metadata}
        self.checkout.live.request("PATCH", path, body)


def app(report: Report, name: str = "one") -> ApplicationReport:
    """What is said of one Application."""
    (found,) = (each for each in report.applications if each.name.endswith(f"-{name}"))
    return found


def status(report: Report, name: str = "one") -> tuple[str, str]:
    """Its sync status and its health."""
    found = app(report, name)
    return str(found.comparison.status), str(found.health.status)


@pytest.fixture
def loop(checkout: Checkout, monkeypatch: pytest.MonkeyPatch) -> Iterator[Loop]:
    """A loop over two Applications, which has nothing more to do."""
    checkout.configure(source={"repoURL": str(checkout.root)})
    checkout.write("one", config_map("one", "1"), thing("v1", "ServiceAccount", "one"))
    checkout.write("two", config_map("two", "1"))
    passes = Reconciling(checkout)
    passes.commit()
    for name, value in checkout.environment.items():
        monkeypatch.setenv(name, value)
    with Reconciler(Options(stack=checkout.stack, folder=checkout.root)) as reconciler:
        found = Loop(passes, reconciler)

        def counted(*arguments: Any, **named: Any) -> Any:
            found.composed += 1
            return compose(*arguments, **named)

        def noted(*arguments: Any, listing: Any, **named: Any) -> Any:
            own = (e["metadata"] for e in listing.objects)  # other tests have left theirs
            names = [str(e["name"]) for e in own if e.get("namespace") == checkout.namespace]
            found.judged += names
            return read_status(*arguments, listing=listing, **named)

        monkeypatch.setattr(looking, "compose", counted)
        monkeypatch.setattr(reading, "read_status", noted)
        found.once(runs=1)
        found.once()
        found.again()
        yield found


def test_changes_in_the_cluster_are_seen(loop: Loop) -> None:
    """Each change by hand is found in the next pass, and only what has changed is looked at: a
    field, a label that was taken away, an object that is gone, and its return."""
    checkout, live = loop.checkout, loop.checkout.live
    path = f"/api/v1/namespaces/{checkout.namespace}/configmaps"
    loop.data("2")
    assert status(loop.once()) == ("OutOfSync", "Healthy")
    assert (loop.composed, loop.judged) == (0, ["one"])
    assert status(loop.again()) == ("OutOfSync", "Healthy")
    loop.data("1")
    assert status(loop.once()) == ("Synced", "Healthy")

    loop.data("1", labels={"home-ops/application": None})
    assert status(loop.once())[0] == "OutOfSync"
    loop.data("1", labels={"home-ops/application": f"e2e-{checkout.id}-one"})
    assert status(loop.once()) == ("Synced", "Healthy")

    before: Body = live.request("GET", f"{path}/one")
    live.request("DELETE", f"{path}/one")
    assert status(loop.once()) == ("OutOfSync", "Missing")
    kept = {name: before["metadata"][name] for name in ("name", "labels", "annotations")}
    live.request("POST", path, {**before, "metadata": kept})
    assert status(loop.once()) == ("Synced", "Healthy")
    assert status(loop.again()) == ("Synced", "Healthy")


def test_changes_in_git_are_seen(loop: Loop) -> None:
    """A commit is applied, one that changes nothing costs one composition, an ignored field is no
    drift from the commit on that says so, and a health script is asked from the one that has it."""
    checkout, passes = loop.checkout, loop.passes
    checkout.write("one", config_map("one", "2"), thing("v1", "ServiceAccount", "one"))
    passes.commit()
    assert status(loop.once(runs=1)) == ("Synced", "Healthy")
    assert checkout.live.find("ConfigMap", "one", checkout.namespace)["data"]["value"] == "2"  # type: ignore[index]  # it is there
    loop.once()
    passes.commit("Nothing")
    loop.once()
    assert loop.composed == 1
    loop.again()

    loop.data("3")
    assert status(loop.once()) == ("OutOfSync", "Healthy")
    custom: Body = {"ignoreDifferences": {"ConfigMap": {"jsonPointers": ["/data/value"]}}}
    source = {"repoURL": str(checkout.root)}
    checkout.configure(source=source, resourceCustomizations=custom)
    passes.commit()
    assert status(loop.once(runs=1)) == ("Synced", "Healthy")
    assert status(loop.once()) == ("Synced", "Healthy")
    custom["health.ConfigMap"] = SCRIPT
    checkout.configure(source=source, resourceCustomizations=custom)
    passes.commit()
    assert status(loop.once(runs=1)) == ("Synced", "Degraded")


def test_what_is_kept_stays_as_it_was(loop: Loop) -> None:
    """No pass changes a value that the next one takes over."""
    kept = loop.kept
    before = copy.deepcopy(kept)
    loop.data("2")
    loop.once()
    loop.data("1")
    for _ in range(2):
        loop.once()
    assert kept._targets._now == before._targets._now
    bodies = [[each.live.body for each in k._objects._now.values()] for k in (kept, before)]
    unchanged = [each for each in bodies[0] if each in bodies[1]]
    assert len(unchanged) == len(bodies[1]) - 1
