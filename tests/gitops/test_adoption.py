"""Adoption: whose a live object is, what goes over to us, and what it takes to go back."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest

from gitops.adoption import argo_applications, backup, plan
from gitops.adoption.fields import left_behind, present, tree_of, union
from gitops.adoption.tracking import (
    argocd_application,
    argocd_names,
    former_entries,
    staying_entries,
    tracked_by,
    tracking_metadata,
)
from gitops.argocd.clusters import Clusters
from gitops.diff.owners import owned
from gitops.errors import ConfigError
from gitops.objects.ownership import Ownership, marked
from tests.gitops.objects import config_map, key_of

TRACKING_ID = "argocd.argoproj.io/tracking-id"
INSTANCE = "app.kubernetes.io/instance"
MANAGED_BY = "app.kubernetes.io/managed-by"
LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
HERE = {"server": "https://kubernetes.default.svc"}


def entry(manager: str, tree: dict[str, Any], *, operation: str = "Apply", **more: Any) -> Any:
    """An entry of ``managedFields``."""
    return {
        "manager": manager,
        "operation": operation,
        "apiVersion": "v1",
        "time": "2026-01-01T00:00:00Z",
        "fieldsType": "FieldsV1",
        "fieldsV1": tree,
        **more,
    }


def live_map(*entries: Any, data: dict[str, str] | None = None, **more: Any) -> dict[str, Any]:
    """A live ConfigMap."""
    body = config_map("settings", namespace="media", data=data or {}, **more)
    body["metadata"] |= {"uid": "1", "resourceVersion": "7", "managedFields": list(entries)}
    return body


def data(*names: str) -> dict[str, Any]:
    """A tree that owns some keys of a ConfigMap."""
    return {"f:data": {".": {}, **{f"f:{name}": {} for name in names}}}


def body_of(**more: Any) -> dict[str, Any]:
    """What a sync would apply."""
    rendered = config_map("settings", namespace="media", **more)
    return marked(rendered, key_of(rendered), Ownership(application="app", stack="prod"))


def test_only_those_who_apply_whole_objects_are_former_managers() -> None:
    """A person's edit, a controller and a subresource stay whose they are; one that is named is
    taken over from, too."""
    live = live_map(
        entry("argocd-controller", data("a")),
        entry("kubectl-client-side-apply", data("b"), operation="Update"),
        entry("kubectl-edit", data("c"), operation="Update"),
        entry("helm", {"f:status": {}}, operation="Update", subresource="status"),
        entry("flux", data("d")),
        entry("home-ops", data("e")),
    )
    names = ["argocd-controller", "kubectl-client-side-apply"]
    assert [each.manager for each in former_entries(live)] == names
    assert [each.manager for each in former_entries(live, ["flux"])] == [*names, "flux"]
    assert len(staying_entries(live, former_entries(live))) == 4


def test_tracking_annotation_counts_where_it_is_about_the_object() -> None:
    """A copied annotation says nothing; one of an Application in another namespace does."""
    value = "argocd-apps_player:/ConfigMap:media/settings"
    assert argocd_application(live_map(annotations={TRACKING_ID: value})) == "argocd-apps_player"
    copied = "player:/ConfigMap:media/other"
    assert argocd_application(live_map(annotations={TRACKING_ID: copied})) == ""


@pytest.mark.parametrize("label", [INSTANCE, "argocd.argoproj.io/instance"])
@pytest.mark.parametrize("manager", ["argocd-controller", "helm"])
def test_instance_label_goes_where_argocd_set_it(manager: str, label: str) -> None:
    """Charts set the label as well; then it is a field like any other. ArgoCD can be told to use
    another label."""
    tree: dict[str, Any] = {"f:metadata": {"f:labels": {f"f:{label}": {}}}}
    live = live_map(entry(manager, tree), labels={label: "player"})
    former = former_entries(live)
    by_argocd = manager == "argocd-controller"
    path = ("metadata", "labels", label)
    assert (path in tracking_metadata(live, body_of(), former)) is by_argocd
    assert ("ArgoCD Application player" in tracked_by(live, former)) is by_argocd
    assert (argocd_names(live, former) == {"player"}) is by_argocd
    assert path not in tracking_metadata(live, body_of(labels={label: "other"}), former)


def test_what_git_sets_stays() -> None:
    """Helm's label and annotations go unless Git has them."""
    annotations = {"meta.helm.sh/release-name": "small", "meta.helm.sh/release-namespace": "media"}
    live = live_map(labels={MANAGED_BY: "Helm"}, annotations=annotations)
    assert len(tracking_metadata(live, body_of(), ())) == 3
    kept = body_of(labels={MANAGED_BY: "Helm"}, annotations=annotations)
    assert tracking_metadata(live, kept, ()) == []
    assert tracking_metadata(live_map(labels={MANAGED_BY: "Helm"}), body_of(), ()) == []


