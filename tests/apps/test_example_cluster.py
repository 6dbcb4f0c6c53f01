"""Does the example cluster use what the product can do, the way a careful person would?"""

from __future__ import annotations

from base64 import b64decode
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from gitops.objects.scope import CLUSTER_KINDS, NAMESPACED_KINDS
from tests.apps.rendered import ROOT, Placed, render_example

APPS = ROOT / "apps"
CATEGORIES = {
    "ai",
    "banking",
    "cert-manager",
    "cloudnative-pg",
    "home-automation",
    "kube-system",
    "media",
    "monitoring",
    "networking",
    "openebs",
    "rook-ceph",
    "security",
    "selfhosted",
    "system",
}
KINDS = [
    "ClusterRole",
    "ConfigMap",
    "CronJob",
    "CustomResourceDefinition",
    "DaemonSet",
    "Deployment",
    "HTTPRoute",
    "HorizontalPodAutoscaler",
    "Ingress",
    "IngressClass",
    "Job",
    "NetworkPolicy",
    "PersistentVolumeClaim",
    "PodDisruptionBudget",
    "PriorityClass",
    "Role",
    "RoleBinding",
    "Secret",
    "Service",
    "ServiceAccount",
    "StatefulSet",
    "StorageClass",
]
PLACEHOLDERS = {"admin", "placeholder-that-is-not-a-secret"}

Kustomization = Mapping[str, Any]


def charts(k: Kustomization) -> list[Mapping[str, Any]]:
    return list(k.get("helmCharts", ()))


def generators(k: Kustomization) -> list[Mapping[str, Any]]:
    return list(k.get("configMapGenerator", ()))


def without_suffix(k: Kustomization, generator: Mapping[str, Any]) -> bool:
    options = {**k.get("generatorOptions", {}), **generator.get("options", {})}
    return bool(options.get("disableNameSuffixHash", False))


FEATURES: dict[str, Callable[[Kustomization], bool]] = {
    "a chart with valuesFile": lambda k: any("valuesFile" in c for c in charts(k)),
    "valuesInline over valuesFile": lambda k: any(
        {"valuesFile", "valuesInline"} <= c.keys() for c in charts(k)
    ),
    "valuesInline alone": lambda k: any(
        "valuesInline" in c and "valuesFile" not in c for c in charts(k)
    ),
    "includeCRDs": lambda k: any(c.get("includeCRDs") for c in charts(k)),
    "two charts": lambda k: len({c["name"] for c in charts(k)}) > 1,
    "two releases of a chart": lambda k: len({c["name"] for c in charts(k)}) < len(charts(k)),
    "a chart from a mirrored registry": lambda k: any("repo" in c for c in charts(k)),
    "a chart from the folder": lambda k: "chartHome" in k.get("helmGlobals", {}),
    "a ConfigMap with a name suffix": lambda k: any(
        not without_suffix(k, g) for g in generators(k)
    ),
    "a ConfigMap without a name suffix": lambda k: any(without_suffix(k, g) for g in generators(k)),
    "a generated Secret": lambda k: "secretGenerator" in k,
    "a component": lambda k: "components" in k,
    "a patch from a file": lambda k: any("path" in p for p in k.get("patches", ())),
    "a patch in place": lambda k: any("patch" in p for p in k.get("patches", ())),
    "replacements": lambda k: any("source" in r for r in k.get("replacements", ())),
    "replacements from a file": lambda k: any("path" in r for r in k.get("replacements", ())),
    "an image transformer": lambda k: "images" in k,
    "a namespace of its own": lambda k: "namespace" in k,
    "no namespace of its own": lambda k: "namespace" not in k,
}


def directories() -> list[Path]:
    return sorted(p for p in APPS.glob("[!.]*/[!.]*") if p.is_dir())


def kustomizations() -> dict[str, Kustomization]:
    files = [d / "kustomization.yaml" for d in directories()]
    return {
        str(f.parent.relative_to(APPS)): yaml.safe_load(f.read_text("utf-8"))
        for f in files
        if f.exists()
    }


def main_file(directory: Path) -> Path:
    for name in ("kustomization.yaml", "Chart.yaml"):
        if (directory / name).exists():
            return directory / name
    return min(directory.glob("*.yaml"))


def test_every_category_of_a_home_lab_is_there_and_nothing_else_is() -> None:
    """All 14 categories hold an Application, and at least 24 Applications exist."""
    assert {d.parent.name for d in directories()} == CATEGORIES
    assert len(directories()) >= 24


def test_every_application_says_what_it_shows() -> None:
    """The main file of each directory starts with a comment of one to three lines."""
    for directory in directories():
        lines = main_file(directory).read_text("utf-8").splitlines()
        comment = next(i for i, line in enumerate(lines) if not line.startswith("# "))
        assert 1 <= comment <= 3, directory


@pytest.mark.parametrize("feature", FEATURES)
def test_a_feature_of_kustomizations_is_used(feature: str) -> None:
    """At least one Application's kustomization uses each feature the product promises."""
    assert [app for app, k in kustomizations().items() if FEATURES[feature](k)]


def test_a_base_and_a_shared_component_are_used() -> None:
    """A kustomization builds on a directory of its own, and several on one that they share."""
    found = kustomizations()
    bases = [a for a, k in found.items() for r in k.get("resources", ()) if (APPS / a / r).is_dir()]
    assert bases
    shared = Counter(
        (APPS / a / c).resolve() for a, k in found.items() for c in k.get("components", ())
    )
    assert {path.parent.name for path in shared} == {".components"}
    assert max(shared.values()) > 1


