"""Kustomizations: what kustomize and helm make of the same tree, and nothing written to it."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from gitops.charts import ChartStore
from gitops.errors import ChartError, HomeOpsError, RenderError
from gitops.render import render
from gitops.rendering.inputs import LoadRestrictor
from gitops.versions import ClusterVersions
from tests.gitops.chart_servers import ChartServer, chart_server
from tests.gitops.rendering import (
    REPOSITORY,
    TESTDATA,
    VERSIONS,
    archive,
    chart_files,
    identities,
    rendered,
    snapshot,
    spec_for,
    write,
)

CHART = "oci://registry.invalid/charts"


@pytest.fixture
def server() -> Iterator[ChartServer]:
    with chart_server() as served:
        yield served


def built_by_hand(path: str, tmp_path: Path, *arguments: str) -> list[object]:
    """What a person's own kustomize makes of a copy of the tree."""
    copy = shutil.copytree(REPOSITORY, tmp_path / "by-hand")
    command = ["kustomize", "build", "--enable-helm", *arguments, str(copy / path)]
    done = subprocess.run(command, check=True, capture_output=True)
    return [body for body in yaml.safe_load_all(done.stdout) if body]


@pytest.mark.parametrize("name", ["overlay", "generators"])
def test_same_as_kustomize_by_hand(tmp_path: Path, name: str) -> None:
    """Bases, components, patches, replacements and generators come out as kustomize has them."""
    found = rendered(f"apps/kustomize/{name}")
    by_hand = built_by_hand(f"apps/kustomize/{name}", tmp_path)
    if name == "generators":  # a variable of the environment must not come in: see below
        by_hand = [body for body in by_hand if "COLOUR" not in str(body)]
        found = [manifest for manifest in found if "COLOUR" not in str(manifest.body)]
    assert [manifest.body for manifest in found] == by_hand
    assert {manifest.source for manifest in found} == {f"apps/kustomize/{name}/kustomization.yaml"}


def test_environment_does_not_reach_an_env_file(monkeypatch: pytest.MonkeyPatch) -> None:
    """A line without a value takes no variable of whoever renders, but for what kustomize needs."""
    monkeypatch.setenv("COLOUR_OF_THE_RUNNER", "red")
    copy = rendered("apps/kustomize/generators")
    plain = next(manifest for manifest in copy if manifest.key.name == "plain")
    assert plain.body["data"]["COLOUR"] == "blue"
    assert "red" not in str(plain.body)


def test_several_charts_of_the_repository(tmp_path: Path) -> None:
    """valuesFile, additionalValuesFiles, valuesInline, includeCRDs and namespaces all arrive."""
    found = rendered(
        "apps/kustomize/charts",
        versions=ClusterVersions("1.36.3", ("gateway.networking.k8s.io/v1/HTTPRoute",)),
    )
    by_name = {str(manifest.key): manifest.body for manifest in found}
    assert sorted(by_name) == [
        "ConfigMap charts/second",
        "ConfigMap charts/third",
        "ConfigMap elsewhere/first",
        "CustomResourceDefinition.apiextensions.k8s.io widgets.example.org",
    ]
    assert by_name["ConfigMap elsewhere/first"]["data"] == {
        "message": "more",
        "kubernetes": "v1.36.3",
        "routes": "true",
    }
    assert by_name["ConfigMap charts/second"]["data"]["message"] == "inline"
    assert by_name["ConfigMap charts/third"]["data"]["kubernetes"] == "v1.20.0"
    by_hand = built_by_hand(
        "apps/kustomize/charts",
        tmp_path,
        "--helm-kube-version=1.36.3",
        "--helm-api-versions=gateway.networking.k8s.io/v1/HTTPRoute",
    )
    assert [manifest.body for manifest in found] == [
        body for body in by_hand if isinstance(body, dict) and body["kind"] != "Pod"
    ]


def test_api_versions_reach_charts() -> None:
    """Without the API the cluster lacks, the chart says so."""
    found = rendered("apps/kustomize/charts", versions=ClusterVersions("1.31.0"))
    first = next(manifest for manifest in found if manifest.key.name == "first")
    assert first.body["data"]["kubernetes"] == "v1.31.0"
    assert first.body["data"]["routes"] == "false"


def test_rendering_twice_is_equal_and_writes_nothing(tmp_path: Path) -> None:
    """The tree keeps every byte and time; the temporary copies are gone."""
    root = shutil.copytree(REPOSITORY, tmp_path / "tree")
    before = snapshot(root)
    for name in ("overlay", "generators", "charts"):
        first = rendered(f"apps/kustomize/{name}", root=root)
        assert rendered(f"apps/kustomize/{name}", root=root) == first
    assert snapshot(root) == before


