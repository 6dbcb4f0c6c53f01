"""Partial applies: what is registered of an object whose fields are not all ours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest

from gitops.application_target import ApplicationTarget
from gitops.deployment.inventory import Inventory
from gitops.ignoring.apply import LastAndLive, LiveOwners, leave_out
from gitops.ignoring.partial import Partial
from gitops.ignoring.rules import IgnoreRule
from gitops.objects.manifest import Manifest, ResourceKey
from gitops.syncing.options import ObjectOptions
from tests.gitops import objects

RULE = IgnoreRule(group="apps", kind="Deployment", json_pointers=("/spec/replicas",))
OURS, SCALER = "home-ops", "kube-controller-manager"
REPLICAS: dict[str, Any] = {"f:spec": {"f:replicas": {}, "f:paused": {}}}
PAUSED: dict[str, Any] = {"f:spec": {"f:paused": {}}}


def deployment(**spec: Any) -> dict[str, Any]:
    """A Deployment."""
    return objects.an_object("apps/v1", "Deployment", "web", namespace="media", spec=spec)


def live(**managers: Mapping[str, Any]) -> dict[str, Any]:
    """Its metadata in the cluster, with what each manager owns; ``_`` stands for a hyphen."""
    entries = [
        {"manager": name.replace("_", "-"), "fieldsV1": fields} for name, fields in managers.items()
    ]
    metadata = {"name": "web", "namespace": "media", "managedFields": entries}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata}


def steered(body: dict[str, Any]) -> dict[str, Any]:
    """An object as the state has it."""
    metadata = {**body["metadata"], "annotations": {"pulumi.com/patchForce": "true"}}
    return {**body, "metadata": metadata}


class Cluster:
    """Counts what is asked beside the listing."""

    def __init__(self, *bodies: Mapping[str, Any]) -> None:
        self.bodies = {objects.key_of(each): each for each in bodies}
        self.asked: list[ResourceKey] = []

    def find(self, keys: Sequence[ResourceKey]) -> Mapping[ResourceKey, Mapping[str, Any]]:
        """The objects that are there."""
        self.asked += keys
        return {key: self.bodies[key] for key in keys if key in self.bodies}


def applied(
    target: dict[str, Any],
    *,
    last: dict[str, Any] | None = None,
    found: Mapping[str, Any] | None = None,
    rules: Sequence[IgnoreRule] = (RULE,),
) -> Partial | None:
    """What is applied of one object."""
    inventory = objects.inventory(objects.deployed(last)) if last else Inventory()
    cluster = Cluster(*([found] if found else []))
    owners = LiveOwners(listed=cluster.bodies, find=cluster.find)
    spec = replace(objects.application(), ignore_differences=tuple(rules))
    manifest = Manifest.from_body(target)
    known = LastAndLive(inventory=inventory, owners=owners)
    [result] = leave_out([ApplicationTarget(spec=spec, manifests=(manifest,))], (), known)
    assert result.manifests == (manifest,)
    return result.partials.get(manifest.key)


def test_a_new_object_gets_all_its_fields() -> None:
    """Nothing is left out of an object that is not there."""
    assert applied(deployment(replicas=1)) is None


def test_nothing_else_changed() -> None:
    """Whatever Git says in an ignored field, the last deployment is registered again."""
    last = steered(deployment(replicas=1, paused=True))
    for target in (deployment(replicas=7, paused=True), deployment(paused=True)):
        found = applied(target, last=last, found=live(home_ops=PAUSED, kube_controller_manager={}))
        assert found is not None
        assert found.last == last


def test_something_else_changed() -> None:
    """A field that another manager owns is left out, and the last deployment is no matter."""
    last = steered(deployment(replicas=1, paused=True))
    owners = live(home_ops=PAUSED, kube_controller_manager={"f:spec": {"f:replicas": {}}})
    found = applied(deployment(replicas=1, paused=False), last=last, found=owners)
    assert found is not None
    assert found.last is None
    assert found.body["spec"] == {"paused": False}
    assert found.ignored == ("/spec/replicas",)


def test_a_field_that_is_ours_alone_is_not_taken_away() -> None:
    """It stays with Git's value, or the last one where Git no longer has it: leaving it out would
    delete it in the cluster."""
    last = steered(deployment(replicas=2, paused=True))
    for git in ({"replicas": 3}, {}):
        target = deployment(paused=False, **git)
        found = applied(target, last=last, found=live(home_ops=REPLICAS))
        assert found is not None
        assert found.body["spec"] == {"paused": False, "replicas": git.get("replicas", 2)}


def test_an_object_adopted() -> None:
    """Of an object that is in the cluster and in no state, what others own is left out."""
    owners = live(home_ops=PAUSED, kubectl={"f:spec": {"f:replicas": {}}})
    found = applied(deployment(replicas=1, paused=True), found=owners)
    assert found is not None
    assert found.last is None
    assert found.body["spec"] == {"paused": True}


def test_managers() -> None:
    """What a manager owns is ignored while it owns it, and ours again when it lets go."""
    rule = IgnoreRule(group="*", kind="*", managed_fields_managers=(SCALER,))
    last = steered(deployment(paused=True))
    target = deployment(replicas=1, paused=True)
    owners = live(home_ops=PAUSED, kube_controller_manager={"f:spec": {"f:replicas": {}}})
    found = applied(target, last=last, found=owners, rules=[rule])
    assert found is not None
    assert found.last == last
    assert applied(target, last=last, found=live(home_ops=PAUSED), rules=[rule]) is None


def test_the_digest_does_not_follow_the_cluster() -> None:
    """An Application's digest is that of what Git says."""
    target = ApplicationTarget(
        spec=replace(objects.application(), ignore_differences=(RULE,)),
        manifests=(Manifest.from_body(deployment(replicas=1)),),
    )
    owners = LiveOwners(listed={target.manifests[0].key: live(other=REPLICAS)}, find=lambda _: {})
    known = LastAndLive(inventory=Inventory(), owners=owners)
    [found] = leave_out([target], (), known)
    assert found.partials
    assert found.digest == target.digest


