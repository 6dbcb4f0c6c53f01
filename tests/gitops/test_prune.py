"""Pruning: what happens to objects that are not rendered any more, row by row of the keep table."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitops.deployment.inventory import InventoryObject
from gitops.prune import (
    PruneAction,
    PrunePolicy,
    decide,
    plan,
    stays_with_cluster,
    undeletable,
)
from gitops.syncing.options import ObjectOptions, Permission
from tests.gitops.objects import (
    HELM_POLICY,
    SYNC_OPTIONS,
    an_object,
    config_map,
    definition,
    deployed,
    inventory,
    key_of,
)

LIVING = PrunePolicy(prune={"local-media-jellyfin": True})
GONE = PrunePolicy()


def annotated(**annotations: str) -> dict[str, object]:
    """A ConfigMap with sync options or Helm's policy."""
    names = {"options": SYNC_OPTIONS, "helm": HELM_POLICY}
    return config_map(annotations={names[name]: text for name, text in annotations.items()})


@pytest.mark.parametrize(
    ("annotations", "left_living", "left_with_application"),
    [
        ({}, PruneAction.PRUNE, PruneAction.PRUNE),
        ({"options": "Prune=false"}, PruneAction.KEEP, PruneAction.PRUNE),
        ({"options": "Prune=confirm"}, PruneAction.KEEP, PruneAction.PRUNE),
        ({"options": "Delete=false"}, PruneAction.PRUNE, PruneAction.KEEP),
        ({"options": "Delete=confirm"}, PruneAction.PRUNE, PruneAction.KEEP),
        ({"options": "Validate=false , Prune=false"}, PruneAction.KEEP, PruneAction.PRUNE),
        ({"options": "Prune=false,Delete=false"}, PruneAction.KEEP, PruneAction.KEEP),
        ({"options": "Prune=true,Delete=true"}, PruneAction.PRUNE, PruneAction.PRUNE),
        ({"options": "PruneLast=true"}, PruneAction.PRUNE, PruneAction.PRUNE),
        ({"helm": "keep"}, PruneAction.KEEP, PruneAction.KEEP),
        ({"helm": "delete"}, PruneAction.PRUNE, PruneAction.PRUNE),
    ],
)
def test_keep_table(
    annotations: Mapping[str, str], left_living: PruneAction, left_with_application: PruneAction
) -> None:
    """Prune=false stops no delete and Delete=false no prune; Helm's keep stops both."""
    found = deployed(annotated(**annotations))
    assert decide(found, LIVING).action is left_living
    assert decide(found, GONE).action is left_with_application


def test_prune_off_keeps_everything() -> None:
    """An Application whose sync does not prune keeps what it has."""
    policy = PrunePolicy(prune={"local-media-jellyfin": False})
    decision = decide(deployed(config_map()), policy)
    assert (decision.action, decision.reason) == (PruneAction.KEEP, "prune is off")


def test_a_broken_application_keeps_everything() -> None:
    """An Application that cannot be rendered is never one to delete, whatever else is said."""
    policy = PrunePolicy(
        prune={"local-media-jellyfin": True}, broken=frozenset({"local-media-jellyfin"})
    )
    for body in (config_map(), annotated(options="Prune=true"), definition()):
        assert decide(deployed(body), policy).action is PruneAction.KEEP


def test_definitions() -> None:
    """A CustomResourceDefinition is pruned from a living Application and stays when it goes."""
    found = deployed(definition())
    assert decide(found, LIVING).action is PruneAction.PRUNE
    assert decide(found, GONE).action is PruneAction.KEEP


def test_a_preserving_set_keeps_its_applications_objects() -> None:
    """preserveResourcesOnDeletion counts when an Application goes, and only for its own set."""
    found = deployed(config_map())
    assert decide(found, PrunePolicy(preserving=frozenset({"media"}))).action is PruneAction.KEEP
    other = PrunePolicy(preserving=frozenset({"networking"}))
    assert decide(found, other).action is PruneAction.PRUNE
    living = PrunePolicy(prune={"local-media-jellyfin": True}, preserving=frozenset({"media"}))
    assert decide(found, living).action is PruneAction.PRUNE


@pytest.mark.parametrize("flag", ["retained", "retained_with_application"])
def test_what_the_state_protects_is_released(flag: str) -> None:
    """With the flag in the state an object is forgotten at once; without it, one run later."""
    kept = deployed(annotated(options="Delete=false"))
    safe = deployed(annotated(options="Delete=false"), **{flag: True})
    assert decide(kept, GONE).action is PruneAction.KEEP
    assert decide(safe, GONE).action is PruneAction.RELEASE


