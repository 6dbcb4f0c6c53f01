"""Immutable fields: which changes are refused, and whether the API server agrees."""

from __future__ import annotations

import copy
import json
import time
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from cluster.connection import Connection, StatusError, connect
from cluster.discovery import ClusterFacts, facts
from gitops.application import SyncPolicy
from gitops.errors import ManifestError
from gitops.objects.immutable import (
    CONFIRM,
    RULES,
    check_replacement,
    immutable_changes,
    may_be_replaced,
)
from gitops.syncing.options import ObjectOptions, object_options
from tests.gitops.objects import SYNC_OPTIONS, an_object, config_map

TESTDATA = Path(__file__).parents[1] / "testdata" / "immutable"
CASES = {
    path.parent.name: yaml.safe_load(path.read_text()) for path in TESTDATA.glob("*/case.yaml")
}

# The properties the pulumi-kubernetes provider 4.25 replaces an object for.
REPLACED_BY_THE_PROVIDER: Mapping[tuple[str, str], tuple[str, ...]] = {
    ("apps/v1", "DaemonSet"): ("spec.selector",),
    ("apps/v1", "Deployment"): ("spec.selector",),
    ("apps/v1", "StatefulSet"): (
        "spec.podManagementPolicy",
        "spec.revisionHistoryLimit",
        "spec.selector",
        "spec.serviceName",
        "spec.volumeClaimTemplates",
    ),
    ("batch/v1", "Job"): (
        "spec.completions",
        "spec.parallelism",
        "spec.selector",
        "spec.template",
    ),
    ("rbac.authorization.k8s.io/v1", "ClusterRoleBinding"): ("roleRef",),
    ("rbac.authorization.k8s.io/v1", "RoleBinding"): ("roleRef",),
    ("storage.k8s.io/v1", "StorageClass"): ("parameters", "provisioner"),
    ("v1", "PersistentVolume"): ("spec.csi", "spec.hostPath", "spec.local", "spec.nfs", "spec.rbd"),
    ("v1", "PersistentVolumeClaim"): (
        "spec.accessModes",
        "spec.selector",
        "spec.storageClassName",
        "spec.volumeName",
    ),
    ("v1", "Pod"): (
        "spec.affinity",
        "spec.containers",
        "spec.hostNetwork",
        "spec.initContainers",
        "spec.nodeName",
        "spec.serviceAccountName",
        "spec.terminationGracePeriodSeconds",
        "spec.volumes",
    ),
    ("v1", "ResourceQuota"): ("spec.scopes",),
    ("v1", "Secret"): ("type",),
    ("v1", "Service"): ("spec.clusterIP",),
}


def changed(body: Mapping[str, Any], path: str, value: Any) -> dict[str, Any]:
    """A copy of an object with one field set."""
    result: dict[str, Any] = copy.deepcopy(dict(body))
    *above, last = path.split(".")
    part: Any = result
    for name in above:
        part = part[int(name)] if isinstance(part, list) else part.setdefault(name, {})
    part[int(last) if isinstance(part, list) else last] = value
    return result


def paths(kind: str) -> list[tuple[str, str, Any]]:
    """Case, path and value of every change of a kind in the data files."""
    return [(name, p, v) for name, case in CASES.items() for p, v in case.get(kind, {}).items()]


@pytest.mark.parametrize(
    ("case", "path", "value"), paths("immutable") + paths("replaced_by_the_provider")
)
def test_immutable_fields_are_named(case: str, path: str, value: Any) -> None:
    """A change of a field that cannot change in place is found and named."""
    last = CASES[case]["object"]
    (found,) = immutable_changes(changed(last, path, value), last)
    assert path == found or path.startswith(f"{found}.")


@pytest.mark.parametrize(("case", "path", "value"), paths("mutable"))
def test_mutable_fields_are_not_refused(case: str, path: str, value: Any) -> None:
    """A change the API server makes in place is none that is refused."""
    last = CASES[case]["object"]
    assert immutable_changes(changed(last, path, value), last) == []


def test_every_rule_has_a_case() -> None:
    """No rule is written down without the API server having been asked."""
    objects = [case["object"] for case in CASES.values()]
    kinds = {(each["apiVersion"].rpartition("/")[0], each["kind"]) for each in objects}
    assert RULES.keys() <= kinds


@pytest.mark.parametrize(
    ("kind", "path"), [(kind, p) for kind, all_ in REPLACED_BY_THE_PROVIDER.items() for p in all_]
)
def test_what_the_provider_replaces_is_refused(kind: tuple[str, str], path: str) -> None:
    """Adding, changing or removing any field the provider replaces an object for is found."""
    bare = an_object(*kind, "any")
    one, other = changed(bare, path, "one"), changed(bare, path, "other")
    for target, last in ((one, bare), (bare, one), (one, other)):
        assert immutable_changes(target, last) == [path]


def test_unchanged_and_unknown() -> None:
    """The same object, nulls aside, has no changes; nor has a kind without rules."""
    last = CASES["stateful_set"]["object"]
    same = changed(last, "spec.podManagementPolicy", None)
    assert immutable_changes(same, last) == []
    assert immutable_changes(config_map(data={"a": "1"}), config_map(data={"a": "2"})) == []
    custom = an_object("example.com/v1", "Job", "a", spec={"template": 1})
    assert immutable_changes(custom, changed(custom, "spec.template", 2)) == []


def test_freezing_and_changing_at_once_is_no_change_in_place() -> None:
    """A ConfigMap whose data changes while it becomes immutable is replaced by the provider."""
    last = config_map(data={"a": "1"})
    target = {**config_map(data={"a": "2"}), "immutable": True}
    assert immutable_changes(target, last) == ["data"]
    assert immutable_changes({**last, "immutable": True}, last) == []