@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_is_used(kind: str, example: list[Placed]) -> None:
    """At least one Application holds an object of each kind a home lab has."""
    assert [o for o in example if o.kind == kind]


def test_the_three_kinds_of_source_are_used() -> None:
    """Kustomizations, a Helm chart and plain directories (YAML and JSON) are all there."""
    kinds = Counter(main_file(d).name for d in directories())
    plain = [d for d in directories() if main_file(d).name not in kustomize_or_helm()]
    assert kinds["kustomization.yaml"] and kinds["Chart.yaml"]
    suffixes = {f.suffix for d in plain for f in d.iterdir()}
    assert {".yaml", ".yml", ".json"} <= suffixes


def kustomize_or_helm() -> set[str]:
    return {"kustomization.yaml", "Chart.yaml"}


def test_custom_resources_have_their_definition_and_some_in_another_application(
    example: list[Placed],
) -> None:
    """No object waits for a definition that nobody brings; several cross Applications."""
    definitions = {
        (o.body["spec"]["group"], o.body["spec"]["names"]["kind"]): o.app
        for o in example
        if o.kind == "CustomResourceDefinition"
    }
    built_in = {*NAMESPACED_KINDS, *CLUSTER_KINDS}
    custom = [o for o in example if o.group not in built_in]
    assert {(o.group, o.kind) for o in custom} <= definitions.keys()
    owners = {(definitions[o.group, o.kind], o.app) for o in custom}
    assert len([pair for pair in owners if pair[0] != pair[1]]) >= 5


def test_namespaces_are_shared_and_crossed(example: list[Placed]) -> None:
    """Two Applications live in one namespace, and one writes into another's."""
    sharing = Counter(ns for ns, _ in {(o.namespace, o.app) for o in example if o.namespace})
    assert len([ns for ns, apps in sharing.items() if apps > 1]) >= 10
    crossing = {(o.app, o.namespace) for o in example if o.namespace not in ("", o.category)}
    assert ("monitoring/prometheus", "kube-system") in crossing
    assert {o.namespace for o in example} - {""} == CATEGORIES


def test_sync_options_and_waves_are_used(example: list[Placed]) -> None:
    """Waves before and after 0, Prune=false, Delete=false on claims and Replace on a Job."""
    waves = {o.annotations.get("argocd.argoproj.io/sync-wave") for o in example}
    assert {"-10", "-5", "-1", "1"} <= waves
    options = {
        (o.kind, option)
        for o in example
        for option in o.annotations.get("argocd.argoproj.io/sync-options", "").split(",")
    }
    assert {
        ("StorageClass", "Prune=false"),
        ("PersistentVolumeClaim", "Delete=false"),
        ("Job", "Replace=true"),
    } <= options


def test_services_of_type_load_balancer_and_claim_templates_are_used(
    example: list[Placed],
) -> None:
    """Addresses from outside and storage that a StatefulSet asks for are part of the example."""
    assert [o for o in example if o.body.get("spec", {}).get("type") == "LoadBalancer"]
    assert [o for o in example if o.body.get("spec", {}).get("volumeClaimTemplates")]


def test_images_are_pinned(example: list[Placed]) -> None:
    """Every container names a registry, a repository and a tag that is not latest."""
    for workload in (o for o in example if o.containers):
        for container in workload.containers:
            image = container["image"]
            path, _, tag = image.rpartition(":")
            assert "." in path.partition("/")[0], f"{workload}: {image} has no registry"
            assert any(c.isdigit() for c in tag), f"{workload}: {image} has no version"


def test_containers_are_limited_and_confined(example: list[Placed]) -> None:
    """Every container asks for CPU and memory, is limited in memory and has a securityContext."""
    for workload in (o for o in example if o.containers):
        for container in workload.containers:
            where = f"{workload} {container['name']}"
            assert {"cpu", "memory"} <= container["resources"]["requests"].keys(), where
            assert "memory" in container["resources"]["limits"], where
            context = container["securityContext"]
            assert context.get("privileged") or context["allowPrivilegeEscalation"] is False, where


def test_servers_are_probed(example: list[Placed]) -> None:
    """Every container with a port that runs for ever has a liveness and a readiness probe."""
    servers = [o for o in example if o.kind in ("Deployment", "StatefulSet", "DaemonSet")]
    for server in servers:
        for container in server.containers:
            if container.get("ports"):
                where = f"{server} {container['name']}"
                assert {"livenessProbe", "readinessProbe"} <= container.keys(), where


def test_secrets_hold_placeholders_only(example: list[Placed]) -> None:
    """No value of a Secret in this repository is one, and none is given as stringData."""
    secrets = [o for o in example if o.kind == "Secret"]
    values = {b64decode(v).decode() for o in secrets for v in o.body["data"].values()}
    assert values == PLACEHOLDERS
    assert not [o for o in secrets if "stringData" in o.body]


def test_no_object_has_two_owners(example: list[Placed]) -> None:
    """Each object comes from one Application, once."""
    keys = Counter((o.group, o.kind, o.namespace, o.name) for o in example)
    assert [key for key, count in keys.items() if count > 1] == []


def test_rendering_twice_gives_the_same(example: list[Placed], tmp_path: Path) -> None:
    """A second render with an empty chart store gives the same objects in the same order."""
    assert render_example(tmp_path) == example


def test_the_example_stays_small(example: list[Placed]) -> None:
    """A reader can take it in: 150 to 250 objects from less than 400 kB of text."""
    assert 150 <= len(example) <= 250
    assert sum(f.stat().st_size for f in APPS.rglob("*") if f.is_file()) < 400_000