def test_an_application_that_preserved_at_its_last_sync_still_does() -> None:
    """A set that goes together with its Applications takes no preserved object with it."""
    found = deployed(config_map(), retained_with_application=True)
    decision = decide(found, GONE)
    assert decision.action is PruneAction.RELEASE
    assert decision.reason == "preserveResourcesOnDeletion at the last sync"
    assert decide(found, LIVING).action is PruneAction.PRUNE


@pytest.mark.parametrize("name", ["default", "kube-system", "kube-public", "kube-node-lease"])
@pytest.mark.parametrize("policy", [LIVING, GONE])
def test_cluster_namespaces_are_never_deleted(name: str, policy: PrunePolicy) -> None:
    """No Application, living or gone, deletes a namespace every cluster has."""
    body = an_object("v1", "Namespace", name)
    assert undeletable(key_of(body))
    assert decide(deployed(body), policy).action is PruneAction.KEEP
    # the flag that ties it to its Application saves nothing while that lives
    tied = deployed(body, retained_with_application=True)
    assert decide(tied, policy).action is PruneAction.KEEP
    assert decide(deployed(body, retained=True), policy).action is PruneAction.RELEASE


def test_other_namespaces_are_objects_like_any() -> None:
    """A Namespace an Application renders is deleted with it, and so is a custom kube-system."""
    assert decide(deployed(an_object("v1", "Namespace", "media")), GONE).action is PruneAction.PRUNE
    assert not undeletable(key_of(an_object("example.com/v1", "Namespace", "kube-system")))


def test_what_belongs_to_no_application() -> None:
    """Namespaces made by CreateNamespace stay; other objects of the bootstrap are pruned."""
    namespace = an_object("v1", "Namespace", "media")
    retained = deployed(namespace, application="", application_set="", retained=True)
    assert decide(retained, GONE).action is PruneAction.RELEASE
    assert decide(deployed(namespace, application=""), GONE).action is PruneAction.KEEP
    assert decide(deployed(config_map(), application=""), GONE).action is PruneAction.PRUNE


def test_skipped_objects_are_left_alone() -> None:
    """An object that became `hook: Skip` in Git is in no target, and is not deleted either."""
    found = deployed(config_map())
    policy = PrunePolicy(prune={"local-media-jellyfin": True}, skipped=frozenset({found.key}))
    decision = decide(found, policy)
    assert decision.action is PruneAction.KEEP
    assert decision.reason == "argocd.argoproj.io/hook: Skip"


def test_what_is_rendered_is_not_decided_about() -> None:
    """Only objects that left the target are in the plan, in the order of their identities."""
    names = ["c", "a", "b", "still-there"]
    last = inventory(*(deployed(config_map(name)) for name in names))
    found = plan([key_of(config_map("still-there")), key_of(config_map("new"))], last, LIVING)
    assert [each.object.key.name for each in found.decisions] == ["a", "b", "c"]
    assert found.of(PruneAction.PRUNE) == found.decisions
    assert found.of(PruneAction.KEEP) == ()


def test_moved_objects_are_not_decided_about() -> None:
    """An object another Application renders now is no object to prune, though its own is gone."""
    last = inventory(deployed(config_map(), application="local-media-old"))
    assert plan([key_of(config_map())], last, LIVING).decisions == ()


def test_reason_of_what_stays() -> None:
    """Why an object outlives its Application is said in the words of the rule."""
    none, confirm = ObjectOptions(), ObjectOptions(delete=Permission.CONFIRM)
    assert stays_with_cluster(config_map(), none, retained_application=False) == ""
    assert stays_with_cluster(config_map(), confirm, retained_application=False) == "Delete=confirm"
    assert stays_with_cluster(config_map(), none, retained_application=True) == (
        "preserveResourcesOnDeletion"
    )
    keep = annotated(helm="keep")
    assert stays_with_cluster(keep, none, retained_application=True) == (
        "helm.sh/resource-policy: keep"
    )


