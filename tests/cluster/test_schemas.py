"""The API server's own schemas find what it would refuse, and nothing else."""

from __future__ import annotations

from typing import Any

import pytest

from cluster.connection import Connection
from cluster.discovery import facts
from cluster.listing import list_objects
from cluster.schemas import Schemas
from cluster.writing import unknown_fields as refused_fields
from gitops.objects.known_fields import unknown_fields
from tests.apps.rendered import render_example

pytestmark = pytest.mark.e2e
POD = {"containers": [{"name": "main", "image": "example/app:1"}]}
LABELS = {"app": "web"}


def deployment(**more: Any) -> dict[str, Any]:
    """A Deployment of the default namespace."""
    template = {"metadata": {"labels": LABELS}, "spec": POD | more.pop("pod", {})}
    spec = {"selector": {"matchLabels": LABELS}, "template": template, **more}
    metadata = {"name": "web", "namespace": "default"}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": spec}


CASES = {
    "nothing": (deployment(replicas=1), []),
    "typing error": (deployment(replica=1), ['spec.replica (did you mean "replicas"?)']),
    "another case": (deployment(Replicas=1), ['spec.Replicas (did you mean "replicas"?)']),
    "in a list": (
        deployment(pod={"containers": [POD["containers"][0], {"name": "b", "images": "x"}]}),
        ['spec.template.spec.containers[1].images (did you mean "image"?)'],
    ),
    "free maps": (deployment(pod={"nodeSelector": {"any": "thing"}}), []),
    "a number or a text": (deployment(strategy={"rollingUpdate": {"maxSurge": "25%"}}), []),
    "at the top": ({**deployment(), "zzz": {}}, ["zzz"]),
}


@pytest.mark.parametrize("name", CASES)
def test_fields(connection: Connection, name: str) -> None:
    """Each unknown field is named with its path; the API server says the same."""
    body, expected = CASES[name]
    schema = Schemas(connection).find("apps/v1", "Deployment")
    assert schema
    assert [str(each) for each in unknown_fields(body, schema)] == expected
    path = [each.partition(" ")[0] for each in expected]
    resource = facts(connection).find("apps", "Deployment")
    assert resource
    said = refused_fields(connection, resource, body, exists=False)
    assert all(f'unknown field "{each}"' in said for each in path)
    assert bool(said) == bool(expected)


def test_what_is_there_has_no_unknown_field(
    connection: Connection, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Neither does any live object, with its status and all, nor the example cluster."""
    schemas, checked = Schemas(connection), set()
    listable = [each for each in facts(connection).resources if "list" in each.verbs]
    rendered = (each.body for each in render_example(tmp_path_factory.mktemp("charts")))
    for body in (*list_objects(connection, listable).objects, *rendered):
        schema = schemas.find(str(body["apiVersion"]), str(body["kind"]))
        if schema:
            assert unknown_fields(body, schema) == [], body
            checked.add(body["kind"])
    assert {"Namespace", "Deployment", "ClusterRole", "APIService", "Service"} <= checked


def test_what_is_not_served_is_not_known(connection: Connection) -> None:
    """A kind or version the server has no document for."""
    schemas = Schemas(connection)
    assert schemas.find("example.com/v1", "Widget") is None
    assert schemas.find("apps/v1", "Widget") is None
    assert schemas.find("v1", "ConfigMap")
