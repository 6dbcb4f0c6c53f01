"""Manifests: what identity, phase and wave an object has, and what is no object at all."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitops.errors import ManifestError
from gitops.objects.manifest import Manifest, ResourceKey, SyncPhase, load_yaml
from tests.gitops.objects import HELM_HOOK, HOOK, SYNC_WAVE, an_object, config_map

TESTDATA = Path(__file__).parents[1] / "testdata" / "manifest"


def from_yaml(text: str) -> list[str]:
    """Kind, namespace and name of each object in a text."""
    return [str(Manifest.from_body(body).key) for body in load_yaml(text)]


def test_identity_leaves_the_version_out() -> None:
    """Two versions of one object have the same key, and a core object has no group."""
    older = an_object("autoscaling/v1", "HorizontalPodAutoscaler", "a", namespace="b")
    newer = an_object("autoscaling/v2", "HorizontalPodAutoscaler", "a", namespace="b")
    assert Manifest.from_body(older).key == Manifest.from_body(newer).key
    assert Manifest.from_body(older).api_version == "autoscaling/v1"
    assert Manifest.from_body(config_map()).key.group == ""


@pytest.mark.parametrize(
    ("key", "text", "logical_name"),
    [
        (
            ("apps", "Deployment", "media", "jellyfin"),
            "Deployment.apps media/jellyfin",
            "media/jellyfin",
        ),
        (("", "ConfigMap", "media", "settings"), "ConfigMap media/settings", "media/settings"),
        (("", "Namespace", "", "media"), "Namespace media", "media"),
    ],
)
def test_names_of_a_key(key: tuple[str, str, str, str], text: str, logical_name: str) -> None:
    """Messages name kind, group, namespace and name; Pulumi's logical name has the last two."""
    group, kind, namespace, name = key
    found = ResourceKey(group=group, kind=kind, namespace=namespace, name=name)
    assert (str(found), found.logical_name) == (text, logical_name)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ({"kind": "ConfigMap", "metadata": {"name": "a"}}, "an object has no apiVersion"),
        ({"apiVersion": 1, "kind": "A", "metadata": {"name": "a"}}, "an object has no apiVersion"),
        ({"apiVersion": "v1", "metadata": {"name": "a"}}, "an object has no kind"),
        ({"apiVersion": "v1", "kind": "A"}, "a A has no metadata.name"),
        ({"apiVersion": "v1", "kind": "A", "metadata": None}, "a A has no metadata.name"),
        ({"apiVersion": "v1", "kind": "A", "metadata": {"name": 1}}, "a A has no metadata.name"),
        ({"apiVersion": "v1", "kind": "A", "metadata": []}, "metadata of a A is no mapping"),
        (
            {"apiVersion": "v1", "kind": "A", "metadata": {"name": "a", "namespace": 1}},
            "metadata.namespace of A a is no text",
        ),
        (
            {"apiVersion": "v1", "kind": "A", "metadata": {"name": "a", "labels": ["x"]}},
            "metadata.labels of A a is no mapping",
        ),
        (
            {
                "apiVersion": "v1",
                "kind": "A",
                "metadata": {"name": "a", "annotations": {"port": 1}},
            },
            "metadata.annotations of A a: the value of port is no text",
        ),
        (
            {"apiVersion": "v1", "kind": "A", "metadata": {"generateName": "a-"}},
            "a A has no metadata.name",
        ),
    ],
)
def test_what_is_no_object_is_refused(body: dict[str, Any], reason: str) -> None:
    """An object without identity, or with metadata the API server cannot read, names its file."""
    with pytest.raises(ManifestError) as refused:
        Manifest.from_body(body, source="apps/media/jellyfin/a.yaml")
    assert (refused.value.subject, refused.value.reason) == ("apps/media/jellyfin/a.yaml", reason)


