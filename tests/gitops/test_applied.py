"""Applied values: what a real provider stored is recognised as what it was given."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitops.deployment.applied import says_the_same
from gitops.deployment.inventory import from_export
from gitops.objects.immutable import immutable_changes
from gitops.objects.manifest import Manifest, load_yaml

CASE = Path(__file__).parents[1] / "testdata" / "applied" / "normalized"
RENDERED = load_yaml((CASE / "objects.yaml").read_text("utf-8"))
INVENTORY = from_export(json.loads((CASE / "export.json").read_text("utf-8")))


@pytest.mark.parametrize("body", RENDERED, ids=[body["kind"] for body in RENDERED])
def test_what_a_provider_stored_is_no_change(body: dict[str, Any]) -> None:
    """Objects written as charts write them, with zeros, empty values and odd quantities, are not
    refused when they are rendered again."""
    last = INVENTORY.objects[Manifest.from_body(body).key].body
    assert immutable_changes(body, last) == []


def test_the_provider_did_store_something_else() -> None:
    """The case proves something: literally compared, its Job differs from itself."""
    job = next(body for body in RENDERED if body["kind"] == "Job")
    last = INVENTORY.objects[Manifest.from_body(job).key].body
    assert job["spec"]["template"] != last["spec"]["template"]


@pytest.mark.parametrize(
    ("target", "applied"),
    [
        ({"hostNetwork": False}, {}),
        ({"env": [], "resources": {}}, None),
        ({"limits": {"cpu": 0.5}}, {"limits": {"cpu": "500m"}}),
        ({"limits": {"cpu": 2}}, {"limits": {"cpu": "2"}}),
        ({"requests": {"storage": "1024Mi"}}, {"requests": {"storage": "1Gi"}}),
        ({"requests": {"storage": "1e3"}}, {"requests": {"storage": "1k"}}),
        ({"sizeLimit": "0.5Gi"}, {"sizeLimit": "512Mi"}),
        ({"annotations": {}, "creationTimestamp": None}, {}),
        ([{"readOnly": False, "name": "a"}], [{"name": "a"}]),
    ],
)
def test_the_same(target: Any, applied: Any) -> None:
    """What Go's types leave out or write differently is the same."""
    assert says_the_same(target, applied)


@pytest.mark.parametrize(
    ("target", "applied"),
    [
        ({}, {"hostNetwork": True}),
        ({"hostNetwork": True}, {}),
        ({"automountServiceAccountToken": False}, {}),
        ({"storageClassName": ""}, {}),
        ({"runAsUser": 0}, {}),
        ({"completions": 1}, {"completions": True}),
        ({"limits": {"cpu": "1"}}, {"limits": {"cpu": "1m"}}),
        ({"limits": {"cpu": "many"}}, {"limits": {"cpu": "1"}}),
        ({"value": "1024Mi"}, {"value": "1Gi"}),
        ({"value": "1.0"}, {"value": "1"}),
        ({"matchLabels": {"a": ""}}, {"matchLabels": {}}),
        ({"data": {"a": ""}}, {}),
        (["a"], ["a", "b"]),
        (["a", "b"], ["b", "a"]),
        ([], ["a"]),
        ("a", ["a"]),
        (None, {"a": "b"}),
        (None, "a"),
    ],
)
def test_not_the_same(target: Any, applied: Any) -> None:
    """A zero that Go keeps, another number, order or length, and text outside quantities differ."""
    assert not says_the_same(target, applied)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 2) | st.sampled_from(["", "a", "1Gi"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["value", "limits", "data", "mode"]), inner)
    ),
    max_leaves=8,
)


@given(VALUES)
def test_everything_says_the_same_as_itself(value: Any) -> None:
    """An object the provider stored as it was given is unchanged."""
    assert says_the_same(value, value)
