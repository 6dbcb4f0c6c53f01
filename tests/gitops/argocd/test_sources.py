"""What sources render to: every option of Helm, kustomize and directories, on the real tools."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import git
import pytest
import yaml

from gitops.application import ApplicationSpec, Destination, Source
from gitops.charts import ChartStore
from gitops.errors import HomeOpsError, RenderError
from gitops.objects.manifest import Manifest
from gitops.render import Rendered, render, render_all
from gitops.rendering.build_environment import expanded
from gitops.rendering.cache import RenderCache
from gitops.versions import ClusterVersions
from tests.gitops.rendering import VERSIONS, archive, chart_files, write

CHART = """\
apiVersion: v1
kind: ConfigMap
metadata: {name: {{ .Release.Name }}, namespace: {{ .Release.Namespace }}}
data:
  values: {{ omit .Values "global" | toJson | quote }}
  version: {{ .Capabilities.KubeVersion.Version | quote }}
  widgets: {{ .Capabilities.APIVersions.Has "example.com/v1" | quote }}
"""
DEPLOYMENT = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 1
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: web, image: "nginx:1"}]}
"""
TREE = {
    "chart/Chart.yaml": "apiVersion: v2\nname: chart\nversion: 1.0.0\n",
    "chart/values.yaml": "a: default\n",
    "chart/templates/objects.yaml": CHART,
    "chart/templates/test.yaml": "apiVersion: v1\nkind: Pod\nmetadata: {name: tested, annotations:"
    " {helm.sh/hook: test}}\n",
    "chart/templates/check.yaml": "apiVersion: batch/v1\nkind: Job\nspec: {}\nmetadata:"
    " {name: check, annotations: {helm.sh/hook: 'test,post-install'}}\n",
    "chart/crds/crd.yaml": "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\n"
    "metadata: {name: widgets.example.com}\nspec: {group: example.com, scope: Namespaced, names:"
    " {kind: Widget, plural: widgets}, versions: []}\n",
    "chart/values.schema.json": '{"properties": {"strict": {"type": "integer"}}}',
    "chart/env/one.yaml": "a: one\nb: one\n",
    "chart/env/two.yaml": "a: two\n",
    "values/shared.yaml": "shared: true\n",
    "values/app-tested.yaml": "named: true\n",
    "files/text.txt": "hello, world",
    "kustomized/kustomization.yaml": "resources: [deployment.yaml]\npatches: []\n",
    "kustomized/deployment.yaml": DEPLOYMENT,
    "component/kustomization.yaml": "apiVersion: kustomize.config.k8s.io/v1alpha1\n"
    "kind: Component\ncommonAnnotations: {component: 'yes'}\n",
    "directory/a.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n",
    "directory/b.yml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: b}\n",
    "directory/deep/c.json": '{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}}',
    "directory/deep/kustomization.yaml": "resources: []\n",
}


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    return write(tmp_path / "tree", TREE)


def spec_of(*sources: Source, name: str = "tested") -> ApplicationSpec:
    """An Application with these sources."""
    return ApplicationSpec(
        name=name,
        category="",
        application_set="applications",
        project="default",
        source=sources[0],
        sources=sources,
        destination=Destination(namespace="home"),
        origin="apps.yaml",
    )


def source(path: str, **options: Any) -> Source:
    """A directory of the repository with options."""
    recurse = options.get("directory", {}).get("recurse", False)
    return Source(path=path, repo_url="https://example.com/repo", options=options, recurse=recurse)


def rendered(tree: Path, *sources: Source, name: str = "tested") -> list[Manifest]:
    """The objects of an Application."""
    charts = ChartStore(tree / "no-store", repository_root=tree)
    return render(spec_of(*sources, name=name), root=tree, versions=VERSIONS, charts=charts)


def by_kind(manifests: list[Manifest]) -> dict[str, dict[str, Any]]:
    """The object of each kind."""
    return {manifest.key.kind: manifest.body for manifest in manifests}


