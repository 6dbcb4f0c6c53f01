"""Whether an Application is what Git says: missing, different and extraneous objects."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from gitops.application_target import ApplicationTarget
from gitops.comparison import (
    Comparison,
    ObjectDrift,
    Why,
    compare_object,
    extraneous,
    object_digest,
    shared_rules,
    version_of,
)
from gitops.errors import DiscoveryError, RenderError
from gitops.ignoring.rules import IgnoreRule
from gitops.objects.manifest import Manifest
from gitops.objects.orphans import LiveObject
from gitops.objects.ownership import Ownership, marked
from gitops.records.record import SyncStatus
from gitops.syncing.hook_objects import HOOK_PHASE
from gitops.syncing.hook_plan import PlannedHook
from gitops.target import Target
from tests.gitops.objects import (
    HELM_POLICY,
    SYNC_OPTIONS,
    an_object,
    application,
    config_map,
    definition,
    key_of,
)

APP = application()
COMPARE_OPTIONS = "argocd.argoproj.io/compare-options"
BROKEN = RenderError("media/jellyfin", "is broken", remedy="repair it")


def manifest(**fields: Any) -> Manifest:
    return Manifest.from_body(config_map(**fields))


def live(
    body: dict[str, Any], *, application: str = APP.name, stack: str = "local", **metadata: Any
) -> LiveObject:
    """An object as a run of a stack left it in the cluster."""
    owned = marked(body, key_of(body), Ownership(application=application, stack=stack))
    return LiveObject.from_body(
        {**owned, "metadata": {"uid": "1", "resourceVersion": "7", **owned["metadata"], **metadata}}
    )


def names(found: Sequence[ObjectDrift]) -> list[str]:
    return [each.key.name for each in found]


def beside(target: Target, *objects: LiveObject) -> dict[str, list[str]]:
    found = extraneous(target, objects, stack="local")
    return {name: names(drifts) for name, drifts in found.items()}


def test_one_object() -> None:
    """An object is missing, being deleted, different in named fields, or as Git has it."""
    target = manifest(data={"a": "1"})
    missing = compare_object(target, None, ())
    assert missing is not None
    assert (missing.why, missing.api_version) == (Why.MISSING, "v1")
    there = {**config_map(data={"a": "1"}), "metadata": {"name": "settings", "uid": "1"}}
    assert compare_object(target, there, ()) is None
    going = {
        **there,
        "metadata": {**there["metadata"], "deletionTimestamp": "2026-01-01T00:00:00Z"},
    }
    gone = compare_object(target, going, ())
    assert gone is not None
    assert (gone.why, gone.differences[0].path) == (Why.MISSING, "metadata.deletionTimestamp")
    other = compare_object(target, {**there, "data": {"a": "2"}}, ())
    assert other is not None
    assert (other.why, [each.path for each in other.differences]) == (Why.DIFFERENT, ["data.a"])
    rule = IgnoreRule(kind="ConfigMap", json_pointers=("/data/a",))
    assert compare_object(target, {**there, "data": {"a": "2"}}, (rule,)) is None


def test_extraneous_objects() -> None:
    """What is ours and in no target is extraneous, in living Applications and in departed ones."""
    target = Target(applications=(ApplicationTarget(spec=APP, manifests=(manifest(name="kept"),)),))
    found = beside(
        target,
        live(config_map("kept")),
        live(config_map("old")),
        live(config_map("theirs"), application="departed"),
        live(config_map("other-stack"), stack="other"),
    )
    assert found == {APP.name: ["old"], "departed": ["theirs"]}


def test_a_hook_that_is_anothers_by_now() -> None:
    """A hook that has become another Application's is not extraneous where it ran last."""
    hook = PlannedHook(manifest=manifest(name="hook"), delete_policies=frozenset())
    target = Target(applications=(ApplicationTarget(spec=APP, manifests=(), hooks=(hook,)),))
    assert beside(target, live(config_map("hook"), application="departed")) == {}


