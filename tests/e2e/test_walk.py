"""A tree lives: added to, edited, moved in, broken and repaired, and a run killed on the way.

After every step the cluster is compared with an independent render, uids with those before, and a
second run has nothing to do.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.e2e import objects
from tests.e2e.checkout import MIRROR, Checkout
from tests.e2e.independent import check, same_objects

pytestmark = pytest.mark.e2e

CHART_APP = f"""
apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
helmCharts:
  - name: generic
    repo: {MIRROR}
    version: 1.2.0
    releaseName: web
    valuesFile: values.yaml
configMapGenerator:
  - name: settings
    literals: [mode=first]
"""
VALUES = """
controllers:
  main:
    replicas: 1
    containers:
      main:
        image: {repository: registry.example/web, tag: 1.0.0}
        ports: {http: {containerPort: 8080}}
        resources: {requests: {cpu: 0.1, memory: 64Mi}}
service:
  main:
    ports:
      http: {port: 80}
"""
HELM_TEMPLATE = """
apiVersion: v1
kind: ConfigMap
metadata: {name: "{{ .Release.Name }}"}
data: {text: "{{ .Values.text }}", namespace: "{{ .Release.Namespace }}"}
"""


@pytest.fixture(scope="module")
def walk(new_checkout: Callable[[str], Checkout]) -> Checkout:
    """One working copy for all steps, which build upon each other in the order of this file."""
    made = new_checkout("walk")
    made.copy_chart("generic")
    made.text("web", "kustomization.yaml", CHART_APP)
    made.text("web", "values.yaml", VALUES)
    made.text("chart", "Chart.yaml", "apiVersion: v2\nname: own\nversion: 0.1.0\n")
    made.text("chart", "values.yaml", "text: hello\n")
    made.text("chart", "templates/configmap.yaml", HELM_TEMPLATE)
    group = f"{made.id}.example"
    made.write("operator", objects.definition(group, "Widget"), objects.config_map("operator"))
    made.write(
        "plain",
        objects.thing(f"{group}/v1", "Widget", "first", spec={"size": 3}),
        objects.thing("v1", "Secret", "login", stringData={"password": "correct horse"}),
        objects.deployment("plain"),
        objects.service("plain"),
    )
    return made


def nothing(_: Checkout) -> None:
    """The first up, with three kinds of sources and a custom resource beside its definition."""


def add(walk: Checkout) -> None:
    walk.write("added", objects.config_map("added"), objects.claim("data"))


def edit(walk: Checkout) -> None:
    """An image, a generated ConfigMap whose name is a hash of its content, a chart's values, a
    Secret and a custom resource."""
    walk.text("web", "values.yaml", VALUES.replace("1.0.0", "1.0.1"))
    walk.text("web", "kustomization.yaml", CHART_APP.replace("first", "second"))
    walk.text("chart", "values.yaml", "text: hello again\n")
    group = f"{walk.id}.example"
    walk.write(
        "plain",
        objects.thing(f"{group}/v1", "Widget", "first", spec={"size": 4}),
        objects.thing("v1", "Secret", "login", stringData={"password": "battery staple"}),
        objects.deployment("plain", image="registry.example/app:2"),
        objects.service("plain", port=8080),
    )


def drop_a_field(walk: Checkout) -> None:
    """A label and a key that are not rendered any more leave the live object."""
    walk.write("operator", objects.definition(f"{walk.id}.example", "Widget"))
    kept = objects.config_map("operator")
    walk.write("operator", {**kept, "data": {"other": "1"}}, file="settings.yaml")


def move_an_object(walk: Checkout) -> None:
    """From one Application to another in the same namespace."""
    (walk.app("operator") / "settings.yaml").rename(walk.app("plain") / "settings.yaml")


def move_a_directory(walk: Checkout) -> None:
    """To another name, and with it another Application."""
    walk.app("plain").rename(walk.app("renamed"))


def remove(walk: Checkout) -> None:
    walk.remove("chart")


STEPS = (nothing, add, edit, drop_a_field, move_an_object, move_a_directory, remove)


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.__name__)
def test_step(walk: Checkout, step: Callable[[Checkout], None]) -> None:
    """After each step the cluster holds what the tree says, object by object and field by field,
    nothing was deleted and created again, and a second run finds nothing to do."""
    before = walk.uids()
    step(walk)
    run = walk.twice()
    same_objects(before, check(walk))
    assert run.replaced == []


def test_broken_and_repaired(walk: Checkout) -> None:
    """A broken Application stops the run's deletions and keeps what it had; repaired, the tree and
    the cluster are the same again."""
    walk.write("leaving", objects.config_map("leaving"))
    walk.up().succeeded()
    before = check(walk)
    whole = (walk.app("web") / "values.yaml").read_text()
    walk.text("web", "values.yaml", "controllers: {main: [}\n")
    walk.remove("leaving")
    walk.up().failed()
    assert walk.uids() == before
    walk.text("web", "values.yaml", whole)
    walk.twice()
    same_objects(before, check(walk))


def test_killed_and_run_again(walk: Checkout) -> None:
    """A run killed in the middle, which wrote no state, is made up for by the next."""
    before = walk.uids()
    walk.write("many", *objects.config_maps(120))
    walk.kill_up(lambda: walk.count("many") >= 10)
    assert len(walk.uids()) < len(before) + 120, "the run was over before it was killed"
    walk.twice()
    same_objects(before, check(walk))
