"""Every sync option has its effect on the live cluster: one stack, deployed three times."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from tests.e2e import objects
from tests.e2e.checkout import Checkout, application_set
from tests.e2e.conftest import NewCheckout
from tests.e2e.engine_run import EngineRun
from tests.e2e.live import CONFIG_MAPS, Body, Key, Live, until

pytestmark = pytest.mark.e2e

CLIENT_SIDE = objects.options("ServerSideApply=false")
SERVER_SIDE = objects.options("ServerSideApply=true")
REPLACE = objects.options("Replace=true")
MANAGED_BY = "app.kubernetes.io/managed-by"
OPTIONS: Mapping[str, tuple[str, ...]] = {
    "plain": ("CreateNamespace=true",),
    "client": ("CreateNamespace=true", "ServerSideApply=false"),
    "replacing": ("CreateNamespace=true", "Replace=true"),
    "orphaning": ("CreateNamespace=true", "PrunePropagationPolicy=orphan"),
    "background": ("CreateNamespace=true", "PrunePropagationPolicy=background"),
    "keeping": ("CreateNamespace=true", "Prune=false", "Delete=false"),
    "unmade": ("ApplyOutOfSyncOnly=true", "RespectIgnoreDifferences=true", "PruneLast=true"),
    "made": ("CreateNamespace=true", "ApplyOutOfSyncOnly=false"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """Three deployments: what ran, and what was in the cluster after each."""

    checkout: Checkout
    runs: tuple[EngineRun, ...]
    planned: EngineRun
    after: tuple[Mapping[Key, Body], ...]

    def find(self, deployment: int, name: str, kind: str = "ConfigMap") -> Body | None:
        """An object of ours after one of the deployments, by its name."""
        bodies = self.after[deployment].items()
        return next((b for key, b in bodies if (key.kind, key.name) == (kind, name)), None)

    def data(self, name: str) -> list[dict[str, str] | None]:
        """The data of a ConfigMap after each deployment."""
        found = [self.find(deployment, name) for deployment in range(3)]
        return [body["data"] if body else None for body in found]

    def uids(self, name: str, kind: str = "ConfigMap") -> set[str]:
        """The uids an object has had."""
        found = [self.find(deployment, name, kind) for deployment in range(3)]
        return {body["metadata"]["uid"] if body else "" for body in found}

    def managers(self, deployment: int, name: str) -> dict[tuple[str, str], set[str]]:
        """Who owns which keys of a ConfigMap's data, by manager and operation."""
        body = self.find(deployment, name)
        assert body
        return {
            (entry["manager"], entry["operation"]): {
                each.removeprefix("f:") for each in entry["fieldsV1"].get("f:data", {})
            }
            - {"."}
            for entry in body["metadata"]["managedFields"]
        }


@pytest.fixture(scope="module")
def story(new_checkout: NewCheckout) -> Story:
    """Deploy, let others write into the objects, change everything and deploy, and once more."""
    checkout = new_checkout("options")
    configure(checkout, tier="first")
    prepare_cluster(checkout)
    runs, after = [], []
    planned = None
    for deployment in range(3):
        lay_out(checkout, deployment)
        if deployment == 1:
            configure(checkout, tier="second")
            others_write(checkout)
            planned = checkout.preview().succeeded()
        runs.append(checkout.twice())
        after.append(checkout.live.owned(checkout.stack))
    assert planned
    return Story(checkout=checkout, runs=tuple(runs), planned=planned, after=tuple(after))


def configure(checkout: Checkout, *, tier: str, **more: Any) -> None:
    """A set for each combination of options."""
    sets = []
    for name, options in OPTIONS.items():
        found = application_set(
            name, path=f"apps/{name}/*", namespace=f"{checkout.id}-{name}", options=options
        )
        if name == "made":
            policy = found["template"]["spec"]["syncPolicy"]
            policy["managedNamespaceMetadata"] = {
                "labels": {"own": "taken-over", f"tier-{tier}": "x"},
                "annotations": {"tier": tier},
            }
        sets.append(found)
    checkout.configure(*sets, **more)


def prepare_cluster(checkout: Checkout) -> None:
    """Namespaces and an object that are there before anything is deployed."""
    live = checkout.live
    for name in ("unmade", "made"):
        namespace = objects.thing("v1", "Namespace", f"{checkout.id}-{name}")
        namespace["metadata"]["labels"] = {"own": "kept", "others": "kept"}
        live.request("POST", "/api/v1/namespaces", namespace)
    path = CONFIG_MAPS.path(f"{checkout.id}-unmade") + "?fieldManager=kubectl-client-side-apply"
    live.request("POST", path, objects.keyed("migrated", a="0", old="x"))


