"""Shared objects: who owns what several Applications render."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from gitops.application_target import ApplicationTarget
from gitops.deployment.inventory import Inventory
from gitops.errors import OwnershipError, RenderError
from gitops.objects.manifest import Manifest, ResourceKey
from gitops.objects.ownership import STACK, TRACKING_ID
from gitops.objects.shared_objects import ARGOCD_TRACKING_ID, refuse_taken, settle, taken_by
from gitops.syncing.options import ObjectOptions
from tests.gitops.objects import (
    SYNC_WAVE,
    an_object,
    application,
    config_map,
    definition,
    deployed,
    inventory,
    key_of,
)


def target(name: str, *bodies: dict[str, Any]) -> ApplicationTarget:
    """An Application that renders these objects."""
    manifests = tuple(Manifest.from_body(body) for body in bodies)
    return ApplicationTarget(spec=application(name), manifests=manifests)


def outcome(targets: list[ApplicationTarget]) -> dict[str, list[str] | str]:
    """Each Application's objects, or why it is broken."""
    return {
        each.spec.name: each.error.reason
        if each.error
        else [manifest.key.name for manifest in each.manifests]
        for each in targets
    }


def test_nothing_is_shared() -> None:
    """Applications with objects of their own stay as they were."""
    targets = [target("a", config_map("one")), target("b", config_map("two"))]
    assert settle(targets) == targets
    assert settle([]) == []


def test_an_object_of_two_applications_is_refused() -> None:
    """The second is broken with both named, the first stays whole, though both are identical."""
    found = settle([target("b", config_map()), target("a", config_map(), config_map("own"))])
    assert outcome(found) == {
        "b": "ConfigMap settings is also rendered by media/a",
        "a": ["settings", "own"],
    }
    error = found[0].error
    assert isinstance(error, OwnershipError)
    assert error.subject == "media/b"
    assert found[0].manifests == ()


def test_of_three_all_but_the_first_are_refused() -> None:
    """Every Application but the first names the first."""
    found = settle([target(name, config_map()) for name in "cab"])
    refusal = "ConfigMap settings is also rendered by media/a"
    assert outcome(found) == {"c": refusal, "a": ["settings"], "b": refusal}


@pytest.mark.parametrize("shared", [definition(), an_object("v1", "Namespace", "media")])
def test_identical_definitions_and_namespaces_are_shared(shared: dict[str, Any]) -> None:
    """The first by name keeps it, the others lose it with a warning and keep the rest."""
    found = settle([target("b", shared, config_map("own")), target("a", shared)])
    name = shared["metadata"]["name"]
    assert outcome(found) == {"b": ["own"], "a": [name]}
    assert found[1].warnings == ()
    assert found[0].warnings == (
        f"media/b: {Manifest.from_body(shared).key} is identical in media/a, which owns it",
    )


def test_the_earlier_wave_wins_over_the_name() -> None:
    """Of two claims the one that is applied first is the owner's."""
    late = definition(annotations={SYNC_WAVE: "1"})
    found = settle([target("a", late), target("b", definition())])
    assert outcome(found)["b"] == ["widgets.example.com"]
    assert "is also rendered by media/b" in outcome(found)["a"]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (definition(), definition(versions=("v1", "v2"))),
        (
            an_object("v1", "Namespace", "media"),
            an_object("v1", "Namespace", "media", labels={"a": "b"}),
        ),
    ],
)
def test_differing_definitions_and_namespaces_are_refused(
    one: dict[str, Any], other: dict[str, Any]
) -> None:
    """What two Applications describe differently has no owner both could live with."""
    found = settle([target("a", one), target("b", other)])
    assert found[0].error is None
    assert isinstance(found[1].error, OwnershipError)


def test_a_broken_application_claims_nothing() -> None:
    """What it had is free for another to render."""
    error = RenderError("media/a", "cannot be rendered", remedy="repair it")
    broken = target("a", config_map()).broken(error)
    found = settle([broken, target("b", config_map())])
    assert found == [broken, target("b", config_map())]


def test_one_application_may_share_and_be_refused() -> None:
    """A refusal wins over a warning."""
    first = target("a", definition(), config_map())
    found = settle([first, target("b", definition(), config_map())])
    assert found[0] == first
    assert isinstance(found[1].error, OwnershipError)


def test_settling_twice_changes_nothing() -> None:
    """The outcome holds no object twice."""
    once = settle([target("a", definition()), target("b", definition(), config_map())])
    assert settle(once) == once


FAILING = ObjectOptions(fail_on_shared_resource=True)


def test_fail_on_shared_resource() -> None:
    """With FailOnSharedResource an identical definition of two Applications is no warning."""
    second = replace(target("b", definition()), default_options=FAILING)
    found = settle([target("a", definition()), second])
    assert outcome(found) == {
        "a": ["widgets.example.com"],
        "b": "CustomResourceDefinition.apiextensions.k8s.io widgets.example.com is also rendered "
        "by media/a",
    }


def live(name: str = "settings", **annotations: str) -> dict[str, Any]:
    """A ConfigMap in the cluster, by its own account somebody's."""
    names = {"ours": TRACKING_ID, "stack": STACK, "argocd": ARGOCD_TRACKING_ID}
    given = {names[key]: value for key, value in annotations.items()}
    return config_map(name, namespace="media", annotations=given)


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (live(), ""),
        (live(ours="jellyfin:/ConfigMap:media/settings", stack="here"), ""),
        (
            live(ours="jellyfin:/ConfigMap:media/settings", stack="there"),
            "Application jellyfin of the stack there",
        ),
        (live(ours="jellyfin:/ConfigMap:media/copied-from", stack="there"), ""),
        (live(argocd="plex:/ConfigMap:media/settings"), "Application plex of an ArgoCD"),
        (live(argocd="plex:/ConfigMap:media/copied-from"), ""),
        (live(argocd="here-media-mine:/ConfigMap:media/settings"), ""),
    ],
)
def test_whose_an_object_in_the_cluster_is(found: dict[str, Any], said: str) -> None:
    """It is somebody else's where it names another stack or an ArgoCD, and itself."""
    assert taken_by(found, "here-media-mine", stack="here") == said


def test_what_is_taken_in_the_cluster() -> None:
    """Only an Application that asks for it is broken, only by what it would create."""
    body = config_map(namespace="media")
    asking = replace(target("a", body), default_options=FAILING)
    key, taken = key_of(body), live(argocd="plex:/ConfigMap:media/settings")

    def find(keys: Sequence[ResourceKey]) -> dict[ResourceKey, dict[str, Any]]:
        return {each: taken for each in keys if each == key}

    found = refuse_taken([asking, target("b", body)], Inventory(), find, stack="here")
    assert outcome(list(found)) == {
        "a": "ConfigMap media/settings is in the cluster already and belongs to Application plex "
        "of an ArgoCD",
        "b": ["settings"],
    }
    assert refuse_taken([asking], inventory(deployed(body)), find, stack="here") == (asking,)
