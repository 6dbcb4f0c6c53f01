"""Ownership: how an object says whose it is, and when it is believed."""

from __future__ import annotations

import copy
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitops.objects.manifest import Manifest, ResourceKey
from gitops.objects.ownership import (
    APPLICATION_LABEL,
    RETAIN,
    STACK,
    TRACKING_ID,
    Ownership,
    label_value,
    live_key,
    marked,
    owner,
    tracking_id,
)
from tests.gitops.objects import an_object, config_map, key_of

LABEL_VALUE = re.compile(r"[A-Za-z0-9]([-_.A-Za-z0-9]*[A-Za-z0-9])?")
NAME = st.from_regex(r"[a-z0-9]([-a-z0-9.]{0,120}[a-z0-9])?", fullmatch=True)
JELLYFIN = Ownership(application="local-media-jellyfin", stack="local")


def mark(body: dict[str, Any], ownership: Ownership = JELLYFIN) -> dict[str, Any]:
    """An object as it is applied."""
    return marked(body, key_of(body), ownership)


@given(NAME)
def test_label_value_is_always_valid(application: str) -> None:
    """Whatever an Application is called, its label value is one, of at most 63 characters."""
    value = label_value(application)
    assert len(value) <= 63
    assert LABEL_VALUE.fullmatch(value)
    assert len(application) > 63 or value == application


def test_long_names_stay_apart() -> None:
    """Two long names with the same beginning have different label values."""
    first, second = (label_value("a" * 70 + end) for end in "xy")
    assert first != second
    assert first[:52] == second[:52] == "a" * 52
    assert re.fullmatch("a{51}-[0-9a-f]{10}", label_value("a" * 51 + "-." + "b" * 20))


@st.composite
def any_object(draw: st.DrawFn) -> dict[str, Any]:
    api_version = draw(st.sampled_from(["v1", "apps/v1", "rbac.authorization.k8s.io/v1"]))
    name = draw(st.one_of(NAME, st.just("system:node-reader")))
    namespace = draw(st.one_of(st.just(""), NAME))
    texts = st.one_of(st.none(), st.dictionaries(NAME, st.sampled_from(["", "a:b/c", "x"])))
    kind = draw(st.sampled_from(["ConfigMap", "Role"]))
    body = an_object(api_version, kind, name, namespace=namespace)
    body["metadata"]["labels"] = draw(texts)
    body["metadata"]["annotations"] = draw(texts)
    return body


@given(any_object(), NAME)
def test_marked_objects_are_owned(body: dict[str, Any], application: str) -> None:
    """What is marked for an Application belongs to it when it is read back."""
    live = mark(body, Ownership(application=application, stack="local"))
    assert owner(live) == application
    assert live["metadata"]["labels"][APPLICATION_LABEL] == label_value(application)
    assert live_key(live) == key_of(body)


@given(any_object())
def test_marking_changes_nothing_else(body: dict[str, Any]) -> None:
    """Marking keeps the object it is given, its labels and annotations, and is idempotent."""
    before = copy.deepcopy(body)
    once = mark(body)
    assert body == before
    assert mark(once) == once
    for part in ("labels", "annotations"):
        kept = before["metadata"][part] or {}
        assert kept.items() <= once["metadata"][part].items()


def test_only_top_level_metadata_is_marked() -> None:
    """Templates and selectors stay as they are, so that nothing restarts."""
    spec = {"selector": {"matchLabels": {"a": "b"}}, "template": {"metadata": {"labels": {}}}}
    body = an_object("apps/v1", "Deployment", "jellyfin", namespace="media", spec=spec)
    found = mark(body)
    assert found["spec"] is spec
    assert found["metadata"]["labels"] == {APPLICATION_LABEL: "local-media-jellyfin"}
    assert found["metadata"]["annotations"] == {
        TRACKING_ID: "local-media-jellyfin:apps/Deployment:media/jellyfin",
        STACK: "local",
    }


def test_retained_objects_say_so() -> None:
    """An object that stays with its Application gone carries that, others do not."""
    retained = mark(config_map(), Ownership(application="a", retained=True))
    assert retained["metadata"]["annotations"][RETAIN] == "true"
    assert RETAIN not in mark(config_map())["metadata"]["annotations"]
    assert STACK not in retained["metadata"]["annotations"]


def with_metadata(live: dict[str, Any], **metadata: Any) -> dict[str, Any]:
    return {**live, "metadata": {**live["metadata"], **metadata}}


LIVE = mark(config_map(namespace="media"))


@pytest.mark.parametrize(
    "live",
    [
        config_map(namespace="media"),
        with_metadata(LIVE, name="copy"),
        with_metadata(LIVE, namespace="elsewhere"),
        {**LIVE, "kind": "Secret"},
        {**LIVE, "apiVersion": "example.com/v1"},
        with_metadata(LIVE, annotations=None),
        with_metadata(LIVE, annotations={TRACKING_ID: ""}),
        with_metadata(LIVE, annotations={TRACKING_ID: "nonsense"}),
        with_metadata(LIVE, ownerReferences=[{"kind": "Service", "controller": True}]),
        {},
    ],
)
def test_what_is_not_ours(live: dict[str, Any]) -> None:
    """A label proves nothing: the annotation must name this object, and no controller own it."""
    assert owner(live) is None


def test_an_owner_that_is_no_controller_takes_nothing_away() -> None:
    """Garbage collection by another object leaves the Application the owner."""
    references = [{"kind": "Application", "name": "a"}, {"kind": "B", "controller": False}]
    assert owner(with_metadata(LIVE, ownerReferences=references)) == "local-media-jellyfin"


def test_the_version_does_not_matter() -> None:
    """An object listed in another version than it was applied in is the same."""
    applied = mark(an_object("autoscaling/v1", "HorizontalPodAutoscaler", "a", namespace="b"))
    assert owner({**applied, "apiVersion": "autoscaling/v2"}) == "local-media-jellyfin"


def test_tracking_id_of_a_cluster_scoped_object() -> None:
    """The namespace of an object without one is empty in its tracking id."""
    key = ResourceKey(group="", kind="Namespace", namespace="", name="media")
    assert tracking_id("a", key) == "a:/Namespace:/media"
    assert live_key({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "media"}}) == key
    assert Manifest.from_body(an_object("v1", "Namespace", "media")).key == key