def values(tree: Path, **helm: Any) -> dict[str, Any]:
    """The values a chart sees."""
    body = by_kind(rendered(tree, source("chart", helm=helm)))["ConfigMap"]
    loaded: dict[str, Any] = yaml.safe_load(body["data"]["values"])
    return loaded


@pytest.mark.parametrize(
    ("helm", "wanted"),
    [
        ({"releaseName": "x"}, {"a": "default"}),
        ({"values": "a: text\n"}, {"a": "text"}),
        ({"valuesObject": {"a": {"b": 1}}, "values": "a: text\n"}, {"a": {"b": 1}}),
        ({"valueFiles": ["env/one.yaml", "env/two.yaml"]}, {"a": "two", "b": "one"}),
        ({"valueFiles": ["env/two.yaml", "env/one.yaml"]}, {"a": "one", "b": "one"}),
        ({"valueFiles": ["env/*.yaml"]}, {"a": "two", "b": "one"}),
        ({"valueFiles": ["**/one.yaml"]}, {"a": "one", "b": "one"}),
        # a file that is named as well stands where it is named
        ({"valueFiles": ["env/*.yaml", "env/one.yaml"]}, {"a": "one", "b": "one"}),
        ({"valueFiles": ["/values/shared.yaml"]}, {"a": "default", "shared": True}),
        ({"valueFiles": ["../values/shared.yaml"]}, {"a": "default", "shared": True}),
        (
            {"valueFiles": ["/values/app-${ARGOCD_APP_NAME}.yaml"]},
            {"a": "default", "named": True},
        ),
        (
            {"valueFiles": ["nope.yaml", "n*.yaml"], "ignoreMissingValueFiles": True},
            {"a": "default"},
        ),
        ({"valueFiles": ["env/one.yaml"], "values": "a: text\n"}, {"a": "text", "b": "one"}),
        (
            {"parameters": [{"name": "a", "value": "1"}], "values": "a: text\n"},
            {"a": 1},
        ),
        ({"parameters": [{"name": "a", "value": "1", "forceString": True}]}, {"a": "1"}),
        ({"parameters": [{"name": "a", "value": "x,y"}]}, {"a": "x,y"}),
        ({"parameters": [{"name": "a", "value": "{x,y}"}]}, {"a": ["x", "y"]}),
        ({"parameters": [{"name": "a", "value": "$ARGOCD_APP_NAMESPACE"}]}, {"a": "home"}),
        (
            {"parameters": [{"name": "a", "value": "${ARGOCD_APP_SOURCE_REPO_URL} $$1 $NOPE"}]},
            {"a": "https://example.com/repo $1 "},
        ),
        ({"fileParameters": [{"name": "a", "path": "../files/text.txt"}]}, {"a": "hello, world"}),
    ],
)
def test_helm_values(tree: Path, helm: dict[str, Any], wanted: dict[str, Any]) -> None:
    """Value files, values and parameters reach the chart in ArgoCD's order of precedence."""
    assert values(tree, **helm) == wanted


def test_helm_release(tree: Path) -> None:
    """The release has the Application's name and namespace, unless the source says otherwise."""
    plain = by_kind(rendered(tree, source("chart")))
    assert plain["ConfigMap"]["metadata"] == {"name": "tested", "namespace": "home"}
    assert plain["ConfigMap"]["data"]["version"] == "v1.36.3"
    # a test that is nothing else is left out in any case, one that is a hook as well on request
    assert plain.keys() == {"ConfigMap", "CustomResourceDefinition", "Job"}
    helm = {
        "releaseName": "other",
        "namespace": "away",
        "kubeVersion": "1.30.0",
        "apiVersions": ["example.com/v1"],
        "skipCrds": True,
        "skipTests": True,
    }
    other = by_kind(rendered(tree, source("chart", helm=helm)))
    assert other["ConfigMap"]["metadata"] == {"name": "other", "namespace": "away"}
    assert other["ConfigMap"]["data"]["version"] == "v1.30.0"
    assert other["ConfigMap"]["data"]["widgets"] == "true"
    assert set(other) == {"ConfigMap"}