@pytest.mark.parametrize(
    ("application", "own", "reason"),
    [
        ("Prune=false,Delete=false", "", "{}=false"),
        ("Prune=confirm,Delete=confirm", "", "{}=confirm"),
        ("Prune=confirm,Delete=confirm", "Prune=false,Delete=false", "{}=false"),
        ("Prune=false,Delete=false", "Prune=true,Delete=true", ""),
        ("Prune=false,Delete=false", "Force=true", "{}=false"),
    ],
)
def test_an_objects_own_option_wins(application: str, own: str, reason: str) -> None:
    """What an Application says holds for its objects, living or gone, unless they say otherwise."""
    options = dict(option.split("=") for option in application.split(","))
    said = {"local-media-jellyfin": options}
    found = deployed(annotated(options=own))
    for name, policy in (
        ("Prune", PrunePolicy(prune={"local-media-jellyfin": True}, sync_options=said)),
        ("Delete", PrunePolicy(sync_options=said)),
    ):
        decision = decide(found, policy)
        assert (decision.action is PruneAction.KEEP) == bool(reason)
        if reason:
            assert decision.reason == reason.format(name)


@pytest.mark.parametrize("text", ["Prune=maybe", "Prun=false", "Prune=false,Prune=true"])
@pytest.mark.parametrize("policy", [LIVING, GONE])
def test_what_cannot_be_read_stays(text: str, policy: PrunePolicy) -> None:
    """An object of the last deployment whose options make no sense is kept, with the reason."""
    decision = decide(deployed(annotated(options=text)), policy)
    assert decision.action is PruneAction.KEEP
    assert decision.reason.startswith("its options cannot be read (")


OPTIONS = st.lists(
    st.sampled_from(
        ["Prune=false", "Prune=confirm", "Delete=false", "Delete=confirm", "Force=true"]
    )
).map(",".join)


@st.composite
def any_deployed(draw: st.DrawFn) -> InventoryObject:
    annotations = {SYNC_OPTIONS: draw(OPTIONS)}
    if draw(st.booleans()):
        annotations[HELM_POLICY] = draw(st.sampled_from(["keep", "other"]))
    name = draw(st.sampled_from(["kube-system", "default", "media", "a"]))
    api_version, kind = draw(
        st.sampled_from(
            [
                ("v1", "Namespace"),
                ("v1", "PersistentVolumeClaim"),
                ("apiextensions.k8s.io/v1", "CustomResourceDefinition"),
            ]
        )
    )
    application = draw(st.sampled_from(["", "alive", "unpruned", "broken", "gone"]))
    return deployed(
        an_object(api_version, kind, name, annotations=annotations),
        application=application,
        application_set=draw(st.sampled_from(["media", "kept"])) if application else "",
        retained=draw(st.booleans()),
        retained_with_application=draw(st.booleans()),
    )


@given(any_deployed())
def test_what_is_protected_is_never_pruned(found: InventoryObject) -> None:
    """Whatever else holds, no rule that protects an object loses to one that deletes it."""
    policy = PrunePolicy(
        prune={"alive": True, "unpruned": False},
        broken=frozenset({"broken"}),
        preserving=frozenset({"kept"}),
    )
    (decision,) = plan([], inventory(found), policy).decisions
    text = found.body["metadata"]["annotations"][SYNC_OPTIONS]
    options = {option for option in text.split(",") if option}
    names = [option.partition("=")[0] for option in options]
    at_odds = len(names) != len(set(names))
    gone = found.application == "gone"
    is_namespace = found.key.kind == "Namespace"
    protected = (
        found.application in {"broken", "unpruned"}
        or (found.application == "alive" and options & {"Prune=false", "Prune=confirm"})
        or (gone and options & {"Delete=false", "Delete=confirm"})
        or (found.application in {"alive", "gone"} and at_odds)
        or (gone and found.application_set == "kept")
        or (gone and found.retained_with_application)
        or (gone and found.key.kind == "CustomResourceDefinition")
        or (found.application and found.body["metadata"]["annotations"].get(HELM_POLICY) == "keep")
        or (is_namespace and found.key.name in {"kube-system", "default"})
        or (is_namespace and not found.application)
    )
    assert (decision.action is not PruneAction.PRUNE) == bool(protected)
    assert decision.reason


@given(any_deployed())
def test_nothing_is_released_that_the_engine_would_delete(found: InventoryObject) -> None:
    """What the state forgets carries the flag that keeps the engine from deleting it."""
    policy = PrunePolicy(prune={"alive": True}, preserving=frozenset({"kept"}))
    if decide(found, policy).action is PruneAction.RELEASE:
        application_goes = found.application in {"gone", "unpruned", "broken"}
        assert found.retained or (application_goes and found.retained_with_application)
