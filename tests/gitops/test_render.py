"""Rendering: which way an Application is rendered, many at once, and what is refused."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from gitops.charts import ChartStore
from gitops.errors import ChartError, HomeOpsError, ManifestError, RenderError, ToolError
from gitops.objects.manifest import Manifest
from gitops.render import Renders, render_all
from gitops.rendering.cache import RenderCache
from gitops.rendering.kustomization import gather
from gitops.rendering.source_tree import SourceTree
from gitops.versions import ClusterVersions
from tests.gitops.chart_servers import chart_server
from tests.gitops.rendering import (
    REPOSITORY,
    TESTDATA,
    VERSIONS,
    rendered,
    spec_for,
    write,
)

CONFIG_MAP = "{apiVersion: v1, kind: ConfigMap, metadata: {name: %s}}\n"


def all_of(
    root: Path,
    *paths: str,
    cache: RenderCache | None = None,
    versions: ClusterVersions = VERSIONS,
    charts: ChartStore | None = None,
) -> Renders:
    """Render several directories of a tree."""
    return render_all(
        [spec_for(path) for path in paths],
        root=root,
        versions=versions,
        charts=charts or ChartStore(root / "no-store", repository_root=root),
        cache=cache,
    )


@pytest.mark.parametrize(
    ("names", "source"),
    [
        (("kustomization.yaml", "Chart.yaml", "a.yaml"), "kustomization.yaml"),
        (("kustomization.yml", "Chart.yaml", "a.yaml"), "kustomization.yml"),
        (("Kustomization", "Chart.yaml", "a.yaml"), "Kustomization"),
        (("Chart.yaml", "templates/b.yaml", "a.yaml"), "Chart.yaml"),
        (("a.yaml",), "a.yaml"),
    ],
)
def test_detection_order_is_argocds(tmp_path: Path, names: tuple[str, ...], source: str) -> None:
    """A kustomization wins over a chart, a chart over plain manifests."""
    contents = {
        "Chart.yaml": "{apiVersion: v2, name: app, version: 1.0.0}\n",
        "a.yaml": CONFIG_MAP % "a",
        "templates/b.yaml": CONFIG_MAP % "b",
    }
    files = {f"app/{name}": contents.get(name, "resources: [a.yaml]\n") for name in names}
    (manifest,) = rendered("app", root=write(tmp_path, files))
    assert manifest.source == f"app/{source}"


BAD = {
    "missing-file": "kustomization.yaml names nope.yaml, which does not exist",
    "duplicate-key-kustomization": "kustomization.yaml:3: key 'resources' is given twice",
    "duplicate-key-resource": "a.yaml:5: key 'data' is given twice",
    "duplicate-key-plain": "a.yaml:3: key 'kind' is given twice",
    "broken-kustomization": "kustomization.yaml:3: ",
    "broken-resource": "a.yaml:3: broken YAML",
    "broken-plain": "a.yaml:3: broken YAML",
    "no-kind": "'a.yaml': missing kind",
    "no-kind-plain": "a.yaml: an object has no kind",
    "no-name-plain": "a.yaml: a ConfigMap has no metadata.name",
    "no-mapping-plain": "a.yaml: a document is a list, not a mapping",
    "unknown-field": 'unknown field "resourcez"',
    "empty-kustomization": "kustomization.yaml is empty",
    "file-above": "security; file 'apps/no-kind/a.yaml' is not in or below",
    "no-such-chart": "names the chart generic without a repo",
    "values-break-template": "strict/templates/configmap.yaml:4:24",
    "values-missing": "values-missing/templates/configmap.yaml:3:20): a name is needed",
    "values-no-yaml": "values.yaml:3: broken YAML",
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_refused_with_application_place_and_remedy(name: str) -> None:
    """Each case under testdata/render/bad says whose it is, where it is and what is wrong."""
    root = TESTDATA / "bad"
    with pytest.raises((RenderError, ManifestError)) as refused:
        rendered(f"apps/{name}", root=root)
    message = str(refused.value)
    assert message.startswith(f"{name}: ")
    assert BAD[name] in message
    assert refused.value.remedy
    for temporary in ("home-ops-render", "/dev/shm", "exit status", "unable to run"):
        assert temporary not in message


def test_every_bad_case_has_a_test() -> None:
    """No directory under testdata/render/bad is forgotten."""
    assert {path.name for path in (TESTDATA / "bad" / "apps").iterdir()} == set(BAD)


def test_one_broken_application_stops_no_other() -> None:
    """All good ones are rendered; each bad one is an error value under its name."""
    paths = [f"apps/{name}" for name in BAD]
    root = TESTDATA / "bad"
    renders = all_of(root, *paths)
    assert set(renders.errors) == set(BAD)
    assert renders.rendered == {}
    good = ["apps/kustomize/overlay", "apps/plain/flat", "apps/gone", "apps/helm/chart"]
    renders = all_of(REPOSITORY, *good)
    assert list(renders.rendered) == ["overlay", "flat", "chart"]
    assert "there is no directory apps/gone" in str(renders.errors["gone"])


def test_chart_that_cannot_be_had_is_asked_for_once(tmp_path: Path) -> None:
    """Ten Applications with such a chart cost its repository one request; others render."""
    with chart_server() as served:
        chart = f"helmCharts: [{{name: a, repo: '{served.oci}', version: 1.0.0, releaseName: a}}]"
        root = write(tmp_path, {f"a{n}/kustomization.yaml": chart for n in range(10)})
        write(root, {"good/a.yaml": CONFIG_MAP % "a"})
        renders = all_of(root, "good", *(f"a{n}" for n in range(10)))
        assert served.asked == ["/v2/charts/a/manifests/1.0.0"]
    assert list(renders.rendered) == ["good"]
    assert len(renders.errors) == 10
    assert all(isinstance(error, ChartError) for error in renders.errors.values())
    assert str(renders.errors["a7"]).startswith("a7: chart a 1.0.0")


@pytest.mark.parametrize(
    ("names", "spoiled"),
    [
        (("a.yaml",), "a.yaml"),
        (("a.yaml", "kustomization.yaml"), "a.yaml"),
        (("a.yaml", "kustomization.yaml"), "kustomization.yaml"),
        (("Chart.yaml", "templates/a.yaml"), "templates/a.yaml"),
    ],
)
def test_file_that_is_not_utf8_is_refused(
    tmp_path: Path, names: tuple[str, ...], spoiled: str
) -> None:
    """Plain, behind a kustomization or in a chart, the file is named."""
    contents = {
        "kustomization.yaml": "resources: [a.yaml]\n",
        "Chart.yaml": "{apiVersion: v2, name: app, version: 1.0.0}\n",
    }
    files = {f"app/{name}": contents.get(name, CONFIG_MAP % "a") for name in names}
    root = write(tmp_path, files)
    assert len(rendered("app", root=root)) == 1
    with (root / "app" / spoiled).open("ab") as file:
        file.write(b"# caf\xe9\n")
    with pytest.raises(HomeOpsError, match=f"app: app/{spoiled}.* UTF-8"):
        rendered("app", root=root)


def test_binary_file_of_a_generator_is_no_text(tmp_path: Path) -> None:
    """What a configMapGenerator takes in may be any bytes."""
    root = write(
        tmp_path, {"app/kustomization.yaml": "configMapGenerator: [{name: a, files: [b.bin]}]"}
    )
    (root / "app" / "b.bin").write_bytes(b"\xff\x00\xfe")
    (manifest,) = rendered("app", root=root)
    assert manifest.body["binaryData"] == {"b.bin": "/wD+"}


@pytest.mark.parametrize(
    ("body", "limit"),
    [
        ('{kind: ConfigMap, data: {a: "%s"}}' % ("x" * 1_048_577), "1,048,576"),
        ('{kind: Secret, stringData: {a: "%s"}}' % ("x" * 1_048_577), "1,048,576"),
        ('{kind: Secret, data: {a: "%s"}}' % ("eHh4" * 349_526), "1,048,576"),
        ('{kind: Widget, spec: "%s"}' % ("x" * 1_572_864), "1,572,864"),
    ],
)
def test_object_larger_than_the_api_server_takes(tmp_path: Path, body: str, limit: str) -> None:
    """Refused with its size and the limit, before anything is applied."""
    text = body.replace("{kind", "{apiVersion: v1, metadata: {name: big}, kind", 1)
    with pytest.raises(ManifestError) as refused:
        rendered("app", root=write(tmp_path, {"app/a.yaml": text}))
    message = str(refused.value)
    assert message.startswith("app: app/a.yaml: ")
    assert f"the limit is {limit}" in message
    assert " bytes" in message


@pytest.mark.parametrize(
    "body",
    [
        '{kind: ConfigMap, data: {a: "%s"}}' % ("x" * 1_048_570),
        '{kind: Secret, data: {a: "%s"}}' % ("eHh4" * 349_500),
    ],
)
def test_object_just_below_the_limit_is_taken(tmp_path: Path, body: str) -> None:
    """The limit on a Secret counts decoded bytes, as the API server does."""
    text = body.replace("{kind", "{apiVersion: v1, metadata: {name: big}, kind", 1)
    assert len(rendered("app", root=write(tmp_path, {"app/a.yaml": text}))) == 1


def test_source_file_that_is_too_large_is_refused(tmp_path: Path) -> None:
    """A stray disk image in a directory is named instead of being read."""
    root = write(tmp_path, {"app/a.yaml": CONFIG_MAP % "a"})
    with (root / "app" / "b.yaml").open("wb") as file:
        file.truncate(17 * 1024 * 1024)
    with pytest.raises(RenderError, match=r"app: app/b.yaml: the file is 17,825,792 bytes"):
        rendered("app", root=root)


def test_missing_tool_is_named_with_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without kustomize on PATH the error says how to get it, and plain directories go on."""
    monkeypatch.setenv("PATH", "/nonexistent")
    renders = all_of(REPOSITORY, "apps/kustomize/overlay", "apps/plain/flat")
    assert isinstance(renders.errors["overlay"], ToolError)
    assert "make env" in str(renders.errors["overlay"])
    assert list(renders.rendered) == ["flat"]