def test_helm_schema(tree: Path) -> None:
    """A chart's schema holds, unless it is to be skipped."""
    helm = {"values": "strict: no-number\n"}
    with pytest.raises(RenderError, match=r"^tested: helm template failed: .*strict"):
        rendered(tree, source("chart", helm=helm))
    assert rendered(tree, source("chart", helm={**helm, "skipSchemaValidation": True}))


@pytest.mark.parametrize(
    ("helm", "said"),
    [
        ({"valueFiles": ["nope.yaml"]}, "name nope.yaml, which is no file"),
        ({"valueFiles": ["n*.yaml"]}, r"name n\*.yaml, which is no file"),
        ({"valueFiles": ["../../../etc/passwd"]}, "which is no file"),
        ({"fileParameters": [{"name": "a", "path": "nope"}]}, "name nope, which is no file"),
        ({"kubeVersion": "x"}, "'x' is no Kubernetes version"),
    ],
)
def test_helm_options_that_cannot_be_honoured(tree: Path, helm: dict[str, Any], said: str) -> None:
    """A file that is not there, or a version that is none, breaks the Application."""
    with pytest.raises(RenderError, match=f"^tested: .*{said}"):
        rendered(tree, source("chart", helm=helm))


def test_a_chart_with_values_of_another_source(tmp_path: Path) -> None:
    """`$ref/path` is a file of another source; the chart comes from its repository."""
    tree = write(tmp_path / "tree", TREE)
    (tmp_path / "charts").mkdir()
    packed = archive(chart_files("web", "1.2.3") | {"web/prod.yaml": "message: prod\n"})
    (tmp_path / "charts" / "web-1.2.3.tgz").write_bytes(packed)
    write(tree, {"values/web.yaml": "message: from git\n"})
    store = ChartStore(
        tmp_path / "store",
        repository_root=tree,
        mirrors={"oci://registry.example.com/charts": str(tmp_path / "charts")},
    )
    reference = Source(path=".", repo_url="https://example.com/repo", ref="config")

    def message(*files: str) -> str:
        chart = Source(
            path="",
            repo_url="registry.example.com/charts",
            target_revision="1.2.3",
            chart="web",
            options={"helm": {"valueFiles": list(files)}} if files else {},
        )
        spec = spec_of(reference, chart)
        found = render(spec, root=tree, versions=VERSIONS, charts=store)
        assert [str(each.key) for each in found] == ["ConfigMap tested"]
        return str(found[0].body["data"]["message"])

    assert message() == "hello"
    assert message("$config/values/web.yaml") == "from git"
    assert message("$config/values/w*.yaml") == "from git"
    assert message("$config/values/web.yaml", "prod.yaml") == "prod"
    with pytest.raises(RenderError, match=r"nope\.yaml, which is no file"):
        message("$config/nope.yaml")