@pytest.mark.parametrize("annotation", [HOOK, HELM_HOOK])
def test_a_hook_may_have_a_generated_name(annotation: str) -> None:
    """A hook with generateName is known by that prefix."""
    hook = {"PreSync": HOOK, "pre-install": HELM_HOOK}
    value = next(value for value, of in hook.items() if of == annotation)
    metadata = {"generateName": "migrate-", "annotations": {annotation: value}}
    body = {"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata}
    assert Manifest.from_body(body).key.name == "migrate-"


@pytest.mark.parametrize(("text", "wave"), [("0", 0), ("-1", -1), (" 12 ", 12), ("+3", 3)])
def test_wave_is_read(text: str, wave: int) -> None:
    """The sync-wave annotation is a whole number."""
    assert Manifest.from_body(config_map(annotations={SYNC_WAVE: text})).wave == wave


@pytest.mark.parametrize("text", ["", "one", "1.0", "1_0", "0x1", "--1", "٣", "1 2", "9" * 40])
def test_malformed_wave_is_refused(text: str) -> None:
    """A wave that is no whole number is an error, where ArgoCD reads it as 0 in silence."""
    with pytest.raises(ManifestError, match=f"ConfigMap settings: {SYNC_WAVE}"):
        Manifest.from_body(config_map(annotations={SYNC_WAVE: text}))


@pytest.mark.parametrize(
    ("text", "phase"),
    [
        ("PreSync", SyncPhase.PRE_SYNC),
        ("Sync", SyncPhase.SYNC),
        ("PostSync, SyncFail", SyncPhase.POST_SYNC),
        ("PostDelete", SyncPhase.POST_DELETE),
        ("Skip", SyncPhase.SYNC),
    ],
)
def test_phase_is_read(text: str, phase: SyncPhase) -> None:
    """The hook annotation gives the phase; of several, the first of a sync."""
    assert Manifest.from_body(config_map(annotations={HOOK: text})).phase is phase


@pytest.mark.parametrize("text", ["", "presync", "PreSync,Later"])
def test_unknown_hook_is_refused(text: str) -> None:
    """A hook ArgoCD does not know is an error: ArgoCD would never apply the object."""
    with pytest.raises(ManifestError, match="use one or more of PreSync"):
        Manifest.from_body(config_map(annotations={HOOK: text}))


def test_documents_and_lists() -> None:
    """Empty documents are dropped, Lists are replaced by their items to any depth, and items of a
    typed list get their kind from it."""
    text = (TESTDATA / "lists" / "objects.yaml").read_text("utf-8")
    assert from_yaml(text) == [
        "Namespace media",
        "Secret a",
        "Role.rbac.authorization.k8s.io media/reader",
        "ConfigMap last",
    ]


@pytest.mark.parametrize(
    "text",
    ["{apiVersion: v1, kind: List}", "{apiVersion: v1, kind: PodList, items: null}", "", "---"],
)
def test_empty_lists_hold_nothing(text: str) -> None:
    """A list without items is no object."""
    assert load_yaml(text) == []


def test_a_kind_that_only_ends_like_a_list_is_an_object() -> None:
    """A custom kind such as AllowList is no list, whatever it is called."""
    text = "{apiVersion: example.com/v1, kind: AllowList, metadata: {name: a}, spec: {items: []}}"
    assert from_yaml(text) == ["AllowList.example.com a"]


@pytest.mark.parametrize(
    "text", ["just text", "- a\n- b", "{apiVersion: v1, kind: List, items: [1]}"]
)
def test_documents_that_are_no_mapping_are_refused(text: str) -> None:
    """Text, a bare list and a list of numbers are errors that name the file."""
    with pytest.raises(ManifestError, match=r"^a\.yaml: a document is a"):
        load_yaml(text, source="a.yaml")


TEXT = st.text("aé:/-1 ", max_size=3)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | TEXT,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(TEXT, inner, max_size=2),
    max_leaves=3,
)


@given(
    st.fixed_dictionaries(
        {},
        optional={
            "apiVersion": JSON | st.just("v1"),
            "kind": JSON | st.just("ConfigMap"),
            "metadata": JSON
            | st.fixed_dictionaries(
                {},
                optional={
                    "name": JSON,
                    "namespace": JSON,
                    "labels": JSON,
                    "annotations": JSON | st.dictionaries(st.sampled_from([HOOK, SYNC_WAVE]), TEXT),
                },
            ),
        },
    )
)
def test_any_mapping_is_an_object_or_refused(body: dict[str, Any]) -> None:
    """Whatever a file holds, the outcome is a manifest or a ManifestError, never a crash."""
    try:
        key = Manifest.from_body(body).key
    except ManifestError:
        return
    assert key.kind
    assert key.name
