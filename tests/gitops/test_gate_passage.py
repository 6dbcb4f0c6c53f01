"""What of a run goes through the prune gate: the target, the plan and the objects that are left."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from gitops.application import ApplicationSetSpec
from gitops.application_target import ApplicationTarget
from gitops.config import Settings
from gitops.deployment.inventory import Inventory, InventoryObject
from gitops.errors import DiscoveryError
from gitops.gate.passage import Passage, complete, pass_gate
from gitops.gate.settings import ANNOTATION
from gitops.objects.manifest import Manifest, ResourceKey
from gitops.objects.orphans import LiveObject
from gitops.objects.ownership import STACK
from gitops.prune import PruneAction, PrunePolicy, plan
from gitops.target import Target
from tests.gitops.objects import (
    SYNC_OPTIONS,
    an_object,
    application,
    config_map,
    deployed,
    inventory,
    key_of,
)

CLAIM = an_object("v1", "PersistentVolumeClaim", "data", namespace="media")
SETTINGS = Settings(cluster="local")


def living(name: str, *bodies: dict[str, Any], **more: Any) -> ApplicationTarget:
    """An Application as composition hands it over."""
    manifests = tuple(Manifest.from_body(body) for body in bodies)
    return ApplicationTarget(spec=application(name, **more), manifests=manifests)


def passed(
    target: list[ApplicationTarget],
    *last: InventoryObject,
    settings: Settings = SETTINGS,
    live: tuple[LiveObject, ...] = (),
    errors: tuple[DiscoveryError, ...] = (),
    sync_options: dict[str, dict[str, str]] | None = None,
) -> tuple[Passage, Inventory]:
    """A run up to the components."""
    found = inventory(*last)
    policy = PrunePolicy(
        prune={each.spec.name: True for each in target}, sync_options=sync_options or {}
    )
    whole = Target(applications=tuple(target), errors=errors)
    passage = pass_gate(
        plan(whole.keys, found, policy),
        [],
        settings=settings,
        target=whole,
        inventory=found,
        live=live,
        stack="test",
    )
    return complete(passage, set(passage.target.keys), found), found


def kept(passage: Passage) -> set[ResourceKey]:
    """The objects that are registered as stubs."""
    return {each.object.key for each in passage.prune.of(PruneAction.KEEP)}


def test_a_stopped_application_stays_as_it_is() -> None:
    """It has no target in this run, and everything it had is kept and held."""
    passage, _ = passed(
        [living("web", config_map(namespace="media", data={"a": "2"}))],
        deployed(CLAIM, application="web"),
        deployed(config_map(namespace="media"), application="web"),
    )
    (web,) = passage.target.applications
    assert web.stopped and web.manifests == () and web.error is None
    assert kept(passage) == passage.held == {key_of(CLAIM), key_of(config_map(namespace="media"))}
    assert "web: the prune gate keeps 1 object" in passage.warnings[0]


def test_what_moved_to_a_stopped_application_stays_where_it_was() -> None:
    """An object that another Application gives to a stopped one is not pruned from the other."""
    moved = config_map("moved", namespace="media")
    passage, _ = passed(
        [living("web", moved), living("other", config_map("own", namespace="media"))],
        deployed(CLAIM, application="web"),
        deployed(moved, application="other"),
    )
    assert kept(passage) == passage.held == {key_of(CLAIM), key_of(moved)}
    owners = {each.object.key: each.object.application for each in passage.prune.decisions}
    assert owners[key_of(moved)] == "other"


def test_the_namespace_of_what_stays_stays() -> None:
    """A namespace CreateNamespace made is not forgotten while something stopped is in it."""
    namespace = an_object("v1", "Namespace", "media")
    passage, _ = passed(
        [living("web")],
        deployed(CLAIM, application="web"),
        deployed(namespace, application="", application_set="", retained=True),
    )
    assert key_of(namespace) in kept(passage) & passage.held


def test_a_new_application_waits_for_a_stopped_one() -> None:
    """What moves to another namespace is not made there before it may be deleted where it is."""
    arrived = config_map(namespace="video")
    passage, _ = passed(
        [living("new", arrived), living("third", config_map("third", namespace="media"))],
        deployed(config_map(namespace="media"), application="old"),
        deployed(config_map("third", namespace="media"), application="third"),
    )
    assert [each.spec.name for each in passage.target.applications] == ["third"]
    assert passage.waiting == {"new": "old"}
    (warning,) = passage.warnings
    assert "ConfigMap media/settings -> video/settings" in warning
    assert "new would get some of them and is not made before that" in warning


def test_nothing_left_git_where_a_directory_is_broken() -> None:
    """A directory that could not become an Application may be one that seems to have left Git:
    only moves still count, for their other half would be made."""
    error = DiscoveryError("apps/media/web", "broken", remedy="repair")
    claim = deployed(CLAIM, application="web")
    passage, _ = passed([], claim, errors=(error,))
    assert passage.warnings == () and passage.gate.stopped == {}
    passage, _ = passed(
        [living("new", an_object("v1", "PersistentVolumeClaim", "data", namespace="video"))],
        claim,
        errors=(error,),
    )
    assert list(passage.gate.stopped) == ["web"] and passage.waiting == {"new": "web"}


def test_what_the_engine_would_forget_is_deleted_by_uid() -> None:
    """A confirmed object that its Application's going protects in the state is handed over with
    the uid of the live object, or of the state where nobody listed it."""
    body = config_map(namespace="media", annotations={SYNC_OPTIONS: "Delete=confirm"})
    last = replace(
        deployed(body, application="web", retained_with_application=True),
        live={**body, "metadata": {**body["metadata"], "uid": "of-the-state"}},
    )
    others = living("other", config_map("other", namespace="media"))
    stopped, _ = passed([others], last)
    token = stopped.gate.confirm
    confirmed, _ = passed([others], last, settings=replace(SETTINGS, confirm=frozenset({token})))
    assert confirmed.gate.stopped == {} and not kept(confirmed)
    assert [(each.key, each.uid) for each in confirmed.forgotten] == [
        (key_of(body), "of-the-state")
    ]
    mine, theirs = (
        LiveObject.from_body(config_map(namespace="media", annotations={STACK: stack}))
        for stack in ("test", "another")
    )
    live = (replace(mine, uid="of-the-cluster"), replace(theirs, uid="of-another-stack"))
    anew, _ = passed(
        [others], last, live=live, settings=replace(SETTINGS, confirm=frozenset({token}))
    )
    assert list(anew.gate.stopped) == ["web"] and anew.forgotten == ()
    assert f"the prune gate: {token} confirms nothing now" in anew.notes


def test_a_kept_object_keeps_what_only_a_going_application_protects() -> None:
    """Where one object of a departed Application stays, its component stays, and the engine would
    delete what ``deletedWith`` protects: that is kept until all go."""
    keeping = config_map("late", namespace="media", annotations={SYNC_OPTIONS: "Delete=false"})
    early = config_map("early", namespace="media", annotations={SYNC_OPTIONS: "Delete=false"})
    passage, _ = passed(
        [living("other", config_map("other", namespace="media"))],
        deployed(keeping, application="web"),
        deployed(early, application="web", retained_with_application=True),
    )
    assert kept(passage) == {key_of(keeping), key_of(early)}
    assert passage.held == frozenset()


def test_places_of_a_confirmation() -> None:
    """The config, a set's template, and the Application itself."""
    last = deployed(CLAIM, application="web")
    target = living("web", config_map(namespace="media"))
    stopped, _ = passed([target], last)
    token = stopped.gate.stopped["web"].confirm
    own = replace(target, spec=replace(target.spec, confirm=frozenset({token})))
    annotated = replace(target, spec=replace(target.spec, annotations={ANNOTATION: token}))
    template = {"metadata": {"annotations": {ANNOTATION: f"{token}, prune-0123456789abcdef"}}}
    sets = (ApplicationSetSpec(name="media", directories=(), template=template),)
    for settings, found in (
        (replace(SETTINGS, confirm=frozenset({token})), target),
        (replace(SETTINGS, application_sets=sets), target),
        (SETTINGS, own),
        (SETTINGS, annotated),
    ):
        passage, _ = passed([found], last, settings=settings)
        assert passage.gate.stopped == {} and list(passage.gate.confirmed) == ["web"]
        assert "web: 1 deletion was confirmed" in passage.notes
