from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from cluster import discovery
from cluster.connection import Connection
from cluster.discovery import facts
from cluster.listing import list_objects
from tests.cluster.conftest import create

pytestmark = pytest.mark.e2e
CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
APISERVICES = "/apis/apiregistration.k8s.io/v1/apiservices"


def until(reached: Callable[[], Any], *, seconds: float = 20) -> Any:
    end = time.monotonic() + seconds
    while not (value := reached()):
        assert time.monotonic() < end, "not reached in time"
        time.sleep(0.1)
    return value


def test_builtin_kinds_are_described(connection: Connection) -> None:
    """Scope, version, path and Helm's API versions of well-known kinds come out right."""
    found = facts(connection)
    assert found.versions.version.startswith("1.")
    assert {"v1", "v1/ConfigMap", "apps/v1", "apps/v1/Deployment"} <= set(
        found.versions.api_versions
    )
    assert found.namespaced("", "ConfigMap") is True
    assert found.namespaced("", "Namespace") is False
    assert found.namespaced("example.com", "Nothing") is None
    assert found.serves("apps", "Deployment", version="v1")
    assert not found.serves("apps", "Deployment", version="v1beta1")
    assert found.version_for("autoscaling", "HorizontalPodAutoscaler") == "v2"
    role = found.find("rbac.authorization.k8s.io", "Role")
    assert role is not None
    assert role.path(namespace="media", name="a:b/c") == (
        "/apis/rbac.authorization.k8s.io/v1/namespaces/media/roles/a%3Ab%2Fc"
    )


def test_legacy_discovery_says_the_same(
    connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An API server without aggregated discovery is read to the same facts."""
    aggregated = facts(connection)
    monkeypatch.setattr(discovery, "AGGREGATED", "application/json")
    legacy = facts(connection)
    assert set(legacy.resources) == set(aggregated.resources)
    assert legacy.versions == aggregated.versions


def test_custom_kind_has_one_preferred_version(
    connection: Connection, removed: Callable[[str], None]
) -> None:
    """A custom resource served in two versions has both, and one is the preferred."""
    schema = {"openAPIV3Schema": {"type": "object"}}
    versions = [
        {"name": "v1beta1", "served": True, "storage": False, "schema": schema},
        {"name": "v1", "served": True, "storage": True, "schema": schema},
    ]
    spec = {
        "group": "discovery.example.com",
        "scope": "Cluster",
        "names": {"kind": "Gadget", "plural": "gadgets"},
        "versions": versions,
    }
    name = "gadgets.discovery.example.com"
    removed(f"{CRDS}/{name}")
    create(connection, CRDS, "apiextensions.k8s.io/v1", "CustomResourceDefinition", name, spec=spec)
    found = until(
        lambda: (now := facts(connection)).serves("discovery.example.com", "Gadget") and now
    )
    gadgets = [each for each in found.resources if each.kind == "Gadget"]
    assert {(each.version, each.preferred) for each in gadgets} == {
        ("v1", True),
        ("v1beta1", False),
    }
    served = {(each.group, each.kind): each for each in found.served_kinds()}
    gadget = served["discovery.example.com", "Gadget"]
    assert gadget.versions == {"v1", "v1beta1"}
    assert gadget.namespaced is False


@pytest.mark.parametrize("accept", [discovery.AGGREGATED, "application/json"])
def test_unavailable_api_service_does_not_matter(
    connection: Connection,
    removed: Callable[[str], None],
    monkeypatch: pytest.MonkeyPatch,
    accept: str,
) -> None:
    """An aggregated API whose server is down is reported; everything else still works."""
    monkeypatch.setattr(discovery, "AGGREGATED", accept)
    name = "v1.absent.example.com"
    removed(f"{APISERVICES}/{name}")
    spec = {
        "group": "absent.example.com",
        "version": "v1",
        "groupPriorityMinimum": 100,
        "versionPriority": 100,
        "insecureSkipTLSVerify": True,
        "service": {"namespace": "default", "name": "absent"},
    }
    create(connection, APISERVICES, "apiregistration.k8s.io/v1", "APIService", name, spec=spec)
    found = until(lambda: (now := facts(connection)).unavailable and now)
    assert found.unavailable == ("absent.example.com/v1",)
    assert found.serves("apps", "Deployment")
    assert not list_objects(connection, found.resources).skipped