@pytest.mark.parametrize("name", ["missing-file", "values-break-template", "unknown-field"])
def test_temporary_copies_are_gone_after_errors(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """A failing render leaves nothing behind either."""
    monkeypatch.setattr("gitops.rendering.stage._fast_folder", lambda: tmp_path)
    with pytest.raises(HomeOpsError):
        rendered(f"apps/{name}", root=TESTDATA / "bad")
    assert list(tmp_path.iterdir()) == []


def test_pulled_charts_in_a_kustomization_its_base_and_its_component(
    tmp_path: Path, server: ChartServer
) -> None:
    """Each kustomization gets its charts from the store: with values of its own and without."""
    root = write(
        tmp_path / "tree",
        {
            "base/kustomization.yaml": f"""
helmCharts: [{{name: demo, repo: "{server.oci}", version: 1.0.0, releaseName: base}}]
""",
            "component/kustomization.yaml": f"""
apiVersion: kustomize.config.k8s.io/v1alpha1
kind: Component
generators:
  - chart.yaml
  - |-
    apiVersion: builtin
    kind: HelmChartInflationGenerator
    metadata: {{name: written-here}}
    name: demo
    repo: {server.oci}
    version: 1.0.0
    releaseName: written-here
""",
            "component/chart.yaml": f"""
apiVersion: builtin
kind: HelmChartInflationGenerator
metadata: {{name: demo}}
name: demo
repo: {server.oci}
version: 1.0.0
releaseName: component
""",
            "app/values.yaml": "message: own values\n",
            "app/kustomization.yaml": f"""
resources: [../base]
components: [../component]
helmGlobals: {{chartHome: vendor}}
helmCharts:
  - {{name: demo, repo: "{server.http}", version: 1.0.0, releaseName: app, valuesFile: values.yaml}}
  - {{name: demo, repo: "{server.http}", version: 1.0.0, releaseName: inline,
     valuesInline: {{message: inline}}}}
  - {{name: demo, repo: "{server.oci}", releaseName: newest}}
""",
        },
    )
    packed = archive(chart_files("demo", "1.0.0"))
    server.serve_http("demo", "1.0.0", packed)
    server.serve_oci("demo", "1.0.0", packed)
    server.answers["/v2/charts/demo/tags/list"] = (
        "application/json",
        b'{"name": "charts/demo", "tags": ["1.0.0"]}',
    )
    before = snapshot(root)
    store = ChartStore(tmp_path / "store", repository_root=root)
    messages = {
        manifest.key.name: manifest.body["data"]["message"]
        for manifest in rendered("app", root=root, charts=store)
    }
    assert messages == {
        "base": "hello",
        "component": "hello",
        "written-here": "hello",
        "app": "own values",
        "inline": "inline",
        "newest": "hello",
    }
    assert snapshot(root) == before


def test_folder_mirror_serves_a_kustomization(tmp_path: Path) -> None:
    """A chart named by registry comes from the repository's own folder, with no network."""
    root = write(
        tmp_path / "tree", {f"charts/{k}": v for k, v in chart_files("demo", "1.0.0").items()}
    )
    write(
        root,
        {
            "app/kustomization.yaml": "helmCharts: "
            f"[{{name: demo, repo: '{CHART}', version: 1.0.0, releaseName: a}}]\n"
        },
    )
    store = ChartStore(tmp_path / "store", mirrors={CHART: "charts"}, repository_root=root)
    assert identities(rendered("app", root=root, charts=store)) == ["ConfigMap a"]
    assert not (tmp_path / "store").exists()


def test_tampered_chart_stops_the_application(tmp_path: Path, server: ChartServer) -> None:
    """A wrong checksum is an error of the Application that names chart and digests."""
    locked = {"repo": server.oci, "name": "demo", "version": "1.0.0", "digest": f"sha256:{0:064}"}
    root = write(
        tmp_path / "tree",
        {
            "app/kustomization.yaml": "helmCharts: "
            f"[{{name: demo, repo: '{server.oci}', version: 1.0.0, releaseName: a}}]\n",
            "charts.lock": json.dumps({"charts": [locked]}),
        },
    )
    server.serve_oci("demo", "1.0.0", archive(chart_files("demo", "1.0.0")))
    store = ChartStore(tmp_path / "store", lock_file=root / "charts.lock", repository_root=root)
    with pytest.raises(
        ChartError, match=r"app: chart demo 1\.0\.0 .* other bytes than were locked"
    ):
        rendered("app", root=root, charts=store)


def test_load_restrictor_can_be_lifted(tmp_path: Path) -> None:
    """A file above the kustomization is refused by default and read when the setting says so."""
    root = write(
        tmp_path,
        {
            "a.yaml": "{apiVersion: v1, kind: ConfigMap, metadata: {name: above}}",
            "app/kustomization.yaml": "resources: [../a.yaml]",
        },
    )
    with pytest.raises(RenderError, match="kustomize reads no file above a kustomization"):
        rendered("app", root=root)
    store = ChartStore(tmp_path / "store", repository_root=root)
    found = render(
        spec_for("app"),
        root=root,
        versions=VERSIONS,
        charts=store,
        load_restrictor=LoadRestrictor.NONE,
    )
    assert identities(found) == ["ConfigMap above"]


@pytest.mark.parametrize(
    ("plugin", "message"),
    [
        ("apiVersion: example.org/v1\nkind: Anything\nmetadata: {name: a}\n", "unable to load"),
        (
            "apiVersion: example.org/v1\nkind: Anything\nmetadata:\n  name: a\n  annotations:\n"
            "    config.kubernetes.io/function: |\n      exec: {path: ./run}\n",
            "enable",
        ),
    ],
)
def test_plugins_and_functions_stay_off(tmp_path: Path, plugin: str, message: str) -> None:
    """A kustomization cannot run programs of its own."""
    root = write(
        tmp_path,
        {
            "app/kustomization.yaml": "generators: [plugin.yaml]",
            "app/plugin.yaml": plugin,
            "app/run": f"#!/bin/sh\ntouch {tmp_path}/ran\n",
        },
    )
    (root / "app" / "run").chmod(0o755)
    with pytest.raises(RenderError, match=message):
        rendered("app", root=root)
    assert not (tmp_path / "ran").exists()


def test_symbolic_link_inside_the_repository_is_followed(tmp_path: Path) -> None:
    """A link to a shared file works as the file does."""
    root = write(
        tmp_path,
        {
            "shared/a.yaml": "{apiVersion: v1, kind: ConfigMap, metadata: {name: shared}}",
            "app/kustomization.yaml": "resources: [a.yaml]",
        },
    )
    (root / "app" / "a.yaml").symlink_to("../shared/a.yaml")
    assert identities(rendered("app", root=root)) == ["ConfigMap shared"]


@pytest.mark.parametrize("where", ["app/a.yaml", "base/a.yaml"])
def test_symbolic_link_out_of_the_repository_is_refused(tmp_path: Path, where: str) -> None:
    """In the Application's directory and in one it refers to, used or not."""
    outside = write(tmp_path / "outside", {"secret.yaml": "a: b"})
    root = write(
        tmp_path / "tree",
        {
            "app/kustomization.yaml": "resources: [../base]",
            "base/kustomization.yaml": "configMapGenerator: [{name: a, literals: [a=b]}]",
        },
    )
    (root / where).symlink_to(outside / "secret.yaml")
    with pytest.raises(RenderError, match=f"app: {where}: it leads out of the repository"):
        rendered("app", root=root)


def test_reference_out_of_the_repository_is_refused(tmp_path: Path) -> None:
    """A path with enough dots is refused before kustomize sees it."""
    write(tmp_path / "outside", {"kustomization.yaml": ""})
    root = write(tmp_path / "tree", {"app/kustomization.yaml": "resources: [../../outside]"})
    with pytest.raises(RenderError, match="leads out of the repository"):
        rendered("app", root=root)


def test_remote_base_that_does_not_answer_is_an_error(tmp_path: Path) -> None:
    """A base behind a URL is kustomize's to fetch, and its failure is the Application's."""
    root = write(
        tmp_path, {"app/kustomization.yaml": "resources: ['https://127.0.0.1:9/x//y?ref=main']"}
    )
    with pytest.raises(RenderError, match=r"app: kustomize build failed: .*127\.0\.0\.1"):
        rendered("app", root=root)


def test_kustomizations_that_refer_to_each_other_are_refused(tmp_path: Path) -> None:
    """A circle is kustomize's to find; looking for inputs ends."""
    root = write(
        tmp_path,
        {
            "a/kustomization.yaml": "resources: [../b]",
            "b/kustomization.yaml": "resources: [../a]",
        },
    )
    with pytest.raises(RenderError, match="cycle"):
        rendered("a", root=root)


def test_absurdly_deep_kustomization_is_refused(tmp_path: Path) -> None:
    """Nesting that would exhaust the stack is one Application's error."""
    root = write(tmp_path, {"app/kustomization.yaml": "resources: " + "[" * 100_000})
    with pytest.raises(HomeOpsError, match=r"app: app/kustomization\.yaml"):
        rendered("app", root=root)
