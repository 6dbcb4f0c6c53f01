from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from cluster import listing
from cluster.connection import Connection, connect
from cluster.discovery import ApiResource, facts
from cluster.listing import list_objects, listable
from tests.cluster.conftest import Answer, FaultyServer, create, kubeconfig

StartFaulty = Callable[[Callable[[str], Answer]], tuple[FaultyServer, Connection]]
VERBS = frozenset({"list", "create"})
CONFIG_MAP = ApiResource(
    group="", version="v1", kind="ConfigMap", plural="configmaps", namespaced=True, verbs=VERBS
)


def config_maps(connection: Connection, namespace: str, count: int) -> str:
    """Create ConfigMaps with a label of this namespace; the selector that finds them."""
    for number in range(count):
        create(
            connection,
            f"/api/v1/namespaces/{namespace}/configmaps",
            "v1",
            "ConfigMap",
            f"map-{number}",
            labels={"listing": namespace},
            data={"key": "value"},
        )
    return f"listing={namespace}"


@pytest.mark.e2e
def test_all_kinds_are_listed_by_label(connection: Connection, namespace: str) -> None:
    """Every kind is asked once, and only labelled objects come back, with type and content."""
    selector = config_maps(connection, namespace, 2)
    resources = facts(connection).resources
    listed = list_objects(connection, resources, label_selector=selector)
    assert [(item["apiVersion"], item["kind"]) for item in listed.objects] == [
        ("v1", "ConfigMap"),
        ("v1", "ConfigMap"),
    ]
    assert listed.objects[0]["data"] == {"key": "value"}
    assert listed.stats.requests == len(list(listable(resources)))
    assert listed.stats.size > 0
    assert not listed.skipped


@pytest.mark.e2e
def test_metadata_only_keeps_the_type(connection: Connection, namespace: str) -> None:
    """The metadata-only form says which kind an object is, and leaves its content out."""
    selector = config_maps(connection, namespace, 1)
    listed = list_objects(connection, [CONFIG_MAP], label_selector=selector, metadata_only=True)
    assert set(listed.objects[0]) == {"apiVersion", "kind", "metadata"}
    assert listed.objects[0]["kind"] == "ConfigMap"
    assert listed.objects[0]["metadata"]["namespace"] == namespace


@pytest.mark.e2e
def test_long_lists_are_read_to_the_end(
    connection: Connection, namespace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Objects beyond the first page are there, each once."""
    monkeypatch.setattr(listing, "PAGE", 2)
    selector = config_maps(connection, namespace, 5)
    listed = list_objects(connection, [CONFIG_MAP], label_selector=selector)
    assert sorted(item["metadata"]["name"] for item in listed.objects) == [
        f"map-{number}" for number in range(5)
    ]
    assert listed.stats.requests == 3


@pytest.mark.e2e
def test_kind_in_two_versions_is_listed_once(connection: Connection, namespace: str) -> None:
    """An object served in two versions of its kind is one object, in the preferred version."""
    autoscaling = f"/apis/autoscaling/v2/namespaces/{namespace}/horizontalpodautoscalers"
    spec = {
        "maxReplicas": 2,
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "none"},
    }
    create(connection, autoscaling, "autoscaling/v2", "HorizontalPodAutoscaler", "one", spec=spec)
    resources = facts(connection).resources
    listed = [
        item
        for item in list_objects(connection, resources).objects
        if item["kind"] == "HorizontalPodAutoscaler" and item["metadata"]["namespace"] == namespace
    ]
    assert [item["apiVersion"] for item in listed] == ["autoscaling/v2"]


@pytest.mark.e2e
def test_forbidden_kind_is_skipped_and_named(
    connection: Connection, namespace: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A user who may not list a kind gets the others, and is told which one is missing."""
    accounts = f"/api/v1/namespaces/{namespace}/serviceaccounts"
    create(connection, accounts, "v1", "ServiceAccount", "stranger")
    request = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
    answer = connection.post(f"{accounts}/stranger/token", json.dumps(request).encode())
    token = answer["status"]["token"]
    stranger = kubeconfig(tmp_path / "stranger", connection.server, token=token)
    monkeypatch.setenv("KUBECONFIG", str(stranger))
    with connect() as limited:
        listed = list_objects(limited, [CONFIG_MAP])
    assert not listed.objects
    assert [(each.resource, each.code) for each in listed.skipped] == [(CONFIG_MAP, 403)]
    assert "forbidden" in listed.skipped[0].reason


def page(names: list[str], token: str = "") -> Answer:
    items = [{"metadata": {"name": name}} for name in names]
    return 200, {}, json.dumps({"metadata": {"continue": token}, "items": items}).encode()


def test_expired_snapshot_is_listed_again_in_one_piece(faulty_server: StartFaulty) -> None:
    """When the snapshot of the first page is gone, no object is lost and none comes twice."""

    def answer(path: str) -> Answer:
        query = parse_qs(urlsplit(path).query)
        if "continue" in query:
            return 410, {}, b'{"kind": "Status", "message": "too old"}'
        return page(["a", "b"], "next") if "limit" in query else page(["a", "b", "c"])

    server, connection = faulty_server(answer)
    listed = list_objects(connection, [CONFIG_MAP])
    assert [item["metadata"]["name"] for item in listed.objects] == ["a", "b", "c"]
    assert len(server.asked) == 3


def test_server_of_one_kind_being_down_is_no_failure(faulty_server: StartFaulty) -> None:
    """An aggregated API that fails between discovery and LIST is skipped, nothing half read."""

    def answer(path: str) -> Answer:
        return page(["a"], "next") if "continue" not in path else (503, {}, b"no endpoints")

    _, connection = faulty_server(answer)
    listed = list_objects(connection, [CONFIG_MAP])
    assert not listed.objects
    assert [each.code for each in listed.skipped] == [503]


def test_only_kinds_one_can_apply_are_listed() -> None:
    """Kinds without list or create are left out; of two versions the preferred is taken."""
    old = ApiResource(
        group="g",
        version="v1beta1",
        kind="K",
        plural="ks",
        namespaced=True,
        verbs=VERBS,
        preferred=False,
    )
    new = ApiResource(group="g", version="v1", kind="K", plural="ks", namespaced=True, verbs=VERBS)
    report = ApiResource(
        group="m",
        version="v1",
        kind="Report",
        plural="reports",
        namespaced=True,
        verbs=frozenset({"list"}),
    )
    assert list(listable([old, new, report])) == [new]
    assert list(listable([new, old])) == [new]
    assert list(listable([old])) == [old]
