"""Charts in the repository: rendered as ArgoCD does, with what they depend on."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from gitops.charts import ChartStore
from gitops.errors import RenderError
from gitops.versions import ClusterVersions
from tests.gitops.chart_servers import ChartServer, chart_server
from tests.gitops.rendering import (
    REPOSITORY,
    archive,
    chart_files,
    identities,
    rendered,
    snapshot,
    write,
)


@pytest.fixture
def server() -> Iterator[ChartServer]:
    with chart_server() as served:
        yield served


def parent(dependency: dict[str, str], **more: str) -> dict[str, str]:
    """A chart in the directory ``app`` that depends on another."""
    chart = {"apiVersion": "v2", "name": "app", "version": "1.0.0", "dependencies": [dependency]}
    return {"app/Chart.yaml": json.dumps(chart)} | more


def test_chart_with_a_dependency_in_the_repository() -> None:
    """CRDs and hooks come along, test hooks do not; the release is named as the Application."""
    found = rendered("apps/helm/chart", namespace="somewhere")
    assert identities(found) == [
        "CustomResourceDefinition.apiextensions.k8s.io widgets.example.org",
        "ConfigMap somewhere/chart",
        "Job.batch chart-migrate",
    ]
    config_map, job = found[1], found[2]
    assert config_map.body["data"]["message"] == "from the parent"
    assert job.annotations == {"helm.sh/hook": "pre-install,pre-upgrade"}
    assert job.source == "apps/helm/chart/Chart.yaml"


def test_cluster_versions_reach_the_chart() -> None:
    """Version and API versions arrive as ``.Capabilities``."""
    versions = ClusterVersions("v1.35.1", ("gateway.networking.k8s.io/v1/HTTPRoute",))
    config_map = rendered("apps/helm/chart", versions=versions)[1]
    assert config_map.body["data"]["kubernetes"] == "v1.35.1"
    assert config_map.body["data"]["routes"] == "true"


def test_rendering_writes_nothing_into_the_tree(tmp_path: Path) -> None:
    """Dependencies are built in a copy, twice with the same outcome."""
    root = shutil.copytree(REPOSITORY, tmp_path / "tree")
    before = snapshot(root)
    assert rendered("apps/helm/chart", root=root) == rendered("apps/helm/chart", root=root)
    assert snapshot(root) == before


@pytest.mark.parametrize("kind", ["oci", "http"])
def test_dependency_is_pulled_at_the_locked_version(
    tmp_path: Path, server: ChartServer, kind: str
) -> None:
    """Chart.lock says which version a range stands for."""
    for version in ("1.0.0", "1.1.0"):
        packed = archive(chart_files("demo", version, message=version))
        server.serve_oci("demo", version, packed)
    server.serve_http("demo", "1.0.0", archive(chart_files("demo", "1.0.0", message="1.0.0")))
    repo = getattr(server, kind)
    dependency = {"name": "demo", "version": "~1", "repository": repo}
    lock = json.dumps({"dependencies": [dependency | {"version": "1.0.0"}]})
    root = write(tmp_path / "tree", parent(dependency, **{"app/Chart.lock": lock}))
    store = ChartStore(tmp_path / "store", repository_root=root)
    (config_map,) = rendered("app", root=root, charts=store)
    assert config_map.body["data"]["message"] == "1.0.0"


def test_dependency_that_is_vendored_is_used_as_it_is(tmp_path: Path) -> None:
    """What is in the chart's own ``charts`` folder is not pulled."""
    dependency = {"name": "demo", "version": "1.0.0", "repository": "oci://registry.invalid/x"}
    files = {f"app/charts/{name}": text for name, text in chart_files("demo", "1.0.0").items()}
    root = write(tmp_path, parent(dependency, **files))
    assert identities(rendered("app", root=root)) == ["ConfigMap app"]


def test_dependencies_of_dependencies_in_the_repository(tmp_path: Path) -> None:
    """A chart beside the repository's charts brings its own dependencies along."""
    middle = {"name": "demo", "version": "1.0.0", "repository": "file://../demo"}
    chart = {"apiVersion": "v2", "name": "middle", "version": "1.0.0", "dependencies": [middle]}
    dependency = {"name": "middle", "version": "1.0.0", "repository": "file://../charts/middle"}
    root = write(
        tmp_path,
        parent(dependency)
        | {f"charts/{name}": text for name, text in chart_files("demo", "1.0.0").items()}
        | {"charts/middle/Chart.yaml": json.dumps(chart)},
    )
    assert identities(rendered("app", root=root)) == ["ConfigMap app"]


@pytest.mark.parametrize(
    ("repository", "message"),
    [
        ("@mine", "a name in somebody's Helm settings"),
        ("file://../nowhere", "depends on a chart in nowhere, and there is none"),
        ("file://../../outside", "leads out of the repository"),
    ],
)
def test_dependency_that_cannot_be_resolved(tmp_path: Path, repository: str, message: str) -> None:
    """A dependency nobody else could resolve is refused with the Application named."""
    dependency = {"name": "demo", "version": "1.0.0", "repository": repository}
    root = write(tmp_path / "tree", parent(dependency))
    write(tmp_path / "outside", {"Chart.yaml": "a: b"})
    with pytest.raises(RenderError, match=f"^app: .*{message}"):
        rendered("app", root=root)


def test_charts_that_depend_on_each_other_are_refused(tmp_path: Path) -> None:
    """A circle of ``file://`` dependencies ends with the way it went."""
    charts = {}
    for name, other in (("a", "b"), ("b", "a")):
        dependency = {"name": other, "version": "1.0.0", "repository": f"file://../{other}"}
        chart = {"apiVersion": "v2", "name": name, "version": "1.0.0", "dependencies": [dependency]}
        charts[f"{name}/Chart.yaml"] = json.dumps(chart)
    with pytest.raises(RenderError, match="depends on itself: a -> b -> a"):
        rendered("a", root=write(tmp_path, charts))
