"""Fields the API server drops: those that were applied, are still wanted, and are not there."""

from __future__ import annotations

from typing import Any

import pytest

from gitops.syncing.dropped_fields import dropped_fields, without_dropped


@pytest.mark.parametrize(
    ("target", "applied", "live", "paths"),
    [
        ({"a": 1, "b": 2}, {"a": 1, "b": 2}, {"a": 1}, ["b"]),
        ({"a": 1, "b": 3}, {"a": 1, "b": 2}, {"a": 1}, []),
        ({"a": 1, "b": 2}, {"a": 1}, {"a": 1}, []),
        ({"a": 1}, {"a": 1, "b": 2}, {"a": 1}, []),
        ({"a": {"b.c": 1}}, {"a": {"b.c": 1}}, {"a": {}}, ['a["b.c"]']),
        ({"a": [{"b": 1}]}, {"a": [{"b": 1}]}, {"a": [{"c": 1}]}, ["a[0].b"]),
        ({"a": [{"b": 1}]}, {"a": [{"b": 1}]}, {"a": [{}, {}]}, []),
        ({"a": 1}, {"a": 1}, {}, []),
    ],
)
def test_dropped_fields(
    target: dict[str, Any], applied: dict[str, Any], live: dict[str, Any], paths: list[str]
) -> None:
    """A field that changed, that is new, or that left Git is none of them."""
    assert dropped_fields(target, applied, live) == paths


def test_without_dropped() -> None:
    """What the live object has is wanted at the target's value; metadata is left alone."""
    target = {
        "apiVersion": "v1",
        "kind": "A",
        "metadata": {"name": "a", "annotations": {"new": "x"}},
        "spec": {"a": 2, "b": 1, "list": [{"c": 1, "d": 1}], "longer": [1, 2]},
        "extra": 1,
    }
    live = {
        "apiVersion": "v1",
        "kind": "A",
        "metadata": {"name": "a"},
        "spec": {"a": 1, "list": [{"c": 1}], "longer": [1]},
    }
    assert without_dropped(target, live) == {
        "apiVersion": "v1",
        "kind": "A",
        "metadata": {"name": "a", "annotations": {"new": "x"}},
        "spec": {"a": 2, "list": [{"c": 1}], "longer": [1, 2]},
    }
