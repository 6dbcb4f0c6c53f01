"""A pass brings the cluster to what Git says, as far as each Application's policy lets it."""

from __future__ import annotations

import json
import shutil
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.checkout import Checkout, application_set
from tests.e2e.commands import gitops
from tests.e2e.live import Body, until
from tests.e2e.objects import config_map, definition, service, thing
from tests.e2e.reconciling import PassRun, Reconciling

pytestmark = pytest.mark.e2e


@pytest.fixture
def passes(checkout: Checkout) -> Reconciling:
    return Reconciling(checkout)


def policy_set(checkout: Checkout, name: str, **automated: Any) -> Body:
    """An ApplicationSet for the directories that begin with its name; without arguments manual."""
    made = application_set(name, path=f"apps/{checkout.id}/{name}*", namespace=checkout.namespace)
    policy = made["template"]["spec"]["syncPolicy"]
    policy.pop("automated")
    if automated:
        policy["automated"] = {"prune": True, "allowEmpty": True, **automated}
    return made


def data_of(checkout: Checkout, name: str) -> Any:
    found = checkout.live.find("ConfigMap", name, checkout.namespace)
    return found and found["data"]["value"]


def config_map_path(checkout: Checkout, name: str) -> str:
    return f"/api/v1/namespaces/{checkout.namespace}/configmaps/{name}"


def until_synced(passes: Reconciling, name: str) -> PassRun:
    """Passes until one has synced an Application: what was just synced is healed a little later."""
    return until(
        lambda: found if (found := passes.once()).sync(name) == "Synced" else None,
        f"{name} to be synced",
        seconds=120,
        step=1,
    )


def test_follows_git(checkout: Checkout, passes: Reconciling) -> None:
    """What Git has is applied, once; a commit syncs what it changes and nothing else; a directory
    that goes takes its objects along; the records tell of it."""
    checkout.configure(source={"repoURL": str(checkout.root)})
    widget = definition(f"{checkout.id}.example", "Widget")
    spec = {"size": 1}
    checkout.write("one", widget, thing(f"{checkout.id}.example/v1", "Widget", "w", spec=spec))
    checkout.write("two", config_map("a"), config_map("b"))
    checkout.write("three", config_map("c"))
    first_commit = passes.commit("Begin")
    first = passes.once().expect(runs=1)
    assert [first.sync(name) for name in ("one", "two", "three")] == ["Synced"] * 3
    assert first.report["engine"]["full"]

    state, versions = checkout.state_text(), checkout.versions()
    records = passes.records()
    second = passes.once().expect(runs=0)
    assert second.report["outcome"] == "Nothing"
    assert second.report["recordsWritten"] == 0
    assert (checkout.state_text(), checkout.versions(), passes.records()) == (
        state,
        versions,
        records,
    )

    checkout.write("two", config_map("a", "changed"))
    commit = passes.commit("Change a and remove b")
    third = passes.once().expect(runs=1)
    assert third.app("two")["operation"]["changes"] == {"updated": 1, "deleted": 1}
    assert "operation" not in third.app("one")
    assert data_of(checkout, "a") == "changed"
    assert data_of(checkout, "b") is None
    record = passes.records()["two"]
    newest = record["status"]["history"][-1]
    assert (newest["revision"], newest["author"], newest["message"]) == (
        commit,
        "Ada",
        "Change a and remove b",
    )
    assert newest["changes"] == {"updated": 1, "deleted": 1}
    assert passes.records()["one"]["status"]["sync"]["revision"] == first_commit
    assert table(checkout)["two"][:3] == ["Synced", "Healthy", commit]

    checkout.remove("three")
    passes.commit()
    passes.once().expect(runs=1)
    assert data_of(checkout, "c") is None
    assert sorted(passes.records()) == ["one", "two"]
    passes.once().expect(runs=0)


def table(checkout: Checkout) -> dict[str, list[Any]]:
    """What ``kubectl get applications`` shows of each, without its name."""
    path = f"/apis/home-ops.dev/v1alpha1/namespaces/{checkout.id}-base/applications"
    checkout.live.request("GET", path)
    headers = checkout.live._headers()
    headers["Accept"] = "application/json;as=Table;g=meta.k8s.io;v=v1"
    _, answer = checkout.live._exchange("GET", path, None, headers)
    rows = json.loads(answer)["rows"]
    found = {row["cells"][0].rpartition("-")[2]: row["cells"] for row in rows}
    return {name: cells[1:4] for name, cells in found.items()}


