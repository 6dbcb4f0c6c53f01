"""What a person asks of single Applications, and what of it the passes remember."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.e2e.checkout import PROJECT, Checkout, application_set
from tests.e2e.commands import gitops
from tests.e2e.live import Body
from tests.e2e.objects import config_map, thing
from tests.e2e.reconciling import Reconciling

pytestmark = pytest.mark.e2e


@pytest.fixture
def passes(checkout: Checkout) -> Reconciling:
    return Reconciling(checkout)


def a_set(checkout: Checkout, name: str, *, project: str = "apps", **automated: Any) -> Body:
    """An ApplicationSet for the directories that begin with its name; without arguments manual."""
    made = application_set(name, path=f"apps/{checkout.id}/{name}*", namespace=checkout.namespace)
    spec = made["template"]["spec"]
    spec["project"] = project
    spec["syncPolicy"]["managedNamespaceMetadata"] = {"labels": {"team": "ours"}}
    del spec["syncPolicy"]["automated"]
    if automated:
        spec["syncPolicy"]["automated"] = {"prune": True, "allowEmpty": True, **automated}
    return made


def data_of(checkout: Checkout, *names: str) -> list[Any]:
    found = [checkout.live.find("ConfigMap", name, checkout.namespace) for name in names]
    return [each and each["data"]["value"] for each in found]


def test_sync_pause_and_rollback(checkout: Checkout, passes: Reconciling) -> None:
    """A person's sync touches that Application alone, a paused and a manual one too; a rollback
    brings back what was there, is left alone by passes and by a run of everything, and ends with
    another content in Git, a resume or a sync."""
    sets = a_set(checkout, "manual"), a_set(checkout, "auto", selfHeal=True)
    checkout.configure(*sets, source={"repoURL": str(checkout.root)})
    auto, manual = f"{checkout.id}/auto", f"{checkout.id}/manual"
    name = f"e2e-{checkout.id}-auto"
    checkout.write("manual", config_map("m"))
    checkout.write("auto", config_map("a"))
    begin = passes.commit("Begin")
    dry = gitops(checkout, "app", "sync", manual, "--dry-run").expect()
    assert "would change 1 object" in dry.output
    assert data_of(checkout, "m") == [None]
    synced = gitops(checkout, "app", "sync", manual).expect()
    assert f"{manual}: synced (asked for): 1 created" in synced.output
    assert data_of(checkout, "m", "a") == ["1", None]
    passes.once().expect(runs=1)
    assert data_of(checkout, "m", "a") == ["1", "1"]
    assert "pause" in gitops(checkout, "app", "pause", auto).expect().output

    checkout.write("auto", config_map("a", "2"), config_map("b"))
    passes.commit("Add b")
    assert passes.once().expect(runs=0).app("auto")["decision"]["reason"] == "paused"
    listed = gitops(checkout, "app", "list", "-o", "json").expect().data
    shown = {each["name"]: each["status"] for each in listed}[name]
    assert (shown["sync"]["status"], shown["paused"]) == ("OutOfSync", True)
    assert "OutOfSync (paused)" in gitops(checkout, "app", "list").output
    gitops(checkout, "app", "sync", "--set", "auto").expect()
    assert data_of(checkout, "a", "b") == ["2", "1"]
    record = passes.records()["auto"]
    assert record["spec"]["paused"] is True
    assert "@" in record["metadata"]["annotations"]["home-ops.dev/paused-by"]
    gitops(checkout, "app", "resume", auto).expect()
    assert "paused" not in passes.records()["auto"]["spec"]

    history = gitops(checkout, "app", "history", auto, "-o", "json").expect().data
    assert [(each["id"], each["message"]) for each in history] == [(0, "Begin"), (1, "Add b")]
    back = gitops(checkout, "app", "rollback", auto).expect()
    assert "resume" in back.errors
    assert data_of(checkout, "a", "b") == ["1", None]
    newest = passes.records()["auto"]["status"]["history"][-1]
    assert (newest["id"], newest["revision"], newest["message"]) == (2, begin, "Begin")
    passes.once().expect(runs=0)
    checkout.configure(*sets, source={"repoURL": str(checkout.root)}, reconciler={"interval": "9m"})
    passes.commit("Another config, so everything is run")
    assert passes.once().expect().report["engine"]["full"]
    assert data_of(checkout, "a", "b") == ["1", None]
    got = gitops(checkout, "app", "get", name).expect().output
    assert f"Synced ({begin}, compared" in got
    assert "RolledBack:" in got

    checkout.write("auto", config_map("a", "3"), config_map("b"))
    passes.commit()
    passes.once().expect(runs=1)
    assert data_of(checkout, "a", "b") == ["3", "1"]
    assert "rollback" not in passes.records()["auto"]["spec"]
    gitops(checkout, "app", "rollback", auto, begin[:8]).expect()
    assert data_of(checkout, "a", "b") == ["1", None]
    gitops(checkout, "app", "resume", auto).expect()
    passes.once().expect(runs=1)
    assert data_of(checkout, "a", "b") == ["3", "1"]


def test_what_cannot_be_asked(checkout: Checkout, passes: Reconciling) -> None:
    """A window that lets nobody sync holds up a sync and a rollback, and no rollback begins; one
    that lets people is none for them; without --prune nothing is pruned where prune is off; and
    where Git is broken an Application can still be rolled back."""
    always = {"kind": "deny", "schedule": "* * * * *", "duration": "24h", "applications": ["*"]}
    projects = [
        PROJECT,
        {**PROJECT, "name": "shut", "syncWindows": [always]},
        {**PROJECT, "name": "ajar", "syncWindows": [{**always, "manualSync": True}]},
    ]
    sets = [a_set(checkout, name, project=name, selfHeal=False) for name in ("shut", "ajar")]
    sets += [a_set(checkout, "manual")]
    checkout.configure(*sets, source={"repoURL": str(checkout.root)}, projects=projects)
    for name in ("shut", "ajar", "manual"):
        checkout.write(name, config_map(name), config_map(f"{name}-old"))
    later = config_map("later", annotations={"argocd.argoproj.io/sync-wave": "1"})
    hook = config_map("hook", annotations={"argocd.argoproj.io/hook": "PostSync"})
    checkout.write("shut", later, hook, file="more.yaml")
    passes.commit()
    some = gitops(checkout, "app", "sync", "--all").expect(1)
    assert f"{checkout.id}/shut: not synced: deny window" in some.errors
    assert data_of(checkout, "shut", "later", "hook") == [None, None, None]
    assert data_of(checkout, "ajar", "manual") == ["1", "1"]
    assert "nothing to go back to" in _rollback(checkout, "manual").expect(1).errors

    for name in ("ajar", "manual"):
        checkout.write(name, config_map(name, "2"))
    passes.commit()
    left = gitops(checkout, "app", "sync", "--set", "manual", "--set", "ajar").expect(1)
    assert "manual: 1 object no longer in Git stay" in left.errors
    assert data_of(checkout, "ajar", "ajar-old", "manual", "manual-old") == ["2", None, "2", "1"]
    gitops(checkout, "app", "sync", f"{checkout.id}/manual", "--prune").expect()
    assert data_of(checkout, "manual-old") == [None]

    checkout.text("manual", "objects.yaml", "kind: [broken")
    passes.commit()
    broken = gitops(checkout, "app", "sync", f"{checkout.id}/manual").expect(1)
    assert "broken YAML" in broken.errors
    back = _rollback(checkout, "manual", "0").expect()
    assert "broken in Git" in back.errors
    assert data_of(checkout, "manual", "manual-old") == ["1", "1"]
    passes.once().expect(runs=0)
    assert "has no sync '7'" in _rollback(checkout, "manual", "7").expect(1).errors
    unknown = gitops(checkout, "app", "sync", f"{checkout.id}/manuel").expect(1)
    assert f'did you mean "{checkout.id}/manual"?' in unknown.errors


def _rollback(checkout: Checkout, name: str, *to: str) -> Any:
    return gitops(checkout, "app", "rollback", f"{checkout.id}/{name}", *to)


def test_diff_and_drift(checkout: Checkout, passes: Reconciling) -> None:
    """Whatever differs is shown with path, both values and who wrote it, of the bootstrap and of
    namespaces too; nothing is written for that, secrets are never shown, and the next pass puts
    right what heals itself."""
    healing = a_set(checkout, "on", selfHeal=True), a_set(checkout, "off", selfHeal=False)
    checkout.configure(*healing, source={"repoURL": str(checkout.root)})
    secret = thing("v1", "Secret", "off-secret", stringData={"password": "in-git"})
    checkout.write("on", config_map("on"))
    checkout.write("off", config_map("off"), secret)
    first = passes.commit()
    passes.once().expect(runs=1)
    assert gitops(checkout, "drift", "-o", "json").expect().data == []
    assert gitops(checkout, "app", "diff", f"{checkout.id}/off").expect().output == ""

    home, namespace = f"/api/v1/namespaces/{checkout.id}-base", checkout.namespace
    place = f"/api/v1/namespaces/{namespace}"
    label = {"metadata": {"labels": {"team": "theirs"}}}
    checkout.live.request("PATCH", f"{place}?fieldManager=eve", label)
    gone = {"metadata": {"labels": {"app.kubernetes.io/name": None}}}
    checkout.live.request("PATCH", f"{home}/serviceaccounts/reconciler", gone)
    by_hand = {"data": {"value": "by hand"}}
    checkout.live.request("PATCH", f"{place}/configmaps/off?fieldManager=eve", by_hand)
    checkout.live.request("PATCH", f"{place}/secrets/off-secret", {"data": {"password": "Ynk="}})
    checkout.live.request("DELETE", f"{place}/configmaps/on")

    before = checkout.versions(), passes.records(), _lease(checkout)
    found = gitops(checkout, "drift", "-o", "json").expect(1)
    drifts = {each["subject"]: each["objects"] for each in found.data}
    assert [each["name"] for each in drifts[f"{checkout.id}/off"]] == ["off", "off-secret"]
    assert drifts[f"{checkout.id}/off"][0]["differences"] == [
        {"path": "data.value", "target": "1", "live": "by hand", "manager": "eve"}
    ]
    assert [each["why"] for each in drifts[f"{checkout.id}/on"]] == ["Missing"]
    assert [each["kind"] for each in drifts["bootstrap"]] == ["ServiceAccount"]
    assert drifts["namespaces"][0]["differences"] == [
        {"path": "metadata.labels.team", "target": "ours", "live": "theirs", "manager": "eve"}
    ]
    diff = gitops(checkout, "app", "diff", f"{checkout.id}/off").expect(1)
    assert "@@ data.value @@ by eve\n-by hand\n+'1'" in diff.output
    assert "-(hidden)\n+(hidden)" in diff.output
    assert "not in the cluster" in gitops(checkout, "app", "diff", f"{checkout.id}/on").output
    table = gitops(checkout, "drift", f"{checkout.id}/off", "--exit-code=false").expect()
    assert "eve" in table.output
    for told in (found, diff, table):
        assert "in-git" not in told.output + told.errors
        assert "Ynk" not in told.output + told.errors
    assert (checkout.versions(), passes.records(), _lease(checkout)) == before

    healed = passes.once().expect()
    assert [each["left"] for each in healed.report["base"]] == [[], []]
    assert checkout.live.request("GET", place)["metadata"]["labels"]["team"] == "ours"
    checkout.write("off", config_map("off", "2"), secret)
    passes.commit()
    passes.once().expect()
    older = gitops(checkout, "app", "diff", f"{checkout.id}/off", "--revision", first).expect(1)
    assert "-'2'\n+'1'" in older.output
    gitops(checkout, "app", "diff", f"{checkout.id}/of").expect(2)
    with checkout.unreachable():
        assert "cannot be reached" in gitops(checkout, "drift").expect(2).errors


def _lease(checkout: Checkout) -> str:
    namespace = f"{checkout.id}-base"
    path = f"/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases/home-ops-{checkout.stack}"
    return json.dumps(checkout.live.request("GET", path)["spec"], sort_keys=True)
