"""The input digest: everything a render depends on changes it, and nothing else does."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from gitops.charts import ChartStore
from gitops.render import Rendered, render_all
from gitops.rendering.cache import RenderCache
from gitops.rendering.capabilities import ANYTHING, NOTHING, Capabilities, scan
from gitops.rendering.inputs import LoadRestrictor
from gitops.versions import ClusterVersions
from tests.gitops.rendering import REPOSITORY, VERSIONS, spec_for, write

OVERLAY, CHARTS, HELM = "apps/kustomize/overlay", "apps/kustomize/charts", "apps/helm/chart"


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    return shutil.copytree(REPOSITORY, tmp_path / "tree")


def once(
    root: Path, path: str, *, versions: ClusterVersions = VERSIONS, **settings: object
) -> Rendered:
    """Render one directory, remembering it beside the tree."""
    spec = replace(spec_for(path), **settings.pop("spec", {}))  # type: ignore[arg-type]
    renders = render_all(
        [spec],
        root=root,
        versions=versions,
        charts=ChartStore(root.parent / "store", repository_root=root),
        cache=RenderCache(root.parent / "cache"),
        **settings,  # type: ignore[arg-type]
    )
    assert renders.errors == {}
    return renders.rendered[spec.name]


@pytest.mark.parametrize(
    ("path", "file"),
    [
        (OVERLAY, "apps/kustomize/overlay/kustomization.yaml"),
        (OVERLAY, "apps/kustomize/overlay/service.yaml"),
        (OVERLAY, "apps/kustomize/overlay/patches/image.yaml"),
        (OVERLAY, "apps/kustomize/overlay/replacements.yaml"),
        (OVERLAY, "bases/web/kustomization.yaml"),
        (OVERLAY, "bases/web/deployment.yaml"),
        (OVERLAY, "components/labels/kustomization.yaml"),
        (OVERLAY, "components/labels/replicas.yaml"),
        ("apps/kustomize/generators", "apps/kustomize/generators/files/other.txt"),
        ("apps/kustomize/generators", "apps/kustomize/generators/settings.env"),
        (CHARTS, "apps/kustomize/charts/values.yaml"),
        (CHARTS, "apps/kustomize/charts/more.yaml"),
        (CHARTS, "charts/generic/values.yaml"),
        (CHARTS, "charts/generic/templates/configmap.yaml"),
        (HELM, "apps/helm/chart/values.yaml"),
        (HELM, "charts/generic/templates/configmap.yaml"),
        ("apps/plain/flat", "apps/plain/flat/b.yaml"),
    ],
)
def test_every_input_counts(tree: Path, path: str, file: str) -> None:
    """Also files outside the directory, through bases, components and charts."""
    first = once(tree, path)
    assert once(tree, path).from_cache
    with (tree / file).open("a") as opened:
        opened.write("\n# changed\n" if file.endswith("yaml") else "CHANGED=yes\n")
    second = once(tree, path)
    assert second.digest != first.digest
    assert not second.from_cache


@pytest.mark.parametrize(
    "change",
    [
        lambda tree: write(tree, {"apps/kustomize/generators/settings.env": "changed=1\n"}),
        lambda tree: write(tree, {"apps/kustomize/overlay/.home-ops.yaml": "commands: {}\n"}),
        lambda tree: os.utime(tree / "apps/kustomize/overlay/service.yaml", (1, 1)),
        lambda tree: write(tree, {"README.md": "hello"}),
    ],
)
def test_what_is_no_input_does_not_count(tree: Path, change: Callable[[Path], object]) -> None:
    """Another Application, our own settings file, times and files elsewhere change nothing."""
    once(tree, OVERLAY)
    change(tree)
    assert once(tree, OVERLAY).from_cache


def test_same_content_under_another_name_is_another_input(tree: Path) -> None:
    """Names of files are in keys of ConfigMaps."""
    first = once(tree, "apps/kustomize/generators")
    folder = tree / "apps/kustomize/generators"
    (folder / "settings.ini").rename(folder / "other.ini")
    kustomization = folder / "kustomization.yaml"
    kustomization.write_text(kustomization.read_text().replace("settings.ini", "other.ini"))
    assert once(tree, "apps/kustomize/generators").manifests != first.manifests


def test_release_name_and_namespace_count_for_charts_alone(tree: Path) -> None:
    """A kustomization does not know the Application's name."""
    for path, counts in ((HELM, True), (OVERLAY, False)):
        first = once(tree, path)
        renamed = once(tree, path, spec={"name": "another"})
        assert (renamed.digest != first.digest) is counts


def test_load_restrictor_counts(tree: Path) -> None:
    """A render without restriction is not one with it."""
    once(tree, OVERLAY)
    assert not once(tree, OVERLAY, load_restrictor=LoadRestrictor.NONE).from_cache


def test_tools_count(tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another build of kustomize renders again; a plain directory needs none."""
    plain, overlay = once(tree, "apps/plain/flat"), once(tree, OVERLAY)
    other = tmp_path / "bin"
    other.mkdir()
    found = shutil.which("kustomize")
    assert found is not None
    shutil.copyfile(found, other / "kustomize")
    (other / "kustomize").chmod(0o755)
    monkeypatch.setenv("PATH", f"{other}{os.pathsep}{os.environ['PATH']}")
    again = once(tree, OVERLAY)
    assert again.digest != overlay.digest
    assert again.manifests == overlay.manifests
    assert once(tree, "apps/plain/flat").digest == plain.digest


def test_cluster_version_counts_only_where_it_is_asked_for(tree: Path) -> None:
    """An upgrade of the cluster renders charts again and leaves the rest alone."""
    for path, counts in ((CHARTS, True), (HELM, True), (OVERLAY, False)):
        once(tree, path)
        assert once(tree, path, versions=ClusterVersions("1.37.0")).from_cache is not counts


@pytest.mark.parametrize(
    ("path", "content", "expected"),
    [
        ("templates/a.yaml", "{{ .Values.a }} Capabilities", NOTHING),
        ("README.md", "Capabilities of this chart", NOTHING),
        ("templates/a.yaml", "capabilities: {drop: [ALL]}", NOTHING),
        ("a.tpl", "{{ .Capabilities.KubeVersion.Minor }}", Capabilities(kube_version=True)),
        ("a.tpl", '{{ .Capabilities.APIVersions.Has "a" }}', Capabilities(api_versions=True)),
        ("a.tpl", "{{ $.Capabilities.APIVersions }}{{ .Capabilities.KubeVersion }}", ANYTHING),
        ("a.tpl", "{{ ($x.Capabilities).KubeVersion }}", Capabilities(kube_version=True)),
        ("a.tpl", "{{ .Capabilities.HelmVersion }}", NOTHING),
        ("a.tpl", "{{ $all := .Capabilities }}", ANYTHING),
        ("a.tpl", '{{ index $ "Capabilities" }}', ANYTHING),
        ("values.yaml", 'a: "{{ .Capabilities.KubeVersion }}"', Capabilities(kube_version=True)),
        ("Chart.yaml", "name: a\nkubeVersion: '>=1.20'\n", Capabilities(kube_version=True)),
        ("charts/packed-1.0.0.tgz", "", ANYTHING),
    ],
)
def test_what_a_chart_asks_of_a_cluster(path: str, content: str, expected: Capabilities) -> None:
    """Found by what templates mention; in doubt everything."""
    assert scan(path, content.encode()) == expected