def test_drift(checkout: Checkout, passes: Reconciling) -> None:
    """What is changed or deleted by hand is found, with who did it; with selfHeal it is put right,
    without it is left until the next sync of the Application, which puts everything right."""
    checkout.configure(
        policy_set(checkout, "off", selfHeal=False),
        policy_set(checkout, "on", selfHeal=True),
        source={"repoURL": str(checkout.root)},
    )
    secret = thing("v1", "Secret", "off-secret", stringData={"password": "in-git"})
    checkout.write("off", config_map("off-a"), config_map("off-b"), config_map("off-c"), secret)
    checkout.write("on", config_map("on-a"), config_map("on-b"))
    passes.commit()
    passes.once().expect(runs=1)
    passes.once().expect(runs=0)

    for name in ("off-a", "on-a"):
        body = {"data": {"value": "by hand"}}
        checkout.live.request("PATCH", f"{config_map_path(checkout, name)}?fieldManager=eve", body)
    for name in ("off-b", "off-c", "on-b"):
        checkout.live.request("DELETE", config_map_path(checkout, name))
    path = f"/api/v1/namespaces/{checkout.namespace}/secrets/off-secret"
    checkout.live.request("PATCH", path, {"data": {"password": "YnktaGFuZA=="}})

    found = until_synced(passes, "on")
    assert data_of(checkout, "on-a") == data_of(checkout, "on-b") == "1"
    assert found.sync("off") == "OutOfSync"
    left = {each["name"]: each for each in found.app("off")["left"]}
    assert {name: each["why"] for name, each in left.items()} == {
        "off-a": "Different",
        "off-b": "Missing",
        "off-c": "Missing",
        "off-secret": "Different",
    }
    assert left["off-a"]["differences"] == [
        {"path": "data.value", "target": "1", "live": "by hand", "manager": "eve"}
    ]
    assert "selfHeal is off" in found.app("off")["decision"]["reason"]
    assert found.app("off")["health"]["status"] == "Missing"
    assert data_of(checkout, "off-a") == "by hand"
    resources = passes.records()["off"]["status"]["resources"]
    assert {each["name"]: each["status"] for each in resources} == dict.fromkeys(left, "OutOfSync")
    told = json.dumps([found.report, passes.records()])
    assert "in-git" not in told
    assert "YnktaGFuZA" not in told
    passes.once().expect(runs=0)

    # of the two that are gone, Git changes one
    checkout.write(
        "off", config_map("off-a"), config_map("off-b", "2"), config_map("off-c"), secret
    )
    passes.commit()
    healed = passes.once().expect()
    assert healed.sync("off") == "Synced", healed.app("off")["left"]
    assert [data_of(checkout, f"off-{each}") for each in "abc"] == ["1", "2", "1"]
    passes.once().expect(runs=0)