def test_tool_that_hangs_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A kustomize that never ends is ended with its children, and the error says so."""
    write(
        tmp_path / "bin", {"kustomize": f"#!/bin/sh\nsleep 60 & echo $! >{tmp_path}/child\nwait\n"}
    )
    (tmp_path / "bin" / "kustomize").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    monkeypatch.setattr("gitops.rendering.tools.TIMEOUT_SECONDS", 0.5)
    started = time.monotonic()
    with pytest.raises(RenderError, match=r"took over 0\.5 seconds"):
        rendered("apps/kustomize/overlay")
    child = Path("/proc", (tmp_path / "child").read_text().strip(), "stat")
    while child.exists() and child.read_text().split()[2] != "Z":
        assert time.monotonic() - started < 20, "the child still runs"
        time.sleep(0.01)


def test_empty_directory_renders_to_nothing(tmp_path: Path) -> None:
    """Whether nothing is allowed is for the sync policy to say."""
    (tmp_path / "app").mkdir()
    assert rendered("app", root=tmp_path) == []


def test_api_versions_that_helm_would_split_are_refused() -> None:
    """An entry with a comma would be two."""
    with pytest.raises(HomeOpsError, match="apiVersions"):
        ClusterVersions("1.36.3", ("a/v1,b/v1",))
    with pytest.raises(HomeOpsError, match="no Kubernetes version"):
        ClusterVersions("latest")
    assert ClusterVersions("v1.36.3", ("b/v1", "a/v1", "b/v1")) == ClusterVersions(
        "1.36.3", ("a/v1", "b/v1")
    )


def test_second_run_comes_from_the_cache_and_is_equal(tmp_path: Path) -> None:
    """Same objects, and no tool is needed any more."""
    paths = [
        "apps/kustomize/overlay",
        "apps/kustomize/charts",
        "apps/plain/flat",
        "apps/helm/chart",
    ]
    cache = RenderCache(tmp_path / "cache")
    first = all_of(REPOSITORY, *paths, cache=cache)
    assert first.errors == {}
    second = all_of(REPOSITORY, *paths, cache=cache)
    assert [each.from_cache for each in first.rendered.values()] == [False] * 4
    assert [each.from_cache for each in second.rendered.values()] == [True] * 4
    for name, each in first.rendered.items():
        assert second.rendered[name].manifests == each.manifests
        assert second.rendered[name].digest == each.digest


def test_only_charts_that_ask_depend_on_api_versions(tmp_path: Path) -> None:
    """A further API renders the Applications again whose charts ask for it, and no others."""
    paths = [
        "apps/kustomize/overlay",
        "apps/kustomize/charts",
        "apps/plain/flat",
        "apps/helm/chart",
    ]
    cache = RenderCache(tmp_path / "cache")
    first = all_of(REPOSITORY, *paths, cache=cache)
    more = ClusterVersions("1.36.3", ("gateway.networking.k8s.io/v1/HTTPRoute",))
    again = all_of(REPOSITORY, *paths, cache=cache, versions=more)
    asking = {name for name, each in first.rendered.items() if each.depends_on_api_versions}
    assert asking == {"charts", "chart"}
    assert {name for name, each in again.rendered.items() if not each.from_cache} == asking
    (changed,) = (m for m in again.rendered["charts"].manifests if m.key.name == "first")
    assert changed.body["data"]["routes"] == "true"


def test_unpinned_remote_base_is_never_cached(tmp_path: Path) -> None:
    """A branch may move: only a full commit makes a remote base an input that stays."""
    commit = "a" * 40
    root = write(
        tmp_path,
        {
            "moving/kustomization.yaml": "resources: ['https://127.0.0.1:9/x//y?ref=main']",
            "pinned/kustomization.yaml": f"resources: ['https://127.0.0.1:9/x//y?ref={commit}']",
        },
    )
    tree = SourceTree(root)
    assert not gather("moving", subject="moving", tree=tree).pinned
    assert gather("pinned", subject="pinned", tree=tree).pinned


def test_warm_render_of_sixty_applications_is_fast(tmp_path: Path) -> None:
    """60 Applications of 25 objects come from the cache in well under a second."""
    files = {
        f"a{app}/c{number}.yaml": CONFIG_MAP % f"c{app}-{number}"
        for app in range(60)
        for number in range(25)
    }
    root = write(tmp_path / "tree", files)
    paths = [f"a{app}" for app in range(60)]
    cache = RenderCache(tmp_path / "cache")
    all_of(root, *paths, cache=cache)
    started = time.monotonic()
    renders = all_of(root, *paths, cache=cache)
    elapsed = time.monotonic() - started
    objects = [m for each in renders.rendered.values() for m in each.manifests]
    assert (len(objects), isinstance(objects[0], Manifest)) == (1500, True)
    assert elapsed < 1.0  # 0.05 s on an idle machine; the benchmark holds the real target
