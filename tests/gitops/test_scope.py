"""Scopes: which kinds are known, in which versions, with a namespace or without."""

from __future__ import annotations

from typing import Any

import pytest

from cluster.connection import connect
from cluster.discovery import facts
from gitops.objects.scope import (
    CLUSTER_KINDS,
    NAMESPACED_KINDS,
    Scopes,
    ServedKind,
    builtin_scopes,
    crd_target,
    defined_kind,
    is_crd,
    pinned_kinds,
)
from tests.gitops.objects import config_map, definition


@pytest.mark.parametrize(
    ("group", "kind", "namespaced"),
    [
        ("", "ConfigMap", True),
        ("", "Namespace", False),
        ("", "PersistentVolume", False),
        ("apps", "Deployment", True),
        ("networking.k8s.io", "Ingress", True),
        ("networking.k8s.io", "IngressClass", False),
        ("rbac.authorization.k8s.io", "ClusterRole", False),
        ("apiextensions.k8s.io", "CustomResourceDefinition", False),
    ],
)
def test_builtin_kinds(*, group: str, kind: str, namespaced: bool) -> None:
    """Kubernetes' own kinds are known without a cluster, their versions left open."""
    found = builtin_scopes().find(group, kind)
    assert found == ServedKind(group=group, kind=kind, namespaced=namespaced)


def test_a_kind_is_its_group_and_name() -> None:
    """A kind of another group, and one nothing serves, are not found."""
    assert builtin_scopes().find("serving.knative.dev", "Service") is None
    assert builtin_scopes().find("", "Deployment") is None


def test_no_kind_is_in_both_tables() -> None:
    """The two tables contradict each other nowhere and repeat nothing."""
    both = [
        (group, kind)
        for table in (NAMESPACED_KINDS, CLUSTER_KINDS)
        for group, kinds in table.items()
        for kind in kinds.split()
    ]
    assert len(both) == len(set(both))


def test_definitions_add_kinds() -> None:
    """A CustomResourceDefinition's kind is known with its scope and served versions."""
    body = definition("Gateway", versions=("v1beta1", "v1"))
    body["spec"]["versions"][0]["served"] = False
    scopes = Scopes().extended([defined_kind(body), defined_kind(definition(scope="Cluster"))])
    assert scopes.find("example.com", "Gateway") == ServedKind(
        group="example.com", kind="Gateway", namespaced=True, versions=frozenset({"v1"})
    )
    widget = scopes.find("example.com", "Widget")
    assert widget is not None
    assert not widget.namespaced


def test_versions_of_a_kind_known_twice_are_joined() -> None:
    """What the cluster serves today and what a definition in Git adds both count."""
    served = defined_kind(definition(versions=("v1alpha1",)))
    added = defined_kind(definition(versions=("v1",)))
    scopes = Scopes().extended([served])
    assert scopes.extended([added]).kinds["example.com", "Widget"].versions == {"v1alpha1", "v1"}
    assert scopes.kinds["example.com", "Widget"].versions == {"v1alpha1"}


def test_only_a_definition_is_one() -> None:
    """Another group's CustomResourceDefinition is none."""
    assert is_crd(definition())
    assert not is_crd(config_map())
    assert not is_crd({**definition(), "apiVersion": "example.com/v1"})


@pytest.mark.parametrize(
    "spec",
    [
        None,
        "text",
        [],
        {"names": "text"},
        {"names": None, "versions": 1},
        {"versions": ["v1", None]},
    ],
)
def test_malformed_definitions_define_nothing(spec: Any) -> None:
    """A definition that is none breaks no other Application: the API server refuses it later."""
    body = {**definition(), "spec": spec}
    assert crd_target(body) == ("", "")
    assert defined_kind(body).versions == frozenset()


def test_pinned_versions_stand_for_a_cluster() -> None:
    """A pinned kind is known by itself, a pinned version for all kinds of its group."""
    scopes = Scopes().extended(
        pinned_kinds(["v1", "example.com/v1", "other.example.com/v2/Gadget"])
    )
    widget, gadget = (
        scopes.find("example.com", "Widget"),
        scopes.find("other.example.com", "Gadget"),
    )
    assert widget is not None
    assert gadget is not None
    assert (widget.namespaced, widget.versions) == (True, {"v1"})
    assert (gadget.namespaced, gadget.versions) == (True, {"v2"})
    assert scopes.find("other.example.com", "Widget") is None
    assert scopes.find("", "ConfigMap") is None


@pytest.mark.e2e
def test_builtin_kinds_are_those_of_the_api_server(
    control_plane: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every kind the API server serves by itself is in the table, with its real scope."""
    monkeypatch.setenv("KUBECONFIG", str(control_plane.kubeconfig))
    with connect() as connection:
        served = facts(connection).served_kinds()
        definitions = connection.get("/apis/apiextensions.k8s.io/v1/customresourcedefinitions")
    custom = {each["spec"]["group"] for each in definitions["items"]}
    known = builtin_scopes()
    own = [each for each in served if each.group not in custom]
    wrong = [
        each
        for each in own
        if (found := known.find(each.group, each.kind)) is None
        or found.namespaced is not each.namespaced
    ]
    assert len(own) > 50
    assert wrong == []
