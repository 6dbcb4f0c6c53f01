"""What a sync deletes goes in order, whoever syncs, and only when everything else went well."""

from __future__ import annotations

import pytest

from tests.e2e.checkout import DELETION, Checkout
from tests.e2e.hooks import JOBS, hook, in_wave, job, jobs
from tests.e2e.live import CONFIG_MAPS, Body, Kind
from tests.e2e.objects import config_map, service
from tests.e2e.reconciling import PassRun, Reconciling

pytestmark = pytest.mark.e2e


@pytest.fixture
def passes(checkout: Checkout) -> Reconciling:
    checkout.configure(source={"repoURL": str(checkout.root)})
    return Reconciling(checkout)


def waves(name: str, *numbers: int) -> list[Body]:
    """A ConfigMap in each of some waves, named after it."""
    return [config_map(f"{name}-{each}", annotations=in_wave(each)) for each in numbers]


def revision(checkout: Checkout) -> str:
    """The revision of the cluster now."""
    listed = checkout.live.request("GET", CONFIG_MAPS.path(checkout.namespace))
    return str(listed["metadata"]["resourceVersion"])


def deleted(checkout: Checkout, since: str, kind: Kind = CONFIG_MAPS) -> list[str]:
    """What was deleted after a revision, in order."""
    found = checkout.live.deletions(kind, checkout.namespace, since=since)
    return [each["metadata"]["name"] for each in found]


def markers(checkout: Checkout) -> list[str]:
    """The Applications whose deletion the state remembers."""
    return [each["urn"].rpartition("-")[2] for each in checkout.state() if each["type"] == DELETION]


def pause(checkout: Checkout, name: str, *, paused: bool) -> None:
    """Pause an Application in its record, or let it go on."""
    group = f"/apis/home-ops.dev/v1alpha1/namespaces/{checkout.id}-base/applications"
    path = f"{group}/e2e-{checkout.id}-{name}"
    checkout.live.request("PATCH", path, {"spec": {"paused": paused}})


def commit(checkout: Checkout, passes: Reconciling, *, full: bool) -> PassRun:
    """Commit, and a pass that runs everything or a part; the next one has nothing to do."""
    if full:
        file = checkout.root / f"Pulumi.{checkout.stack}.yaml"
        file.write_text(f"{file.read_text()}# what everybody shares has changed\n")
    passes.commit()
    done = passes.once().expect(runs=1)
    assert done.report["engine"]["full"] == full, done.report["warnings"]
    passes.once().expect(runs=0)
    return done


def test_in_passes(checkout: Checkout, passes: Reconciling) -> None:
    """A pass deletes in order what an Application has lost, and one that has left Git between its
    hooks, in a run of a part as of everything; those that are paused are left alone by both."""
    goodbye = job("backup", hook("PreDelete"))
    checkout.write("one", *waves("one", -1, 0, 5, 6))
    checkout.write("two", *waves("two", -1, 0, 6), goodbye)
    checkout.write("three", *waves("three", -1, 6), goodbye)
    passes.commit()
    passes.once().expect(runs=1)

    since = revision(checkout)
    checkout.write("one", *waves("one", 0, 5))
    commit(checkout, passes, full=False)
    assert deleted(checkout, since) == ["one-6", "one--1"]
    assert markers(checkout) == ["one"]

    since = revision(checkout)
    for name in ("two", "three"):
        pause(checkout, name, paused=True)
    checkout.write("one")
    checkout.write("two", *waves("two", 0), goodbye)
    checkout.remove("three")
    commit(checkout, passes, full=True)
    assert deleted(checkout, since) == ["one-5", "one-0"]
    assert jobs(checkout) == {}

    for name in ("two", "three"):
        pause(checkout, name, paused=False)
    since = revision(checkout)
    commit(checkout, passes, full=False)
    gone = deleted(checkout, since)
    assert [each for each in gone if each.startswith("two")] == ["two-6", "two--1"]
    assert [each for each in gone if each.startswith("three")] == ["three-6", "three--1"]
    assert deleted(checkout, since, JOBS) == ["backup"]
    assert sorted(markers(checkout)) == ["one", "three", "two"]
    run = checkout.up().succeeded()
    assert run.changes == [f"delete {DELETION} e2e-{checkout.id}-three"]
    assert checkout.up().succeeded().changes == []


def test_when_something_is_refused(checkout: Checkout) -> None:
    """An Application of which something is refused loses nothing, whatever the engine does in runs
    that go on after an error; in one that does not nobody does."""
    checkout.write("one", *waves("one", 0, 1, 2))
    checkout.write("two", *waves("two", 0, 1), job("backup", hook("PreDelete")))
    checkout.twice()
    since = revision(checkout)
    wrong = service("wrong", port=99999)
    wrong["metadata"]["annotations"] = in_wave(1)  # of the last wave, which no gate waits for
    checkout.write("one", *waves("one", 1), wrong)
    checkout.remove("two")
    for goes_on in ("false", "true"):
        checkout.environment = {**checkout.environment, "PULUMI_CONTINUE_ON_ERROR": goes_on}
        run = checkout.up().failed()
        assert "99999" in run.output
        gone = ["two-1", "two-0"] if goes_on == "true" else []
        assert deleted(checkout, since) == gone
    assert run.messages(f"{checkout.id}/one") == [
        f"{checkout.id}/one: some objects of it could not be applied; what Git does not have of "
        "it any more stays; see above, then run again"
    ]
    assert deleted(checkout, since, JOBS) == ["backup"]
    checkout.write("one", *waves("one", 1), service("wrong"))
    checkout.twice()
    assert deleted(checkout, since) == [*gone, "one-2", "one-0"]
