"""Ignored differences: what is left out of an object, rule by rule and against the real jq."""

from __future__ import annotations

import copy
import json
import subprocess
import sys
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from cluster.connection import Connection, connect
from gitops.errors import ConfigError
from gitops.ignoring import json_paths
from gitops.ignoring.implied import implied_rules
from gitops.ignoring.jq_paths import Jq
from gitops.ignoring.rules import IgnoreRule, matching, read, read_system, without_ignored
from gitops.objects.manifest import Manifest, ResourceKey
from tests.gitops.objects import an_object, config_map, definition

TESTDATA = Path(__file__).parents[1] / "testdata" / "ignore"
CASES = {
    path.parent.name: yaml.safe_load(path.read_text()) for path in TESTDATA.glob("*/case.yaml")
}
SUBJECT = "media/jellyfin: ignoreDifferences[0]"
DEPLOYMENT = ResourceKey(group="apps", kind="Deployment", namespace="media", name="web")


@pytest.mark.parametrize("name", sorted(CASES))
def test_case(name: str) -> None:
    """Each case's fields are left out, named, and left out again to no effect."""
    case = CASES[name]
    target, live = case["target"], case.get("live")
    rules = [read(each, subject=SUBJECT) for each in case["rules"]]
    before = copy.deepcopy(target)
    found, removed = without_ignored(target, rules, live, holder=case.get("holder", ""))
    assert found == case["result"]
    assert list(removed) == case["removed"]
    assert target == before
    if not case.get("positional"):  # an index means another item the next time
        again, _ = without_ignored(found, rules, live, holder=case.get("holder", ""))
        assert again == found


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"kind": "Secret", "jsonPointer": ["/data"]}, "jsonPointer: there is no such key"),
        ({"jsonPointers": ["/data"]}, "kind: is missing"),
        ({"kind": "Secret", "jsonPointers": "/data"}, "jsonPointers: is '/data'"),
        ({"kind": "Secret", "jsonPointers": ["data"]}, "'data' does not begin with a slash"),
        ({"kind": "Secret", "jsonPointers": ["/a~2"]}, "'/a~2' has a ~"),
        ({"kind": "Secret", "jqPathExpressions": [".data["]}, "'.data[' is no jq path"),
        ({"kind": "Secret", "jqPathExpressions": [".a) | (.b"]}, "is no jq path"),
        ({"kind": "Secret", "jqPathExpressions": [".a | nonsense"]}, "nonsense/0 is not defined"),
        ({"kind": "Secret", "jqPathExpressions": ["$a"]}, "$a is not defined"),
        ({"kind": "Secret"}, "it names no field to ignore"),
        (["Secret"], "is a list"),
    ],
)
def test_bad_rules(values: Any, told: str) -> None:
    """A rule that means nothing is refused at once, with its place and what is wrong."""
    with pytest.raises(ConfigError) as refusal:
        read(values, subject=SUBJECT)
    assert told in str(refusal.value)
    assert str(refusal.value).startswith(SUBJECT)
    assert refusal.value.remedy


def test_system_rules() -> None:
    """The keys of ArgoCD's ConfigMap are read as it reads them, values as text or mapping."""
    pointers = {"jsonPointers": ["/spec/replicas"]}
    rules = read_system(
        {
            "all": pointers,
            "apps_Deployment": "jsonPointers:\n- /spec/replicas\n",
            "Service": pointers,
            "resource.customizations.ignoreDifferences.example.com_Widget": pointers,
        },
        subject="config",
    )
    assert [(rule.group, rule.kind) for rule in rules] == [
        ("*", "*"),
        ("apps", "Deployment"),
        ("", "Service"),
        ("example.com", "Widget"),
    ]
    assert {rule.json_pointers for rule in rules} == {("/spec/replicas",)}
    assert matching(rules, DEPLOYMENT) == rules[:2]


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"apps_Deployment": {"kind": "Secret"}}, "config.apps_Deployment.kind"),
        ({"apps_Deployment": "jsonPointers: ["}, "config.apps_Deployment"),
        ({"apps_": {"jsonPointers": ["/a"]}}, "names no kind"),
        ({"a_b_c": {"jsonPointers": ["/a"]}}, "names no kind"),
        ({"all": {"jqPathExpressions": ["]"]}}, "config.all.jqPathExpressions"),
        ("all", "config"),
    ],
)
def test_bad_system_rules(values: Any, told: str) -> None:
    """A rule for all Applications is checked like any other."""
    with pytest.raises(ConfigError) as refusal:
        read_system(values, subject="config")
    assert told in str(refusal.value)