@pytest.mark.parametrize(
    ("kustomize", "path", "wanted"),
    [
        ({"namePrefix": "a-"}, ("metadata", "name"), "a-web"),
        ({"nameSuffix": "-z"}, ("metadata", "name"), "web-z"),
        ({"namespace": "other"}, ("metadata", "namespace"), "other"),
        (
            {"images": ["nginx:2"]},
            ("spec", "template", "spec", "containers", 0, "image"),
            "nginx:2",
        ),
        (
            {"images": ["nginx=registry/x:${ARGOCD_APP_NAME}"]},
            ("spec", "template", "spec", "containers", 0, "image"),
            "registry/x:tested",
        ),
        ({"replicas": [{"name": "web", "count": 3}]}, ("spec", "replicas"), 3),
        ({"replicas": [{"name": "web", "count": "4"}]}, ("spec", "replicas"), 4),
        (
            {"commonLabels": {"x": "$ARGOCD_APP_NAME"}},
            ("spec", "selector", "matchLabels"),
            {"app": "web", "x": "tested"},
        ),
        (
            {"commonLabels": {"x": "y"}, "labelWithoutSelector": True},
            ("spec", "selector", "matchLabels"),
            {"app": "web"},
        ),
        (
            {
                "commonLabels": {"x": "y"},
                "labelWithoutSelector": True,
                "labelIncludeTemplates": True,
            },
            ("spec", "template", "metadata", "labels"),
            {"app": "web", "x": "y"},
        ),
        (
            {"commonAnnotations": {"x": "$ARGOCD_APP_NAME"}},
            ("metadata", "annotations"),
            {"x": "$ARGOCD_APP_NAME"},
        ),
        (
            {"commonAnnotations": {"x": "$ARGOCD_APP_NAME"}, "commonAnnotationsEnvsubst": True},
            ("metadata", "annotations"),
            {"x": "tested"},
        ),
        (
            {
                "patches": [
                    {
                        "target": {"kind": "Deployment"},
                        "patch": '[{"op": "add", "path":'
                        ' "/metadata/annotations", "value": {"patched": "yes"}}]',
                    }
                ]
            },
            ("metadata", "annotations"),
            {"patched": "yes"},
        ),
        ({"components": ["../component"]}, ("metadata", "annotations"), {"component": "yes"}),
        (
            {"components": ["../nope", "../component"], "ignoreMissingComponents": True},
            ("metadata", "annotations"),
            {"component": "yes"},
        ),
    ],
)
def test_kustomize(
    tree: Path, kustomize: dict[str, Any], path: tuple[str | int, ...], wanted: Any
) -> None:
    """Each option changes the kustomization as ArgoCD's does, and never the repository."""
    before = (tree / "kustomized/kustomization.yaml").read_bytes()
    found: Any = by_kind(rendered(tree, source("kustomized", kustomize=kustomize)))["Deployment"]
    for step in path:
        found = found[step]
    assert found == wanted
    assert (tree / "kustomized/kustomization.yaml").read_bytes() == before


def test_kustomize_forces_labels_and_annotations(tree: Path) -> None:
    """A label the kustomization has already is an error, unless it is forced."""
    write(
        tree,
        {
            "kustomized/kustomization.yaml": "resources: [deployment.yaml]\n"
            "commonLabels: {x: old}\ncommonAnnotations: {z: old}\n"
        },
    )
    for kind, key in (("Labels", "x"), ("Annotations", "z")):
        options = {f"common{kind}": {key: "new"}}
        with pytest.raises(RenderError, match=r"kustomize edit add .* failed"):
            rendered(tree, source("kustomized", kustomize=options))
        forced = source("kustomized", kustomize={**options, f"forceCommon{kind}": True})
        body = by_kind(rendered(tree, forced))["Deployment"]
        assert body["metadata"][kind.lower()][key] == "new"


def test_kustomize_refuses_a_component_that_is_not_there(tree: Path) -> None:
    """A missing component breaks the Application."""
    with pytest.raises(RenderError, match=r"^tested: .*names \.\./nope, which does not exist"):
        rendered(tree, source("kustomized", kustomize={"components": ["../nope"]}))


def test_kustomize_versions(tree: Path) -> None:
    """Charts of a kustomization see the source's versions."""
    write(
        tree,
        {
            "kustomized/kustomization.yaml": "helmCharts: [{name: chart, releaseName: c}]\n"
            "helmGlobals: {chartHome: charts}\n",
            **{
                f"kustomized/charts/{path}": text for path, text in TREE.items() if "chart/" in path
            },
        },
    )
    options = {"kubeVersion": "1.30.0", "apiVersions": ["example.com/v1"]}
    found = rendered(tree, source("kustomized", kustomize=options))
    data = {each.key.name.partition("-")[0]: each.body.get("data") for each in found}
    assert (data["c"]["version"], data["c"]["widgets"]) == ("v1.30.0", "true")


@pytest.mark.parametrize(
    ("directory", "wanted"),
    [
        ({}, ["a", "b"]),
        ({"include": "*.yaml"}, ["a"]),
        ({"exclude": "a.*"}, ["b"]),
        ({"include": "{a,b}.y*ml", "exclude": "b*"}, ["a"]),
        ({"recurse": True, "exclude": "**/kustomization.yaml"}, ["a", "b", "c"]),
        ({"recurse": True, "include": "deep/*.json"}, ["c"]),
    ],
)
def test_directory(tree: Path, directory: dict[str, Any], wanted: list[str]) -> None:
    """Files that are included and not excluded are read; paths start at the directory."""
    found = rendered(tree, source("directory", directory=directory))
    assert [each.key.name for each in found] == wanted