def test_the_cluster_is_asked_only_about_what_a_rule_is_about() -> None:
    """No rule that matches, no request; a listed object needs none either."""
    other = Manifest.from_body(objects.config_map(namespace="media"))
    listed = Manifest.from_body(deployment(replicas=1))
    cluster = Cluster()
    body = live(home_ops=REPLICAS)
    owners = LiveOwners(listed={listed.key: body}, find=cluster.find)
    known = LastAndLive(inventory=Inventory(), owners=owners)
    spec = replace(objects.application(), ignore_differences=(RULE,))
    leave_out([ApplicationTarget(spec=spec, manifests=(other, listed))], (), known)
    assert cluster.asked == []
    unlisted = Manifest.from_body({**deployment(replicas=1), "metadata": {"name": "second"}})
    leave_out([ApplicationTarget(spec=spec, manifests=(other, unlisted))], (), known)
    assert cluster.asked == [unlisted.key]


def test_without_a_cluster() -> None:
    """In a preview without a cluster, what the last deployment knows loses its ignored fields."""
    target = deployment(replicas=1, paused=False)
    spec = replace(objects.application(), ignore_differences=(RULE,))
    manifest = Manifest.from_body(target)
    for last, fields in ((None, None), (deployment(replicas=1, paused=True), {"paused": False})):
        inventory = objects.inventory(objects.deployed(last)) if last else Inventory()
        known = LastAndLive(inventory=inventory, owners=None)
        [found] = leave_out([ApplicationTarget(spec=spec, manifests=(manifest,))], (), known)
        part = found.partials.get(manifest.key)
        assert (part.body["spec"] if part else None) == fields