@pytest.mark.parametrize(
    ("expression", "told"),
    [
        ("last(repeat(.))", "jq took more than"),
        ("[.. , .] | map(tostring)", "computes a value"),
        (".", "selects the whole object"),
    ],
)
def test_an_expression_that_cannot_work_is_refused(expression: str, told: str) -> None:
    """What shows only when it runs is an error too, and the next expression works again."""
    rule = IgnoreRule(kind="ConfigMap", jq_path_expressions=(expression,))
    good = IgnoreRule(kind="ConfigMap", jq_path_expressions=(".data.a",))
    body = config_map(data={"a": "x"})
    with Jq(seconds=1) as jq:
        with pytest.raises(ConfigError) as refusal:
            without_ignored(body, [rule], None, jq=jq)
        assert told in str(refusal.value)
        assert str(refusal.value).startswith("ignoreDifferences for ConfigMap settings: ")
        assert without_ignored(body, [good], None, jq=jq)[1] == ("/data/a",)


def test_nothing_of_the_environment_reaches_an_expression(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A rule cannot look at the environment the program runs in."""
    monkeypatch.setenv("HOME_OPS_TEST", "seen")
    rule = IgnoreRule(
        kind="ConfigMap", jq_path_expressions=('.data.a | select($ENV.HOME_OPS_TEST == "seen")',)
    )
    assert without_ignored(config_map(data={"a": "x"}), [rule], None)[1] == ()


def test_jq_is_loaded_only_where_it_is_needed() -> None:
    """A stack without jq expressions never pays for jq."""
    code = (
        "import sys; from gitops.ignoring.rules import *; "
        "rule = read({'kind': 'Secret', 'jsonPointers': ['/data']}, subject='s'); "
        "print(without_ignored({'apiVersion': 'v1', 'kind': 'Secret', 'metadata': {'name': 'a'}}, "
        "[rule], None), 'jq' in sys.modules)"
    )
    root = Path(__file__).parents[2]
    found = subprocess.run(
        [sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True
    )
    assert found.stdout.rstrip().endswith("False")


def test_an_autoscaler_owns_the_replicas() -> None:
    """A workload that an autoscaler in its namespace targets loses its replicas, no other does."""
    scaler = an_object(
        "autoscaling/v2",
        "HorizontalPodAutoscaler",
        "any",
        namespace="media",
        spec={"scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}},
    )
    keda = an_object(
        "keda.sh/v1alpha1",
        "ScaledObject",
        "any",
        namespace="media",
        spec={"scaleTargetRef": {"name": "worker"}},
    )
    rules = implied_rules([Manifest.from_body(scaler), Manifest.from_body(keda)])

    def left(name: str, namespace: str = "media") -> tuple[str, ...]:
        body = an_object("apps/v1", "Deployment", name, namespace=namespace, spec={"replicas": 1})
        return without_ignored(body, rules, None)[1]

    assert left("web") == left("worker") == ("/spec/replicas",)
    assert left("other") == left("web", "video") == ()


@pytest.mark.parametrize("annotation", ["inject-ca-from", "inject-ca-from-secret"])
def test_injected_bundles(annotation: str) -> None:
    """Where cert-manager is told to inject a CA bundle, the one in Git is left out."""
    told = {f"cert-manager.io/{annotation}": "system/serving"}
    hook = an_object(
        "admissionregistration.k8s.io/v1",
        "ValidatingWebhookConfiguration",
        "web",
        annotations=told,
        webhooks=[{"name": each, "clientConfig": {"caBundle": "Cg=="}} for each in "ab"],
    )
    service = an_object(
        "apiregistration.k8s.io/v1", "APIService", "v1.x", annotations=told, spec={"caBundle": "a"}
    )
    converted = definition(annotations=told)
    converted["spec"]["conversion"] = {"webhook": {"clientConfig": {"caBundle": "a"}}}
    removed = []
    for body in (hook, service, converted):
        rules = implied_rules([Manifest.from_body(body)])
        removed += without_ignored(body, rules, None)[1]
        plain = {**body, "metadata": {"name": body["metadata"]["name"]}}
        assert implied_rules([Manifest.from_body(plain)]) == ()
    assert removed == [
        "/webhooks/0/clientConfig/caBundle",
        "/webhooks/1/clientConfig/caBundle",
        "/spec/caBundle",
        "/spec/conversion/webhook/clientConfig/caBundle",
    ]


def test_objects_without_what_they_should_have() -> None:
    """An autoscaler without a target and a configuration without webhooks imply nothing."""
    for body in (
        an_object("autoscaling/v2", "HorizontalPodAutoscaler", "a", spec=None),
        an_object("autoscaling/v2", "HorizontalPodAutoscaler", "a", spec={"scaleTargetRef": {}}),
        an_object(
            "admissionregistration.k8s.io/v1",
            "MutatingWebhookConfiguration",
            "a",
            annotations={"cert-manager.io/inject-ca-from": "a/b"},
        ),
    ):
        assert implied_rules([Manifest.from_body(body)]) == ()


KEYS = st.sampled_from(["a", "b", "a/b", "~", "0"])
VALUES = st.recursive(
    st.integers(0, 2) | st.text("xy", max_size=1),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(KEYS, VALUES, max_size=3), st.data())
def test_pointers_lead_back(document: dict[str, Any], data: st.DataObject) -> None:
    """Every path in a document, written as a pointer, leads to the same place."""
    path: list[Any] = []
    here: Any = document
    while isinstance(here, dict | list) and here and data.draw(st.booleans()):
        step = data.draw(
            st.sampled_from(list(here) if isinstance(here, dict) else [*range(len(here))])
        )
        path.append(step)
        here = here[step]
    if path:
        text = json_paths.pointer(tuple(path))
        assert json_paths.find(document, json_paths.tokens(text)) == tuple(path)


@pytest.fixture(scope="module")
def worker() -> Any:
    with Jq() as jq:
        yield jq


@given(
    document=st.dictionaries(KEYS, VALUES, max_size=3),
    expression=st.sampled_from(
        [".a[]?", ".a[1:]?", ".a[-1]?", "..|.b?", ".a, .b", ".a[:-1]?", ".a[1:][0]?", '.["a/b"]',
         ".a?|select(. == 1)", ".. | select(. == 1)?", ".a[0,2]?", "(.a[1:3] | .[0:1])?"]
    ),
)  # fmt: skip
def test_what_goes_is_what_jq_deletes(
    worker: Jq, document: dict[str, Any], expression: str
) -> None:
    """Deleting the paths an expression selects gives what jq's own ``del`` gives."""
    import jq

    target = {**config_map(), "x": document}
    rule = IgnoreRule(kind="ConfigMap", jq_path_expressions=(f".x | {expression}",))
    found, _ = without_ignored(target, [rule], None, jq=worker)
    try:
        wanted = jq.compile(f"del({expression})").input_value(document).first()
    except ValueError:
        wanted = document
    assert json.dumps(found["x"], sort_keys=True) == json.dumps(wanted, sort_keys=True)


@pytest.fixture(scope="module")
def connection(control_plane: Any) -> Iterator[Connection]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KUBECONFIG", str(control_plane.kubeconfig))
        with connect() as opened:
            yield opened


@pytest.fixture
def collection(connection: Connection) -> Iterator[str]:
    name = f"ignore-{uuid.uuid4().hex[:8]}"
    connection.post("/api/v1/namespaces", json.dumps(an_object("v1", "Namespace", name)).encode())
    yield f"/apis/apps/v1/namespaces/{name}/deployments"
    connection.delete(f"/api/v1/namespaces/{name}")


def applied(connection: Connection, path: str, body: Mapping[str, Any], manager: str) -> Any:
    """Apply an object as the provider does: server-side, by force."""
    return connection.patch(
        f"{path}/web",
        json.dumps(body).encode(),
        content_type="application/apply-patch+yaml",
        params={"fieldManager": manager, "force": "true"},
    )


def deployment(replicas: int, image: str, **environment: str) -> dict[str, Any]:
    return an_object(
        "apps/v1",
        "Deployment",
        "web",
        spec={
            "replicas": replicas,
            "selector": {"matchLabels": {"app": "web"}},
            "template": {
                "metadata": {"labels": {"app": "web"}},
                "spec": {
                    "containers": [
                        {
                            "name": "web",
                            "image": image,
                            "env": [{"name": n, "value": v} for n, v in environment.items()],
                        }
                    ]
                },
            },
        },
    )


@pytest.mark.e2e
def test_another_manager_keeps_its_fields(connection: Connection, collection: str) -> None:
    """On a real API server: what others wrote survives an apply, what only we hold stays ours,
    and applying twice changes nothing."""
    target = deployment(2, "example.com/web:1", A="ours", B="ours")
    rules = [
        IgnoreRule(group="apps", kind="Deployment", json_pointers=("/spec/replicas",)),
        IgnoreRule(group="apps", kind="Deployment", managed_fields_managers=("injector",)),
    ]
    live = applied(connection, collection, target, "home-ops")
    assert without_ignored(target, rules, live, holder="home-ops")[1] == ()
    theirs = deployment(2, "example.com/web:1", B="theirs")
    del theirs["spec"]["replicas"], theirs["spec"]["template"]["spec"]["containers"][0]["image"]
    applied(connection, collection, theirs, "injector")
    connection.patch(
        f"{collection}/web/scale?fieldManager=autoscaler",
        b'{"spec":{"replicas":5}}',
        content_type="application/merge-patch+json",
    )
    live = connection.get(f"{collection}/web")
    body, removed = without_ignored(target, rules, live, holder="home-ops")
    assert "/spec/replicas" in removed
    assert "/spec/template/spec/containers/0/env/1" in removed
    again = [applied(connection, collection, body, "home-ops") for _ in range(2)]
    spec = again[1]["spec"]
    assert spec["replicas"] == 5
    assert spec["template"]["spec"]["containers"][0]["env"] == [
        {"name": "A", "value": "ours"},
        {"name": "B", "value": "theirs"},
    ]
    assert again[0]["metadata"]["generation"] == again[1]["metadata"]["generation"]