@pytest.mark.parametrize(
    "body",
    [
        config_map(annotations={COMPARE_OPTIONS: "IgnoreExtraneous"}),
        config_map(annotations={SYNC_OPTIONS: "Prune=false"}),
        config_map(annotations={HELM_POLICY: "keep"}),
        config_map(labels={HOOK_PHASE: "Sync"}),
        an_object("v1", "Namespace", "kube-system"),
    ],
    ids=["ignored", "unpruned", "kept-by-helm", "of-a-hook", "never-deleted"],
)
def test_what_no_sync_would_delete_is_not_extraneous(body: dict[str, Any]) -> None:
    """An object that a rule keeps, ignores or leaves to hooks does not make an Application
    OutOfSync: no sync could ever change that."""
    assert beside(Target(applications=(ApplicationTarget(spec=APP),)), live(body)) == {}


def test_what_is_going_is_not_extraneous() -> None:
    """An object that is being deleted needs no sync to go."""
    going = live(config_map(), deletionTimestamp="2026-01-01T00:00:00Z")
    assert beside(Target(applications=(ApplicationTarget(spec=APP),)), going) == {}


def test_definitions_of_a_departed_application_stay() -> None:
    """The definitions of an Application that has left Git are kept, so they are no reason for a
    sync; those a living Application drops are pruned."""
    widget = live(definition())
    assert beside(Target(applications=()), widget) == {}
    found = beside(Target(applications=(ApplicationTarget(spec=APP),)), widget)
    assert found == {APP.name: ["widgets.example.com"]}


def test_a_broken_application_has_nothing_extraneous() -> None:
    """While an Application cannot be rendered nobody knows what it should not have; while a
    directory cannot be read nobody knows which Applications are gone."""
    broken = Target(applications=(ApplicationTarget(spec=APP, error=BROKEN),))
    assert beside(broken, live(config_map())) == {}
    unread = Target(
        applications=(), errors=(DiscoveryError("media/x", "cannot be read", remedy="repair it"),)
    )
    assert beside(unread, live(config_map())) == {}


def test_the_status_of_an_application() -> None:
    """OutOfSync wins over what could not be compared; an error, or a kind nobody could list, is
    Unknown."""
    key = key_of(config_map())
    drift = ObjectDrift(key=key, api_version="v1", why=Why.EXTRANEOUS)
    assert Comparison(application="a").status is SyncStatus.SYNCED
    assert Comparison(application="a", unknown=(key,)).status is SyncStatus.UNKNOWN
    both = Comparison(application="a", unknown=(key,), drifts=(drift,))
    assert (both.status, both.only_prune) == (SyncStatus.OUT_OF_SYNC, True)
    assert both.without({key}).drifts == ()
    assert Comparison(application="a", error=BROKEN, drifts=(drift,)).status is SyncStatus.UNKNOWN


def test_rules_of_a_broken_application_stay() -> None:
    """An autoscaler of an Application that cannot be rendered still owns what it scales."""
    reference = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}
    scaler = an_object(
        "autoscaling/v2",
        "HorizontalPodAutoscaler",
        "web",
        namespace="media",
        spec={"scaleTargetRef": reference},
    )
    target = Target(applications=(ApplicationTarget(spec=APP, error=BROKEN),))
    assert shared_rules(target, (), ()) == ()
    rules = shared_rules(target, (), [live(scaler)])
    assert [(each.kind, each.name, each.json_pointers) for each in rules] == [
        ("Deployment", "web", ("/spec/replicas",))
    ]


def test_digests_and_versions() -> None:
    """A digest does not depend on the order of fields; a version changes with the live object."""
    assert object_digest({"a": 1, "b": 2}) == object_digest({"b": 2, "a": 1})
    assert object_digest({"a": 1}) != object_digest({"a": 2})
    assert version_of(live(config_map()).body) == "1/7"