def test_what_is_replaced_is_created_with_all_its_fields() -> None:
    """Nothing is left out of an object that is deleted and created again."""
    manifest = Manifest.from_body(deployment(replicas=1))
    target = ApplicationTarget(
        spec=replace(objects.application(), ignore_differences=(RULE,)),
        manifests=(manifest,),
        replacements={manifest.key: ("spec.selector",)},
    )
    owners = LiveOwners(listed={manifest.key: live(other=REPLICAS)}, find=lambda _: {})
    [found] = leave_out([target], (), LastAndLive(inventory=Inventory(), owners=owners))
    assert found.partials == {}


def test_a_rule_that_cannot_be_evaluated_breaks_its_applications() -> None:
    """The error names the Application, the object and the expression; others are not concerned."""
    rule = IgnoreRule(group="apps", kind="Deployment", jq_path_expressions=(".",))
    manifest = Manifest.from_body(deployment(replicas=1))
    owners = LiveOwners(listed={manifest.key: live(other=REPLICAS)}, find=lambda _: {})
    targets = [
        ApplicationTarget(spec=objects.application("b")),
        ApplicationTarget(
            spec=replace(objects.application("a"), ignore_differences=(rule,)),
            manifests=(manifest,),
        ),
    ]
    found = leave_out(targets, (), LastAndLive(inventory=Inventory(), owners=owners))
    assert found[0].error is None
    assert str(found[1].error).startswith(
        "media/a: ignoreDifferences for Deployment.apps media/web"
    )
    assert found[1].manifests == ()


@pytest.mark.parametrize("broken", [False, True])
def test_an_autoscaler_of_another_application(broken: bool) -> None:  # noqa: FBT001 - a case
    """What an autoscaler scales is known from the manifests of all Applications, and of a broken
    one from the last deployment."""
    reference = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}
    scaler = objects.an_object(
        "autoscaling/v2",
        "HorizontalPodAutoscaler",
        "web",
        namespace="media",
        spec={"scaleTargetRef": reference},
    )
    manifest = Manifest.from_body(deployment(replicas=1))
    other = ApplicationTarget(
        spec=objects.application("b"), manifests=(Manifest.from_body(scaler),)
    )
    inventory = Inventory()
    if broken:
        other = other.broken(OSError("b"))  # type: ignore[arg-type]  # any error will do
        inventory = objects.inventory(objects.deployed(scaler, application="b"))
    owners = LiveOwners(listed={manifest.key: live(other=REPLICAS)}, find=lambda _: {})
    web = ApplicationTarget(spec=objects.application("a"), manifests=(manifest,))
    known = LastAndLive(inventory=inventory, owners=owners)
    found = leave_out([web, other], (), known)
    assert list(found[0].partials) == [manifest.key]


def test_applied_client_side() -> None:
    """Where a field that is left out would be deleted, it is sent as it is in the cluster."""
    manifest = Manifest.from_body(deployment(replicas=1, paused=False, progress=1))
    rule = replace(RULE, json_pointers=("/spec/replicas", "/spec/progress"))
    target = ApplicationTarget(
        spec=replace(objects.application(), ignore_differences=(rule,)),
        manifests=(manifest,),
        default_options=ObjectOptions(server_side_apply=False),
    )
    found = {**live(other=REPLICAS), "spec": {"replicas": 5, "paused": True}}
    owners = LiveOwners(listed={manifest.key: live(other=REPLICAS)}, find=Cluster(found).find)
    last = objects.inventory(objects.deployed(steered(deployment(replicas=1, paused=True))))
    [result] = leave_out([target], (), LastAndLive(inventory=last, owners=owners))
    assert result.partials[manifest.key].body["spec"] == {"replicas": 5, "paused": False}


def test_the_label_of_client_side_apply_is_no_difference() -> None:
    """The provider's own label in the state does not make an object look changed."""
    for labels in ({}, {"app.kubernetes.io/managed-by": "Helm"}):
        target = deployment(replicas=1)
        target["metadata"]["labels"] = labels
        last = steered(deployment(replicas=2))
        last["metadata"]["labels"] = {"app.kubernetes.io/managed-by": "pulumi"}
        found = applied(target, last=last, found=live(other=REPLICAS))
        assert found is not None
        assert found.last == last