def test_fields_left_behind() -> None:
    """A field of a former manager that neither we nor anybody else own; items as a whole, mappings
    by their fields, and nothing that is spared, empty, gone, or known in another version alone."""
    item = 'k:{"name":"a"}'
    tree = {
        "f:data": {".": {}, "f:ours": {}, "f:left": {}, "f:shared": {}, "f:spared": {}},
        "f:items": {item: {".": {}, "f:name": {}, "f:value": {}}},
        "f:map": {".": {}, "f:inner": {}, "f:empty": {}},
        "f:gone": {},
    }
    live = live_map(
        entry("argocd-controller", tree),
        entry("helm", {"f:other": {}}, apiVersion="v2"),
        entry("kubectl-edit", data("shared"), operation="Update"),
        data={"ours": "1", "left": "1", "shared": "1", "spared": "1"},
    )
    live |= {"items": [{"name": "a", "value": 1}], "map": {"inner": 1, "empty": {}}, "other": 1}
    former = former_entries(live)
    found = left_behind(
        live,
        ours=data("ours"),
        former=former,
        staying=staying_entries(live, former),
        spared=["/data/spared"],
    )
    assert [each.place.name for each in found] == ["data.left", "items[name=a]", "map.inner"]
    assert tree_of(found) == {
        "f:data": {"f:left": {}},
        "f:items": {item: {".": {}, "f:name": {}, "f:value": {}}},
        "f:map": {"f:inner": {}},
    }


def test_trees() -> None:
    """Trees are put together, and lose what an object does not have."""
    assert union(data("a"), data("b"), {"f:x": {}}) == {**data("a", "b"), "f:x": {}}
    assert present(data("a", "b"), live_map(data={"a": "1"})) == data("a")


def test_an_adoption_that_was_interrupted_is_gone_on_with() -> None:
    """Marked is not adopted while a former manager owns anything; nothing is left to do then."""
    body = body_of(data={"a": "1"})
    live = live_map(entry("home-ops-adoption", data("a"), operation="Update"))
    live["metadata"] |= {name: body["metadata"][name] for name in ("labels", "annotations")}
    assert not plan.is_adopted(live, body, former_entries(live))
    live["metadata"]["managedFields"] = []
    assert plan.is_adopted(live, body, former_entries(live))
    del live["metadata"]["labels"]
    assert not plan.is_adopted(live, body, former_entries(live))


def test_owners_afterwards() -> None:
    """We own what was applied and is there; former managers nothing, all others what they had."""
    live = live_map(
        entry("argocd-controller", data("a", "old")),
        entry("kubectl-edit", data("b"), operation="Update"),
        entry("home-ops", data("b")),
        entry("argocd-controller", {"f:status": {}}, subresource="status"),
        data={"a": "1", "b": "1", "old": "1"},
    )
    body = body_of(data={"a": "1", "new": "1"})
    begun = plan.begun(key_of(live), "app", live, body)
    result = copy.deepcopy(live)
    result["metadata"]["managedFields"] = [entry("home-ops", data("a", "new"))]
    adoption = plan.applied(begun, result)
    [left] = plan.candidates(adoption)
    assert left.place.name == "data.old"
    without = live_map(data={"a": "1", "b": "1"})
    adoption = plan.with_losses(adoption, [left], without)
    assert [(each.path, each.live, each.target) for each in adoption.losses] == [
        ("data.old", "1", None)
    ]
    found = {
        (each["manager"], each.get("subresource", "")): each["fieldsV1"]
        for each in plan.managed_fields(adoption, live)
    }
    assert found == {
        ("home-ops", ""): data("a", "b", "old"),
        ("kubectl-edit", ""): data("b"),
        ("argocd-controller", "status"): {"f:status": {}},
    }
    kept = plan.with_losses(plan.applied(begun, result), [left], live)  # the server fills it in
    assert kept.losses == ()
    assert "f:old" not in kept.tree["f:data"]


