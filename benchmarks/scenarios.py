"""What is measured? Trees of Applications, made from nothing but numbers.

Called by the command line, which names them, and by ``checkout``, which writes them down. The same
scenario is the same tree on every machine, so figures can be compared.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from benchmarks.definitions import definition

Body = dict[str, Any]

REVISION = "revision-0"
"""A text that is once in a generated tree; changing it changes one object of one Application."""

_TEXT = "A small object has a few lines of settings, as most ConfigMaps of a home lab do. " * 3
_OTHERS = ("Secret", "ServiceAccount", "Role", "RoleBinding", "NetworkPolicy")
_API_VERSIONS = {
    "Role": "rbac.authorization.k8s.io/v1",
    "RoleBinding": "rbac.authorization.k8s.io/v1",
    "NetworkPolicy": "networking.k8s.io/v1",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Targets:
    """The seconds that are promised on two quiet cores, where any are."""

    warm_render: float | None = None
    first_up: float | None = None
    preview: float | None = None
    make_up: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """One tree and how it is measured.

    ``files`` are texts by path; ``copied`` are folders of this repository. The stack's config is
    ``stack_file`` of this repository, or else ``settings``. ``edited`` is a file of
    ``application``, ``revision`` a text that is in it once, and ``revised`` what to put there, with
    a number for the braces. ``objects`` is how many objects the tree has, 0 where only a render can
    tell. ``repeats`` is how often what is cheap is measured; ``peers`` asks for others as well.
    """

    name: str
    description: str
    application: str
    edited: str
    revision: str = REVISION
    revised: str = "revision-{}"
    files: Mapping[str, str] = field(default_factory=dict)
    copied: tuple[str, ...] = ()
    stack_file: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)
    objects: int = 0
    repeats: int = 3
    peers: bool = False
    targets: Targets = Targets()


def example() -> Scenario:
    """The repository's own ``apps/`` on its stack ``local``."""
    return Scenario(
        name="example",
        description="apps/ of this repository",
        application="local-media-jellyfin",
        edited="apps/media/jellyfin/backup.yaml",
        revision='"15 4 * * *"',
        revised='"{} 5 * * *"',
        copied=("apps", "charts"),
        stack_file="Pulumi.local.yaml",
        targets=Targets(make_up=30.0),
    )


def small60() -> Scenario:
    """60 Applications of 25 small objects; what ArgoCD and kubectl were measured with as well."""
    return replace(
        small(applications=60, objects=25),
        name="small60",
        description="60 Applications of 25 small objects: plain, kustomize and Helm in turn",
        peers=True,
        targets=Targets(warm_render=0.3, first_up=20.0, preview=8.0),
    )


def small(*, applications: int, objects: int) -> Scenario:
    """Applications of small objects: plain, kustomize and Helm in turn."""
    return Scenario(
        name="small",
        description=f"{applications} Applications of {objects} small objects",
        application="bench-category-00-app-000",
        edited="apps/category-00/app-000/objects.yaml",
        files=_small(applications=applications, objects=objects, categories=6, mixed=True),
        settings=settings(),
        objects=applications * objects,
    )


def small1000() -> Scenario:
    """1,000 Applications of 10 small objects."""
    return Scenario(
        name="small1000",
        description="1,000 Applications of 10 small objects, plain",
        application="bench-category-00-app-000",
        edited="apps/category-00/app-000/objects.yaml",
        files=_small(applications=1000, objects=10, categories=10, mixed=False),
        settings=settings(),
        objects=1000 * 10,
        repeats=1,
    )


def definitions() -> Scenario:
    """20 CustomResourceDefinitions of 300 kB, in two Applications."""
    files: dict[str, str] = {}
    for number in range(20):
        path = f"apps/category-00/definitions-{number // 10}/widget-{number:02}.yaml"
        files[path] = as_yaml([definition(number, revision=REVISION if number == 0 else "")])
    return Scenario(
        name="definitions",
        description="2 Applications of 10 CustomResourceDefinitions of 300 kB",
        application="bench-category-00-definitions-0",
        edited="apps/category-00/definitions-0/widget-00.yaml",
        files=files,
        settings=settings(),
        objects=20,
    )


SCENARIOS = {each.__name__: each for each in (example, small60, small1000, definitions)}