def test_policy(checkout: Checkout, passes: Reconciling) -> None:
    """Manual, paused and broken Applications are left as they are, whatever else is synced, and the
    pass says why; what is broken in Git is never taken for something to delete. As long as it is,
    deletions wait, which is no failure, and costs nothing."""
    checkout.configure(
        policy_set(checkout, "manual"),
        policy_set(checkout, "auto", selfHeal=False),
        source={"repoURL": str(checkout.root)},
    )
    checkout.write("manual", config_map("manual"))
    checkout.write("auto", config_map("auto"))
    checkout.write("auto-paused", config_map("paused"))
    checkout.write("auto-less", config_map("stays"), config_map("goes"))
    checkout.write("auto-gone", config_map("gone"))
    passes.commit()
    first = passes.once().expect(runs=1)
    assert (first.sync("auto"), first.sync("manual")) == ("Synced", "OutOfSync")
    assert data_of(checkout, "manual") is None
    assert "automated is off" in first.app("manual")["decision"]["reason"]

    path = f"/apis/home-ops.dev/v1alpha1/namespaces/{checkout.id}-base/applications"
    record = f"{path}/e2e-{checkout.id}-auto-paused"
    checkout.live.request("PATCH", record, {"spec": {"paused": True}})
    checkout.write("auto-paused", config_map("paused", "2"))
    checkout.text("auto", "objects.yaml", "kind: [broken")
    checkout.write("auto-new", config_map("new"))
    checkout.write("auto-less", config_map("stays", "2"))
    checkout.remove("auto-gone")
    passes.commit()
    second = passes.once().expect(1)
    assert second.app("paused")["decision"]["reason"] == "paused"
    assert data_of(checkout, "paused") == "1"
    assert data_of(checkout, "new") == "1"
    assert data_of(checkout, "auto") == "1"
    broken = second.app("auto")
    assert broken["sync"]["status"] == "Unknown"
    assert [each["type"] for each in broken["conditions"]] == ["ComparisonError"]
    assert "auto" in second.errors
    assert data_of(checkout, "stays") == "2"
    assert second.app("less")["operation"]["phase"] == "Succeeded"
    assert "operation" not in second.app("gone")
    assert second.app("gone")["decision"]["action"] == "Wait"
    for name in ("less", "gone"):
        [waits] = second.app(name)["conditions"]
        assert waits["type"] == "PruneWaits"
        assert f"{checkout.id}/auto cannot be synced" in waits["message"]
    third = passes.once().expect(1, runs=0)
    assert third.app("less")["decision"]["action"] == "Wait"
    assert third.report["next"] is None
    assert data_of(checkout, "goes") == data_of(checkout, "gone") == "1"

    checkout.write("auto", config_map("auto", "repaired"))
    passes.commit()
    passes.once().expect()
    assert data_of(checkout, "auto") == "repaired"
    assert (data_of(checkout, "goes"), data_of(checkout, "gone")) == (None, None)
    assert passes.records()["auto"]["status"]["conditions"] == []


def test_a_failing_sync(checkout: Checkout, passes: Reconciling) -> None:
    """What the API server refuses fails its Application alone, is tried again later, and another
    commit is tried at once."""
    checkout.configure(source={"repoURL": str(checkout.root)})
    checkout.write("good", config_map("good"))
    checkout.write("bad", service("bad", port=99999))
    passes.commit()
    first = passes.once().expect(1)
    assert first.sync("good") == "Synced"
    bad = first.app("bad")
    assert bad["operation"]["phase"] == "Failed"
    assert "99999" in bad["operation"]["message"]
    assert [each["type"] for each in bad["conditions"]] == ["SyncError"]
    again = passes.once()
    assert again.app("bad")["decision"]["action"] in ("Wait", "Sync")
    assert again.report["next"] or again.runs
    checkout.write("bad", service("bad", port=80))
    passes.commit()
    passes.once().expect()
    operation = passes.records()["bad"]["status"]["operationState"]
    assert (operation["phase"], operation["retryCount"]) == ("Succeeded", 0)


def test_a_deleted_namespace(checkout: Checkout, passes: Reconciling) -> None:
    """A namespace that somebody deleted comes back with all that was in it."""
    checkout.configure(
        policy_set(checkout, "on", selfHeal=True), source={"repoURL": str(checkout.root)}
    )
    checkout.write("on", config_map("on"))
    passes.commit()
    passes.once().expect(runs=1)
    path = f"/api/v1/namespaces/{checkout.namespace}"
    checkout.live.request("DELETE", path)
    until(lambda: not checkout.live.request("GET", path, missing=True), "it to be gone", seconds=90)
    until_synced(passes, "on").expect()
    assert data_of(checkout, "on") == "1"