def test_secrets_are_not_shown() -> None:
    """What a Secret loses is named without its value."""
    live = live_map(entry("argocd-controller", data("old")), data={"old": "c2VjcmV0"})
    live["kind"] = "Secret"
    adoption = plan.begun(key_of(live), "app", live, body_of())
    [left] = plan.candidates(adoption)
    empty = {**live, "data": {}}
    [loss] = plan.with_losses(adoption, [left], empty).losses
    assert loss.path == "data.old"
    assert "c2VjcmV0" not in str(loss)


@pytest.mark.parametrize(
    ("spec", "status", "refused"),
    [
        ({"syncPolicy": {"automated": {}}}, {}, True),
        ({"syncPolicy": {"automated": {"enabled": False}}}, {}, False),
        ({"syncPolicy": {}}, {}, False),
        ({}, {"operationState": {"phase": "Running"}}, True),
        ({"syncPolicy": {"automated": {}}, "destination": {"name": "lab-1"}}, {}, False),
        ({"syncPolicy": {"automated": {}}, "destination": {"name": "who-knows"}}, {}, True),
    ],
)
def test_argocd_that_still_syncs(
    spec: dict[str, Any], status: dict[str, Any], *, refused: bool
) -> None:
    """An Application that syncs by itself and has the object, or whose name is on it, stands in the
    way, unless it is about another cluster."""
    resource = {"kind": "ConfigMap", "namespace": "media", "name": "settings", "version": "v1"}
    body = {
        "metadata": {"name": "player", "namespace": "argocd"},
        "spec": {"destination": HERE, **spec},
        "status": {"resources": [resource], **status},
    }
    found = argo_applications.read([body], Clusters(elsewhere=("lab-*",)))
    key = key_of(live_map())
    problem = argo_applications.syncing(key, (), found)
    assert (problem is not None) is refused
    if problem:
        assert "kubectl -n argocd patch application player" in problem.remedy
    other = key_of(config_map("other", namespace="media"))
    assert argo_applications.syncing(other, (), found) is None
    assert (argo_applications.syncing(other, ["argocd_player"], found) is not None) is refused
    assert argo_applications.unknown(["player", "lost"], found) == ["lost"]


def test_backup_brings_everything_back(tmp_path: Path) -> None:
    """Labels, annotations and owners are as before; what others have written since is not lost."""
    before = live_map(
        entry("argocd-controller", data("a")),
        entry("kubectl-edit", data("b"), operation="Update"),
        labels={INSTANCE: "player"},
        annotations={TRACKING_ID: "player:/ConfigMap:media/settings", LAST_APPLIED: "{}"},
        data={"a": "1", "b": "1"},
    )
    file = tmp_path / "new" / "backup.json"
    backup.write(file, "prod", [before])
    assert file.stat().st_mode & 0o077 == 0
    saved = backup.read(file)
    assert saved.stack == "prod"
    now = live_map(
        entry("home-ops", data("a")),
        entry("someone", data("c"), operation="Update"),
        labels={"home-ops/application": "app", "new": "1"},
        annotations={"home-ops/stack": "prod", "pulumi.com/patchForce": "true", "new": "1"},
        data={"b": "1", "c": "1"},
    )
    [each] = saved.objects
    restored = backup.restored(each, now)
    assert restored["metadata"]["labels"] == {INSTANCE: "player", "new": "1"}
    assert restored["metadata"]["annotations"] == {
        **before["metadata"]["annotations"],
        "new": "1",
    }
    assert restored["data"] == now["data"]
    fields = backup.former_managed_fields(each, restored)
    assert {each["manager"]: each["fieldsV1"] for each in fields} == {
        "argocd-controller": {"f:data": {".": {}}},  # `a` is not there any more
        "kubectl-edit": data("b"),
        "someone": data("c"),
    }
    assert len(owned(before)) == 2, "what was saved is left as it was"


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"format": 2}'])
def test_another_file_is_no_backup(tmp_path: Path, content: str) -> None:
    """It is refused with what to name instead."""
    file = tmp_path / "file.json"
    file.write_text(content)
    with pytest.raises(ConfigError, match="gitops adopt --yes"):
        backup.read(file)