def test_an_immutable_secret_stays_immutable() -> None:
    """Only its data cannot be compared, because the state holds it encrypted."""
    target = an_object("v1", "Secret", "a", immutable=True, stringData={"a": "b"})
    last = an_object("v1", "Secret", "a", immutable=True, data={"ciphertext": "v1:abc"})
    assert immutable_changes(target, last) == []
    assert immutable_changes({**target, "immutable": False}, last) == ["immutable"]


CLAIM = CASES["persistent_volume_claim"]["object"]
ROLE_BINDING = CASES["role_binding"]["object"]


def annotated(body: Mapping[str, Any], **annotations: str) -> dict[str, Any]:
    """A copy of an object with annotations, by their last word."""
    names = {"options": SYNC_OPTIONS, "confirm": CONFIRM}
    found = {names[name]: value for name, value in annotations.items()}
    return changed(body, "metadata.annotations", found)


@pytest.mark.parametrize(
    ("target", "options", "permitted"),
    [
        (ROLE_BINDING, "", False),
        (ROLE_BINDING, "Replace=true", True),
        (ROLE_BINDING, "Prune=false,Force=true", True),
        (ROLE_BINDING, "Replace=false,Force=false", False),
        (CLAIM, "Replace=true", False),
        (annotated(CLAIM, confirm="yes"), "Replace=true,Force=true", False),
        (annotated(CLAIM, confirm="replace"), "Replace=true", True),
        (annotated(CLAIM, confirm="replace"), "", False),
    ],
)
def test_who_may_be_replaced(*, target: dict[str, Any], options: str, permitted: bool) -> None:
    """Replace or Force permits it; data needs a confirmation on top."""
    assert may_be_replaced(target, options_of(options)) is permitted


def options_of(text: str) -> ObjectOptions:
    """What an object's annotation says."""
    return object_options(annotated(ROLE_BINDING, options=text), SyncPolicy())


def test_refusal_names_the_field_and_the_way_out() -> None:
    """The error names Application, object, field and annotations; a claim's asks to confirm."""
    target = changed(CLAIM, "spec.storageClassName", "other")
    with pytest.raises(ManifestError) as refused:
        check_replacement(
            target,
            CLAIM,
            subject="media/jellyfin: PersistentVolumeClaim library",
            options=ObjectOptions(),
        )
    message = str(refused.value)
    assert message.startswith(
        "media/jellyfin: PersistentVolumeClaim library: spec.storageClassName cannot be changed"
    )
    assert f"{SYNC_OPTIONS}: Replace=true" in message
    assert f"{CONFIRM}: replace" in message


def test_permitted_replacement_gives_the_fields() -> None:
    """A permitted replacement is one of the fields that change, and none where none changes."""
    options = ObjectOptions(replace=True)
    target = changed(ROLE_BINDING, "roleRef.name", "edit")
    assert check_replacement(target, ROLE_BINDING, subject="a", options=options) == ("roleRef",)
    assert check_replacement(ROLE_BINDING, ROLE_BINDING, subject="a", options=options) == ()


@pytest.fixture(scope="module")
def connection(control_plane: Any) -> Iterator[Connection]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KUBECONFIG", str(control_plane.kubeconfig))
        with connect() as opened:
            yield opened


@pytest.fixture(scope="module")
def served(connection: Connection) -> ClusterFacts:
    return facts(connection)


@pytest.fixture(scope="module")
def namespace(connection: Connection) -> Iterator[str]:
    name = f"immutable-{uuid.uuid4().hex[:8]}"
    connection.post("/api/v1/namespaces", json.dumps(an_object("v1", "Namespace", name)).encode())
    yield name
    connection.delete(f"/api/v1/namespaces/{name}")


def apply(connection: Connection, path: str, body: Mapping[str, Any], **params: str) -> None:
    """Apply an object as the provider does: server-side, with force."""
    connection.patch(
        path,
        json.dumps(body).encode(),
        content_type="application/apply-patch+yaml",
        params={"fieldManager": "home-ops", "force": "true", **params},
    )


@pytest.mark.e2e
@pytest.mark.parametrize("name", sorted(CASES))
def test_the_api_server_agrees(
    connection: Connection, served: ClusterFacts, namespace: str, name: str
) -> None:
    """A real API server refuses what we call immutable and takes everything else in place."""
    case = CASES[name]
    body = changed(case["object"], "metadata.namespace", namespace)
    resource = served.find(body["apiVersion"].rpartition("/")[0], body["kind"])
    assert resource is not None
    if not resource.namespaced:
        body = case["object"]
    path = resource.path(namespace=namespace, name=body["metadata"]["name"])
    apply(connection, path, body)
    try:
        settle(connection, path, body["kind"])
        for field, value in {
            **case.get("mutable", {}),
            **case.get("replaced_by_the_provider", {}),
        }.items():
            apply(connection, path, changed(body, field, value), dryRun="All")
        for field, value in case["immutable"].items():
            with pytest.raises(StatusError) as refused:
                apply(connection, path, changed(body, field, value), dryRun="All")
            assert refused.value.code == 422, field
    finally:
        connection.delete(path)


def settle(connection: Connection, path: str, kind: str) -> None:
    """Wait until a definition's names are taken: only then they are immutable."""
    deadline = time.monotonic() + 20
    while kind == "CustomResourceDefinition" and time.monotonic() < deadline:
        conditions = connection.get(path).get("status", {}).get("conditions") or ()
        if any(c["type"] == "Established" and c["status"] == "True" for c in conditions):
            return
        time.sleep(0.1)