def test_what_is_left_alone(checkout: Checkout, passes: Reconciling) -> None:
    """A rollback is not undone until Git has something else; a chart that renders differently every
    time is named and not synced for that; a label taken away is a difference, not a deletion; and a
    dry run says all this and writes nothing."""
    checkout.configure(
        policy_set(checkout, "off", selfHeal=False), source={"repoURL": str(checkout.root)}
    )
    checkout.write("off", config_map("off"))
    checkout.write("off-label", config_map("label"))
    chart = {"apiVersion": "v2", "name": "off-random", "version": "1.0.0"}
    checkout.text("off-random", "Chart.yaml", json.dumps(chart))
    random = json.dumps(config_map("random", "DATA")).replace("DATA", "{{ randAlphaNum 9 }}")
    checkout.text("off-random", "templates/random.yaml", random)
    before = passes.commit()
    passes.once().expect(runs=1)
    checkout.write("off", config_map("off", "2"))
    commit = passes.commit()
    passes.once().expect(runs=1)

    path = f"/apis/home-ops.dev/v1alpha1/namespaces/{checkout.id}-base/applications"
    digest = passes.records()["off"]["status"]["sync"]["digest"]
    rollback = {"revision": before, "insteadOf": commit, "digest": digest}
    checkout.live.request(
        "PATCH", f"{path}/e2e-{checkout.id}-off", {"spec": {"rollback": rollback}}
    )
    labels = {"labels": {"home-ops/application": None}}
    checkout.live.request("PATCH", config_map_path(checkout, "label"), {"metadata": labels})
    shutil.rmtree(Path(checkout.environment["XDG_CACHE_HOME"]) / "home-ops" / "render")
    records = passes.records()
    dry = passes.once("--dry-run").expect(runs=0)
    assert passes.records() == records
    found = passes.once().expect(runs=0)
    for said in (dry, found):
        left = {n: said.app(n)["left"][0] for n in ("off", "off-label", "off-random")}
        assert {name: each["why"] for name, each in left.items()} == dict.fromkeys(
            left, "Different"
        )
        assert left["off"]["differences"][0]["target"] == "1"
        assert left["off-label"]["differences"][0]["path"].startswith("metadata.labels")
        assert "rolled back" in said.app("off")["decision"]["reason"]
        assert [each["type"] for each in said.app("off")["conditions"]] == ["RolledBack"]
        assert [each["type"] for each in said.app("off-random")["conditions"]] == ["RenderVaries"]
    assert data_of(checkout, "off") == "2"

    checkout.write("off", config_map("off", "3"))
    passes.commit()
    passes.once().expect(runs=1)
    assert data_of(checkout, "off") == "3"
    assert "rollback" not in passes.records()["off"]["spec"]


def test_locks_and_lost_states(checkout: Checkout, passes: Reconciling) -> None:
    """A lock that a killed pass has left is taken away, one of anybody else is not; that the state
    was lost shows at the latest when everything is run again."""
    every_second = {"reconciler": {"fullRunEvery": "1s"}}
    checkout.configure(source={"repoURL": str(checkout.root)}, **every_second)
    checkout.write("one", config_map("one"))
    passes.commit()
    passes.once().expect(runs=1)
    memory = f"/api/v1/namespaces/{checkout.id}-base/configmaps/home-ops-{checkout.stack}"
    lock(checkout, "pod-1")
    checkout.write("one", config_map("one", "2"))
    passes.commit()
    assert "locked" in passes.once().expect(1, runs=0).errors
    checkout.live.request("PATCH", memory, {"data": {"running": "pod-1"}})
    passes.once()
    until_synced(passes, "one").expect()
    assert data_of(checkout, "one") == "2"
    assert "running" not in checkout.live.request("GET", memory)["data"]

    checkout.lose_state()
    found = until(
        lambda: said if (said := passes.once()).runs else None, "a run of everything", seconds=60
    )
    assert found.expect().report["engine"]["full"]
    assert any("the state does not have" in each for each in found.report["warnings"])
    assert len([each for each in checkout.state() if "ConfigMap" in each["urn"]]) == 1


def test_what_was_missed(checkout: Checkout, passes: Reconciling) -> None:
    """What only a run of everything has found is said by every pass, and in the record, until
    somebody syncs that Application by hand or another such run finds nothing."""

    def missed(said: PassRun) -> list[str]:
        found = [each["type"] for each in said.app("one")["conditions"]]
        assert found == [each["type"] for each in passes.records()["one"]["status"]["conditions"]]
        assert any("have missed that" in each for each in said.report["warnings"]) is bool(found)
        return found

    def full_runs(every: str) -> PassRun:
        checkout.configure(
            source={"repoURL": str(checkout.root)}, reconciler={"fullRunEvery": every}
        )
        passes.commit()
        return passes.once().expect(runs=1)

    checkout.write("one", config_map("one"))
    assert missed(full_runs("1s")) == []
    forget(checkout)
    assert until(lambda: missed(passes.once()), "a run of everything") == ["MissedChangeWarning"]
    until(lambda: not missed(passes.once()), "another one, that finds nothing")
    forget(checkout)
    until(lambda: missed(passes.once()), "a run of everything")
    assert missed(full_runs("6h")), "what else has changed proves nothing"
    assert missed(passes.once().expect(runs=0))
    assert "MissedChangeWarning:" in gitops(checkout, "app", "get", f"{checkout.id}/one").output
    gitops(checkout, "app", "sync", f"{checkout.id}/one").expect()
    assert not missed(passes.once().expect(runs=0))