def test_directory_with_jsonnet(tree: Path) -> None:
    """A Jsonnet file is refused by name, unless it is excluded."""
    write(tree, {"directory/x.jsonnet": "{}"})
    with pytest.raises(RenderError, match=r"^tested: directory/x.jsonnet is Jsonnet"):
        rendered(tree, source("directory"))
    assert rendered(tree, source("directory", directory={"exclude": "*.jsonnet"}))


def test_options_decide_what_a_directory_is(tree: Path) -> None:
    """A directory with recurse is plain manifests, even if it has a kustomization."""
    write(tree, {"directory/kustomization.yaml": "resources: [a.yaml]\n"})
    assert len(rendered(tree, source("directory"))) == 1
    options = {"recurse": True, "exclude": "{**/,}kustomization.yaml"}
    assert len(rendered(tree, source("directory", directory=options))) == 3


def test_overrides_in_git(tree: Path) -> None:
    """`.argocd-source.yaml` is merged into the source, and the Application's own file over it."""
    write(
        tree,
        {
            "chart/.argocd-source.yaml": "helm: {values: 'a: all', releaseName: all}\n"
            "repoURL: https://passed.over\n",
            "chart/.argocd-source-tested.yaml": "helm: {releaseName: own}\n",
        },
    )
    found = by_kind(rendered(tree, source("chart", helm={"releaseName": "source"})))["ConfigMap"]
    assert found["metadata"]["name"] == "own"
    assert found["data"]["values"] == '{"a":"all"}'
    other = by_kind(rendered(tree, source("chart"), name="other"))["ConfigMap"]
    assert other["metadata"]["name"] == "all"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("plugin: {name: x}", "plugin is not supported"),
        ("helm: {value: x}", "helm.value there is no such key"),
        ("- a", "it is no mapping"),
        ("kustomize: {namePrefix: x}", "has options for helm and kustomize"),
    ],
)
def test_overrides_that_are_refused(tree: Path, text: str, said: str) -> None:
    """An override is held against the same table as the source."""
    write(tree, {"chart/.argocd-source.yaml": text})
    with pytest.raises(RenderError, match=rf"^tested: chart/.argocd-source.yaml: .*{said}"):
        rendered(tree, source("chart", helm={"releaseName": "x"}))


@pytest.mark.parametrize("path", ["chart", "kustomized", "directory"])
def test_settings_are_for_directories_of_sets(tree: Path, path: str) -> None:
    """A directory's own settings are never an object; where a manifest declares the Application
    they would have no effect, so that is said."""
    given = replace(spec_of(source(path)), origin="", sources=())
    charts = ChartStore(tree / "no-store", repository_root=tree)
    before = render_all([given], root=tree, versions=VERSIONS, charts=charts)
    write(tree, {f"{path}/.home-ops.yaml": "dependsOn: [dns]\n"})
    after = render_all([given], root=tree, versions=VERSIONS, charts=charts)
    assert after == before
    with pytest.raises(RenderError) as refused:
        rendered(tree, source(path))
    assert str(refused.value) == (
        f"tested: {path}/.home-ops.yaml: it is for directories of the config's ApplicationSets, "
        "and this Application is declared in apps.yaml; write it there, or in "
        ".argocd-source.yaml, and remove the file"
    )