def lay_out(checkout: Checkout, deployment: int) -> None:
    """The tree of one of the three deployments."""
    value = str(deployment)
    write = checkout.write
    write("plain/switching", switching(deployment))
    started = objects.keyed("started", CLIENT_SIDE if deployment < 2 else None, a=value)
    started["metadata"]["labels"] = {MANAGED_BY: "Helm"}
    write("plain/started", started)
    write(
        "client/app", objects.keyed("by-set", a=value), objects.keyed("not", SERVER_SIDE, a=value)
    )
    write("replacing/app", objects.keyed("by-set-replaced", a=value))
    kept = {"a": value} if deployment < 2 else {"b": value}
    write("plain/replaced", objects.keyed("replaced", REPLACE if deployment < 2 else None, **kept))
    service = objects.service("unvalidated", port=80 + deployment)
    service["spec"]["nobodyKnows"] = "this"
    service["metadata"]["annotations"] = objects.options("Validate=false")
    write("plain/unvalidated", service)
    group = f"{checkout.id}.example"
    fixed = objects.thing(
        f"{group}/v1",
        "Fixed",
        "forced",
        annotations=objects.options("Force=true"),
        spec={"fixed": "first" if deployment == 0 else "second", "free": value},
    )
    write("plain/forced", fixed, fixed_definition(group), lenient(group, free=value))
    for name in ("orphaning", "background"):
        owners = [objects.deployment(name)] if deployment == 0 else []
        write(f"{name}/app", *owners, objects.keyed(f"beside-{name}", a="0"))
    if deployment < 2:
        write("keeping/going", *departing("gone", "Delete"))
    elif checkout.app("going", "keeping").exists():
        checkout.remove("keeping/going")
    write("keeping/app", *(departing("left", "Prune") if deployment == 0 else [objects.keyed("x")]))
    write("unmade/app", objects.keyed("migrated", a=value), objects.keyed("drifting", a="0"))
    write("made/app", objects.keyed("drifting-too", a="0"), objects.keyed("beside-it", a=value))


def switching(deployment: int) -> Body:
    """A ConfigMap that loses a key client-side and one when it is server-side again."""
    data = ({"client": "x", "server": "x"}, {"server": "x"}, {})[deployment]
    annotations = CLIENT_SIDE if deployment == 1 else None
    return objects.keyed("switching", annotations, a=str(deployment), **data)


def departing(name: str, option: str) -> list[Body]:
    """Two ConfigMaps: one that says nothing, one that permits what its Application does not."""
    permits = objects.options(f"{option}=true")
    return [objects.keyed(name, a="0"), objects.keyed(f"{name}-after-all", permits, a="0")]


def lenient(group: str, *, free: str) -> Body:
    """A custom resource with a field its definition does not have."""
    spec = {"fixed": "first", "free": free, "nobodyKnows": "this"}
    permits = objects.options("Validate=false")
    return objects.thing(f"{group}/v1", "Fixed", "lenient", annotations=permits, spec=spec)