def forget(checkout: Checkout) -> None:
    """Make the state one of before the last change of an object."""
    exported = json.loads(checkout.pulumi("stack", "export").succeeded().output)
    [found] = [each for each in exported["deployment"]["resources"] if "ConfigMap" in each["urn"]]
    found["inputs"]["data"]["value"] = found["outputs"]["data"]["value"] = "0"
    file = checkout.root.parent / "state.json"
    file.write_text(json.dumps(exported))
    checkout.pulumi("stack", "import", "--file", str(file)).succeeded()


def lock(checkout: Checkout, host: str) -> None:
    """A lock of Pulumi's as a run on another machine would take it."""
    folder = Path(checkout.environment["PULUMI_BACKEND_URL"].removeprefix("file://"))
    place = folder / ".pulumi" / "locks" / "organization" / "home-ops" / checkout.stack
    place.mkdir(parents=True, exist_ok=True)
    content = {
        "pid": 1,
        "username": "root",
        "hostname": host,
        "timestamp": "2026-05-01T12:00:00Z",
    }
    (place / "11111111-1111-1111-1111-111111111111.json").write_text(json.dumps(content))


def test_something_is_away(checkout: Checkout, passes: Reconciling) -> None:
    """Without Git drift is still found, without the cluster nothing is done, and both are errors;
    while somebody else holds the lease nothing is done either."""
    checkout.configure(
        policy_set(checkout, "on", selfHeal=True), source={"repoURL": str(checkout.root)}
    )
    checkout.write("on", config_map("on"))
    passes.commit()
    passes.once().expect(runs=1)
    with checkout.unreachable():
        away = passes.once().expect(1, runs=0)
    assert "cannot be reached" in away.errors
    assert away.report["applications"] == []
    git = checkout.root / ".git"
    git.rename(checkout.root / "moved")
    assert "cannot be fetched" in passes.once().expect(1, runs=0).errors
    checkout.live.request("DELETE", config_map_path(checkout, "on"))
    healed = until_synced(passes, "on").expect(1)
    assert "cannot be fetched" in healed.errors
    assert data_of(checkout, "on") == "1"
    (checkout.root / "moved").rename(git)

    state = checkout.state_text()
    take_lease(checkout)
    held = passes.once().expect(4, runs=0)
    assert held.report["outcome"] == "Held"
    assert "somebody" in held.errors
    assert checkout.state_text() == state


def take_lease(checkout: Checkout) -> None:
    """Hold the stack's lease for a minute, as another run would."""
    namespace = f"{checkout.id}-base"
    path = f"/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases/home-ops-{checkout.stack}"
    now = time.strftime("%Y-%m-%dT%H:%M:%S.000000Z", time.gmtime())
    spec = {"holderIdentity": "somebody", "renewTime": now, "leaseDurationSeconds": 60}
    checkout.live.request("PATCH", path, {"spec": spec})


def test_two_at_once_and_a_loop(checkout: Checkout, passes: Reconciling) -> None:
    """Of two passes that begin together one does the work; a loop applies what is committed while
    it runs, and SIGTERM between two passes is no failure."""
    checkout.configure(source={"repoURL": str(checkout.root)})
    checkout.write("one", config_map("one"))
    passes.commit()
    both = [passes.start("--once") for _ in range(2)]
    codes = []
    for process in both:
        output, errors = process.communicate(timeout=180)
        assert output, errors
        codes.append(process.returncode)
    assert sorted(codes) in ([0, 4], [0, 0]), codes  # one after the other is as good
    assert data_of(checkout, "one") == "1"

    process = passes.start("--loop", "--interval", "1s")
    try:
        assert process.stdout is not None
        assert json.loads(process.stdout.readline())["outcome"] == "Nothing"
        checkout.write("one", config_map("one", "2"))
        passes.commit()
        outcomes = (json.loads(line)["outcome"] for line in process.stdout)
        assert next(each for each in outcomes if each != "Nothing") == "Synced"
        assert data_of(checkout, "one") == "2"
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=90)
    finally:
        if process.poll() is None:
            process.kill()
    assert process.returncode == 0, errors