def test_the_whole_build_environment(tree: Path) -> None:
    """Every variable ArgoCD documents has its value, the commit of the checkout among them."""
    checkout = git.Repo.init(tree, initial_branch="main")
    checkout.git.add("--all")
    who = {"GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a", "GIT_COMMITTER_NAME": "a"}
    checkout.git.commit("-m", "x", env={**who, "GIT_COMMITTER_EMAIL": "a"})
    commit = checkout.head.commit.hexsha
    wanted = {
        "APP_NAME": "tested",
        "APP_NAMESPACE": "home",
        "APP_PROJECT_NAME": "default",
        "APP_REVISION": commit,
        "APP_REVISION_SHORT": commit[:7],
        "APP_REVISION_SHORT_8": commit[:8],
        "APP_SOURCE_PATH": "chart",
        "APP_SOURCE_REPO_URL": "https://example.com/repo",
        "APP_SOURCE_TARGET_REVISION": "v1",
    }
    parameters = [
        {"name": name.lower(), "value": f"x${{ARGOCD_{name}}}", "forceString": True}
        for name in wanted
    ]
    one = replace(source("chart", helm={"parameters": parameters}), target_revision="v1")
    body = by_kind(rendered(tree, one))["ConfigMap"]
    found = yaml.safe_load(body["data"]["values"])
    assert found == {"a": "default", **{k.lower(): f"x{v}" for k, v in wanted.items()}}


def test_of_objects_in_several_sources_the_last_counts(tree: Path) -> None:
    """As in ArgoCD, a later source replaces an object of an earlier one."""
    write(
        tree,
        {
            "second/a.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, namespace:"
            " home}\ndata: {from: second}\n"
        },
    )
    found = rendered(tree, source("directory"), source("second"))
    assert [each.key.name for each in found] == ["b", "a"]
    assert found[1].body["data"] == {"from": "second"}


@pytest.mark.parametrize(
    "change",
    [
        {"helm": {"values": "a: b"}},
        {"helm": {"releaseName": "b"}},
        {"helm": {"parameters": [{"name": "a", "value": "b"}]}},
        {"helm": {"valueFiles": ["/values/shared.yaml"]}},
        {"helm": {"kubeVersion": "1.31.0"}},
        {"helm": {"apiVersions": ["example.com/v1"]}},
        {"helm": {"skipCrds": True}},
        {"helm": {"fileParameters": [{"name": "a", "path": "/files/text.txt"}]}},
    ],
)
def test_every_option_is_part_of_the_digest(
    tree: Path, tmp_path: Path, change: Mapping[str, Any]
) -> None:
    """A render that is cached is never used for other options."""
    cache = RenderCache(tmp_path / "cache")

    def once(spec: ApplicationSpec) -> Rendered:
        renders = render_all(
            [spec],
            root=tree,
            versions=VERSIONS,
            charts=ChartStore(tree / "no-store", repository_root=tree),
            cache=cache,
        )
        assert renders.errors == {}
        return renders.rendered[spec.name]

    plain = spec_of(source("chart"))
    first, again = once(plain), once(plain)
    assert (first.from_cache, again.from_cache) == (False, True)
    changed = replace(plain, sources=(source("chart", **change),))
    assert once(changed).digest != first.digest
    assert once(changed).from_cache


def test_a_value_file_outside_of_the_chart_is_part_of_the_digest(
    tree: Path, tmp_path: Path
) -> None:
    """Another content of a shared file is another render."""
    found = []
    for text in ("shared: 1\n", "shared: 2\n"):
        write(tree, {"values/shared.yaml": text})
        outcome = render_all(
            [spec_of(source("chart", helm={"valueFiles": ["/values/*.yaml"]}))],
            root=tree,
            versions=ClusterVersions("1.36.3"),
            charts=ChartStore(tree / "no-store", repository_root=tree),
            cache=RenderCache(tmp_path / "cache"),
        ).rendered["tested"]
        assert not isinstance(outcome, HomeOpsError)
        found.append(outcome.digest)
    assert found[0] != found[1]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("$A-${B}", "1-2"),
        ("$$A", "$A"),
        ("$Ax$", "$"),
        ("cost: 5$", "cost: 5$"),
        ("${}x", "x"),
        ("$1a", "a"),
        ("a$ b", "a$ b"),
    ],
)
def test_variables_expand_as_in_go(text: str, wanted: str) -> None:
    """The forms Go's os.Expand knows, and no other."""
    assert expanded(text, {"A": "1", "B": "2"}) == wanted