def settings() -> dict[str, Any]:
    """The stack config of a generated tree: one ApplicationSet over all directories."""
    project = {
        "name": "apps",
        "sourceRepos": ["*"],
        "destinations": [{"namespace": "*"}],
        "clusterResourceWhitelist": [{"group": "*", "kind": "*"}],
    }
    spec = {
        "project": "apps",
        "destination": {"namespace": "{{category}}"},
        "syncPolicy": {
            "automated": {"prune": True, "allowEmpty": True},
            "syncOptions": ["CreateNamespace=true", "ServerSideApply=true"],
        },
    }
    name = "{{cluster}}-{{category}}-{{path.basename}}"
    applications = {
        "name": "apps",
        "generators": [{"git": {"directories": [{"path": "apps/*/*"}]}}],
        "template": {"metadata": {"name": name}, "spec": spec},
    }
    return {
        "cluster": "bench",
        "source": {"repoURL": "https://github.com/example/home-ops", "targetRevision": "main"},
        "kubernetes": {"version": "1.36.3"},
        "projects": [project],
        "applicationSets": [applications],
    }


def small_object(application: int, number: int) -> Body:
    """One small object: of every five one is of another kind, the others are ConfigMaps."""
    name = f"app-{application:03}-{number:02}"
    kind = _OTHERS[number // 5 % len(_OTHERS)] if number % 5 == 4 else "ConfigMap"
    labels = {
        "app.kubernetes.io/name": f"app-{application:03}",
        "app.kubernetes.io/part-of": "benchmark",
    }
    return {
        "apiVersion": _API_VERSIONS.get(kind, "v1"),
        "kind": kind,
        "metadata": {"name": name, "labels": labels},
        **_content(kind, f"{application}-{number}", revised=(application, number) == (0, 0)),
    }


def _content(kind: str, value: str, *, revised: bool) -> Body:
    match kind:
        case "Secret":
            return {"stringData": {"password": f"made-up-{value}"}}
        case "Role":
            return {"rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list"]}]}
        case "NetworkPolicy":
            return {"spec": {"podSelector": {}, "policyTypes": ["Ingress"], "ingress": [{}]}}
        case "RoleBinding":
            group = "rbac.authorization.k8s.io"
            subject = {"apiGroup": group, "kind": "Group", "name": f"people-{value}"}
            role = {"apiGroup": group, "kind": "ClusterRole", "name": "view"}
            return {"roleRef": role, "subjects": [subject]}
        case "ServiceAccount":
            return {"automountServiceAccountToken": False}
        case _:
            data = {"settings.conf": _TEXT, "id": value}
            return {"data": {**data, "revision": REVISION} if revised else data}


def _small(*, applications: int, objects: int, categories: int, mixed: bool) -> dict[str, str]:
    """A tree of small Applications; a mixed one has each kind of source in turn."""
    files: dict[str, str] = {}
    for application in range(applications):
        folder = f"apps/category-{application % categories:02}/app-{application:03}"
        bodies = [small_object(application, number) for number in range(objects)]
        form = (_plain, _kustomization, _chart)[application % 3 if mixed else 0]
        for path, text in form(f"app-{application:03}", bodies).items():
            files[f"{folder}/{path}"] = text
    return files


def _plain(_name: str, bodies: list[Body]) -> dict[str, str]:
    return {"objects.yaml": as_yaml(bodies)}


def _kustomization(_name: str, bodies: list[Body]) -> dict[str, str]:
    half = len(bodies) // 2
    resources = {"first.yaml": as_yaml(bodies[:half]), "second.yaml": as_yaml(bodies[half:])}
    labels = [{"pairs": {"app.kubernetes.io/managed-by": "kustomize"}}]
    kustomization = {"resources": sorted(resources), "labels": labels}
    return {**resources, "kustomization.yaml": as_yaml([kustomization])}


def _chart(name: str, bodies: list[Body]) -> dict[str, str]:
    chart = {"apiVersion": "v2", "name": name, "version": "1.0.0"}
    text = as_yaml(bodies).replace("benchmark", "{{ .Values.word }}")
    values = {"word": "benchmark"}
    return {
        "Chart.yaml": as_yaml([chart]),
        "values.yaml": as_yaml([values]),
        "templates/objects.yaml": text,
    }


def as_yaml(bodies: list[Body]) -> str:
    """Documents in the style people write."""
    return "---\n".join(_block(each, 0) for each in bodies)


def _block(value: Any, depth: int) -> str:
    indent = "  " * depth
    lines: list[str] = []
    for name, part in value.items():
        if isinstance(part, dict) and part:
            lines.append(f"{indent}{name}:\n{_block(part, depth + 1)}")
        else:
            lines.append(f"{indent}{name}: {json.dumps(part)}\n")
    return "".join(lines)