def fixed_definition(group: str) -> Body:
    """A definition with a field that its own rule keeps from being changed."""
    found = objects.definition(group, "Fixed")
    rule = {"rule": "self == oldSelf", "message": "fixed is fixed"}
    fields = {
        "fixed": {"type": "string", "x-kubernetes-validations": [rule]},
        "free": {"type": "string"},
    }
    schema = found["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    schema["properties"]["spec"] = {"type": "object", "properties": fields}
    return found


def others_write(checkout: Checkout) -> None:
    """Somebody else adds a key to each ConfigMap, and changes one nobody changes in Git."""
    found = checkout.live.owned(checkout.stack)
    for key, body in found.items():
        if key.kind == "ConfigMap":
            drift = {"a": "drifted"} if key.name.startswith("drifting") else {}
            path = CONFIG_MAPS.path(key.namespace, key.name)
            patch = {"data": {"foreign": "x", **drift}}
            checkout.live.request("PATCH", path, patch)
            assert body


def test_switching_how_an_object_is_applied(story: Story) -> None:
    """From server-side to client-side apply and back the object stays, keys that leave Git go both
    ways, others' keys stay, and in the end one manager owns what is in Git."""
    assert len(story.uids("switching")) == 1
    assert story.data("switching") == [
        {"a": "0", "client": "x", "server": "x"},
        {"a": "1", "server": "x", "foreign": "x"},
        {"a": "2", "foreign": "x"},
    ]
    assert story.managers(1, "switching")["pulumi-kubernetes", "Update"] >= {"a"}
    last = story.managers(2, "switching")
    assert last["home-ops", "Apply"] == {"a"}
    assert ("pulumi-kubernetes", "Update") not in last


def test_client_side_apply_from_the_start(story: Story) -> None:
    """An object created client-side has no server-side owner until it is switched, its labels are
    those in Git, and switching does not replace it."""
    assert len(story.uids("started")) == 1
    assert ("home-ops", "Apply") not in story.managers(1, "started")
    assert story.managers(2, "started")["home-ops", "Apply"] == {"a"}
    for deployment in range(3):
        body = story.find(deployment, "started")
        assert body
        assert body["metadata"]["labels"][MANAGED_BY] == "Helm"
    assert story.data("started")[2] == {"a": "2", "foreign": "x"}


def test_server_side_apply_off_for_a_set(story: Story) -> None:
    """ServerSideApply=false of an Application holds but for objects that say true."""
    assert ("home-ops", "Apply") not in story.managers(2, "by-set")
    assert story.managers(2, "not")["home-ops", "Apply"] == {"a"}
    body = story.find(2, "by-set")
    assert body
    assert MANAGED_BY not in body["metadata"]["labels"]


@pytest.mark.parametrize("name", ["replaced", "by-set-replaced"])
def test_replace(story: Story, name: str) -> None:
    """Replace=true drops what is not in the manifest, whoever set it, and keeps the object."""
    assert len(story.uids(name)) == 1
    assert story.data(name)[1] == {"a": "1"}


def test_after_replace_the_fields_are_ours(story: Story) -> None:
    """Without the option again, a key that leaves Git leaves the cluster."""
    assert story.data("replaced")[2] == {"b": "2"}
    assert set(story.managers(2, "replaced")) == {("home-ops", "Apply")}


def test_validate_off(story: Story) -> None:
    """An object with a field its kind does not have is applied without it, and updated."""
    assert len(story.uids("unvalidated", "Service")) == 1
    body = story.find(2, "unvalidated", "Service")
    assert body
    assert "nobodyKnows" not in body["spec"]
    assert body["spec"]["ports"][0]["port"] == 82
    assert len(story.uids("lenient", "Fixed")) == 1
    body = story.find(2, "lenient", "Fixed")
    assert body
    assert body["spec"] == {"fixed": "first", "free": "2"}


def test_validate_on(story: Story) -> None:
    """Without Validate=false the API server refuses the same custom resource."""
    checkout = story.checkout
    refused = lenient(f"{checkout.id}.example", free="1")
    refused["metadata"] = {"name": "refused"}
    checkout.write("plain/refused", refused)
    planned = checkout.preview()
    assert planned.exit_code != 0
    assert ".spec.nobodyKnows: field not declared in schema" in planned.output
    checkout.remove("plain/refused")


def test_force(story: Story) -> None:
    """Force=true deletes and creates an object whose change the API server refuses, a preview says
    so, and a change it takes is made in place."""
    first, second, third = (story.find(deployment, "forced", "Fixed") for deployment in range(3))
    assert first
    assert second
    assert third
    assert first["metadata"]["uid"] != second["metadata"]["uid"] == third["metadata"]["uid"]
    assert third["spec"] == {"fixed": "second", "free": "2"}
    step = f"Fixed {story.checkout.id}-plain/forced"
    assert step in story.planned.replaced
    assert [step in run.replaced for run in story.runs] == [False, True, False]


@pytest.mark.parametrize(("name", "stays"), [("orphaning", True), ("background", False)])
def test_prune_propagation_policy(story: Story, name: str, *, stays: bool) -> None:
    """What a pruned Deployment owns is left alone with orphan, and goes with background."""
    live, namespace = story.checkout.live, f"{story.checkout.id}-{name}"
    assert story.find(1, name, "Deployment") is None
    if stays:
        (found,) = replica_sets(live, namespace)
        assert not found["metadata"].get("ownerReferences")
    else:
        until(lambda: not replica_sets(live, namespace), "the ReplicaSet to go", seconds=60)


def replica_sets(live: Live, namespace: str) -> list[Body]:
    """The ReplicaSets in a namespace."""
    path = f"/apis/apps/v1/namespaces/{namespace}/replicasets"
    return list(live.request("GET", path).get("items") or ())


def test_the_propagation_policy_stands_in_few_objects(story: Story) -> None:
    """Only objects whose policy is another than foreground carry the provider's annotation."""
    name = "pulumi.com/deletionPropagationPolicy"
    found = {
        key.namespace.removeprefix(f"{story.checkout.id}-"): body["metadata"]["annotations"][name]
        for key, body in story.after[0].items()
        if name in body["metadata"]["annotations"]
    }
    assert found == {"orphaning": "orphan", "background": "background"}


def test_prune_and_delete_of_an_application(story: Story) -> None:
    """Prune=false and Delete=false of an Application keep its objects, but for one that says
    otherwise itself."""
    namespace = f"{story.checkout.id}-keeping"
    there = {key.name for key in story.after[2] if key.namespace == namespace}
    assert there >= {"left", "gone"}
    assert not there & {"left-after-all", "gone-after-all"}


def test_apply_out_of_sync_only(story: Story) -> None:
    """An object that did not change in Git is not sent, though its neighbours are, true or false:
    what others did to it is still there."""
    for name in ("drifting", "drifting-too"):
        assert story.data(name)[2] == {"a": "drifted", "foreign": "x"}
    assert story.data("beside-it")[2] == {"a": "2", "foreign": "x"}


def test_client_side_apply_migration(story: Story) -> None:
    """What kubectl applied client-side becomes ours with the first change after the object was
    taken over: a key that is not in Git goes."""
    assert story.data("migrated")[0] == {"a": "0", "old": "x"}
    assert story.data("migrated")[2] == {"a": "2", "foreign": "x"}
    managers = {manager for manager, _ in story.managers(2, "migrated")}
    assert not any(manager.startswith("kubectl") for manager in managers)


def test_namespace_that_is_there_already(story: Story) -> None:
    """Without CreateNamespace it is left alone; with it, it gets what managedNamespaceMetadata says
    now, keeps what others gave it, and loses what managedNamespaceMetadata said before."""
    live, name = story.checkout.live, story.checkout.id
    unmade, made = (live.find("Namespace", f"{name}-{each}") for each in ("unmade", "made"))
    assert unmade
    assert made
    managers = {entry["manager"] for entry in unmade["metadata"]["managedFields"]}
    assert "home-ops" not in managers
    own = {"kubernetes.io/metadata.name": f"{name}-made"}
    assert made["metadata"]["labels"] == {
        **own,
        "own": "taken-over",
        "others": "kept",
        "tier-second": "x",
    }
    assert made["metadata"]["annotations"]["tier"] == "second"


def test_nobody_asks_for_a_namespace_that_is_not_made(story: Story) -> None:
    """Only namespaces of Applications with CreateNamespace are in the state."""
    named = {each["id"] for each in story.checkout.state() if each["type"].endswith(":Namespace")}
    made = {f"{story.checkout.id}-{name}" for name in OPTIONS if name != "unmade"}
    assert named == {*made, f"{story.checkout.id}-base"}


def test_unknown_fields_are_refused_client_side(story: Story) -> None:
    """Client-side apply would drop them in silence; the custom resource is named and stays as it
    was, and one of Kubernetes' own kinds is refused in any case."""
    checkout = story.checkout
    group, spec = f"{checkout.id}.example", {"fixed": "first", "free": "1"}
    custom = objects.thing(f"{group}/v1", "Fixed", "validated", annotations=CLIENT_SIDE, spec=spec)
    checkout.write("plain/validated", custom)
    checkout.up().succeeded()
    custom["spec"] |= {"nobodyKnows": "this", "free": "2"}
    checkout.write("plain/validated", custom)
    run = checkout.up()
    assert run.exit_code != 0
    assert 'unknown field "spec.nobodyKnows"' in run.output
    found = checkout.live.find("Fixed", "validated", f"{checkout.id}-plain")
    assert found
    assert found["spec"] == {"fixed": "first", "free": "1"}
    del custom["spec"]["nobodyKnows"]
    service = objects.service("validated")
    service["metadata"]["annotations"] = CLIENT_SIDE
    service["spec"]["nobodyKnows"] = "this"
    checkout.write("plain/validated", custom, service)
    assert "v1 does not have: spec.nobodyKnows" in checkout.preview().failed().output
    del service["spec"]["nobodyKnows"]
    checkout.write("plain/validated", custom, service)
    checkout.up().succeeded()


def test_broken_application_with_client_side_objects(story: Story) -> None:
    """Its objects stay as they were, and are what they were when it is repaired."""
    checkout = story.checkout
    good = [objects.keyed("by-set", a="2"), objects.keyed("not", SERVER_SIDE, a="2")]
    before = checkout.versions()
    checkout.write("client/app", *good, objects.keyed("wrong", objects.options("Prun=false")))
    checkout.up().failed()
    assert checkout.versions() == before
    checkout.write("client/app", *good)
    run = checkout.twice()
    assert run.updated == run.created == run.replaced == []
    assert checkout.versions() == before


def test_lost_state_with_client_side_objects(story: Story) -> None:
    """Objects created client-side are taken over by a run that knows nothing of them; the next one
    hands them to the other provider and touches none."""
    checkout = story.checkout
    before = checkout.uids()
    checkout.lose_state()
    checkout.up().succeeded()
    versions = checkout.versions()
    run = checkout.up().succeeded()
    assert run.created == run.replaced == run.deleted == []
    # what the API server drops was left out when it was taken over
    assert run.updated == [f"Fixed {checkout.id}-plain/lenient"]
    assert checkout.versions() == versions
    assert checkout.up().succeeded().changes == []
    after = checkout.uids()
    assert {key: uid for key, uid in before.items() if key in after} == after
