"""Which items of a list are the very same values as in the list before."""

from __future__ import annotations

import json
from typing import Any

import pytest

from cluster.connection import Connection
from cluster.discovery import ApiResource
from cluster.known_items import KnownItems
from cluster.listing import Query, list_queries
from tests.cluster.conftest import create

CONFIG_MAP = ApiResource(
    group="",
    version="v1",
    kind="ConfigMap",
    plural="configmaps",
    namespaced=True,
    verbs=frozenset({"list", "create"}),
)


def page(*items: Any, version: str = "1", **metadata: Any) -> bytes:
    return json.dumps(
        {"metadata": {"resourceVersion": version, **metadata}, "items": items}
    ).encode()


def read(known: KnownItems, body: bytes, asked: str = "v1 ConfigMap") -> list[dict[str, Any]]:
    return known.page(asked, body, lambda item: {**item, "kind": "ConfigMap"})[0]


def test_the_same_text_is_the_same_value() -> None:
    """An item that has not changed is not read again, whatever the list's own version is."""
    known = KnownItems()
    before = read(known, page({"a": 1}, {"b": 2}))
    known.begin()
    after = read(known, page({"b": 2}, {"a": 3}, version="2"))
    assert before == [{"a": 1, "kind": "ConfigMap"}, {"b": 2, "kind": "ConfigMap"}]
    assert after == [{"b": 2, "kind": "ConfigMap"}, {"a": 3, "kind": "ConfigMap"}]
    assert after[0] is before[1]


@pytest.mark.parametrize("other", [{"a": 1.0}, {"a": True}, {"a": "1"}, {"a": 1, "b": None}])
def test_a_small_difference_is_one(other: dict[str, Any]) -> None:
    """What Python calls equal is another item all the same where its text is."""
    known = KnownItems()
    (before,) = read(known, page({"a": 1}))
    known.begin()
    (after,) = read(known, page(other))
    assert after is not before
    assert after == {**other, "kind": "ConfigMap"}


def test_another_list_has_other_items() -> None:
    """The same text in the list of another kind, or in another form of it, is read anew."""
    known = KnownItems()
    (before,) = read(known, page({"a": 1}))
    (other,) = read(known, page({"a": 1}), asked="v1 Secret")
    assert other is not before


def test_what_is_listed_no_more_is_forgotten() -> None:
    """An item that two passes have not seen is read again."""
    known = KnownItems()
    (before,) = read(known, page({"a": 1}))
    for _ in range(2):
        known.begin()
        read(known, page())
    (after,) = read(known, page({"a": 1}))
    assert after == before
    assert after is not before


@pytest.mark.parametrize("body", [b'{"items": null}', b"{}", b'{"metadata": null, "items": []}'])
def test_an_empty_list_has_no_items(body: bytes) -> None:
    """However an API server writes a list without items, there are none."""
    assert KnownItems().page("v1 ConfigMap", body, lambda item: item) == ([], {})


def test_where_a_list_goes_on_is_told() -> None:
    """The token of the next page comes with the items."""
    _, metadata = KnownItems().page("v1 ConfigMap", page(**{"continue": "next"}), lambda item: item)
    assert metadata["continue"] == "next"


@pytest.mark.e2e
def test_of_a_cluster_only_what_changes_is_new(connection: Connection, namespace: str) -> None:
    """A second LIST has the values of the first, but for the object somebody has changed; with and
    without known items a list says the same."""
    path = f"/api/v1/namespaces/{namespace}/configmaps"
    for name in ("one", "two"):
        create(connection, path, "v1", "ConfigMap", name, labels={"listing": namespace})
    queries = [
        Query(resource=CONFIG_MAP, label_selector=f"listing={namespace}", metadata_only=only)
        for only in (False, True)
    ]
    known = KnownItems()
    before = list_queries(connection, queries, known=known)
    assert before.objects == list_queries(connection, queries).objects
    patch = json.dumps({"data": {"key": "value"}}).encode()
    connection.patch(f"{path}/two", patch, content_type="application/merge-patch+json")
    known.begin()
    after = list_queries(connection, queries, known=known)
    assert after.objects == list_queries(connection, queries).objects
    same = [new is old for new, old in zip(after.objects, before.objects, strict=True)]
    assert same == [True, False, True, False]
    assert after.objects[1]["data"] == {"key": "value"}
