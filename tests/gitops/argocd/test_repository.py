"""A whole ArgoCD repository through compose(): the sample, apps of apps, and what is refused."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import git
import pytest
import yaml

from gitops.chart_store.locking import lock_charts
from gitops.charts import ChartStore
from gitops.config import Settings, parse
from gitops.declared import in_git
from gitops.errors import ConfigError
from gitops.target import ClusterView, Target, compose
from gitops.versions import ClusterVersions
from tests.gitops.rendering import write

SAMPLE = Path(__file__).parents[2] / "testdata" / "argocd_repository"
URL = "https://git.example.com/home/sample"
OFFLINE = ClusterView(versions=ClusterVersions("1.36.3"))
CLUSTER = {
    "name": "pitower",
    "labels": {"monitored": "yes"},
    "annotations": {"example.com/retention": "7d"},
}


def settings(*paths: str, **more: Any) -> Settings:
    """A stack that is made from an ArgoCD repository."""
    argocd = {"paths": list(paths), **more.pop("argocd", {})}
    source = {"repoURL": URL, "targetRevision": "main"}
    return parse({"cluster": "pitower", "source": source, "argocd": argocd, **more})


def composed(root: Path, found: Settings, tmp_path: Path, **past: Any) -> Target:
    """The target, with the registry of the sample in its charts folder; ``past`` is what compose()
    is told of earlier runs."""
    store = ChartStore(
        tmp_path / "store",
        mirrors={"oci://registry.example.com/charts": "charts"},
        repository_root=root,
    )
    return compose(found, root=root, cluster=OFFLINE, charts=store, stack="tests", **past)


@pytest.fixture
def sample(tmp_path: Path) -> Target:
    root = Path(shutil.copytree(SAMPLE, tmp_path / "sample"))
    return composed(root, settings("bootstrap", argocd={"clusters": [CLUSTER]}), tmp_path)


def test_the_sample_declares_its_applications(sample: Target) -> None:
    """The project, the app of apps, each set and each source come out as ArgoCD has them."""
    assert sample.all_errors == ()
    assert [
        (each.spec.name, each.spec.application_set, each.spec.destination.namespace)
        for each in sample.applications
    ] == [
        ("media-library", "media", "media"),
        ("media-player", "media", "media"),
        ("monitoring-pitower-logs", "monitoring", "monitoring"),
        ("monitoring-pitower-metrics", "monitoring", "monitoring"),
        ("networking-dns", "networking", "networking"),
        ("networking-proxy", "networking", "networking"),
        ("root", "applications", "argocd"),
        ("selfhosted-wiki", "applications", "selfhosted"),
    ]
    assert {project.name for project in sample.projects} == {"default", "home"}
    assert sample.warnings == ()
    windows = {project.name: project.sync_windows for project in sample.projects}
    assert [window.schedule for window in windows["home"]] == ["0 22 * * *"]


def test_the_samples_objects(sample: Target) -> None:
    """Every source renders with its options, and what only declares Applications is not applied."""
    found = {
        each.spec.name: {str(m.key): m for m in each.manifests} for each in sample.applications
    }
    assert found["root"] == {}
    assert set(found["media-library"]) == {"ConfigMap media/first", "ConfigMap media/second"}
    assert found["media-library"]["ConfigMap media/first"].wave == -1
    assert set(found["networking-dns"]) == {
        "ConfigMap networking/dns",
        "ClusterRole.rbac.authorization.k8s.io sample-dns",
    }
    logs = found["monitoring-pitower-logs"]["ConfigMap monitoring/logs-agent"]
    owner = "monitoring-pitower-logs"
    assert logs.body["data"] == {"component": "logs", "owner": owner, "retention": "7d"}
    wiki = found["selfhosted-wiki"]
    assert wiki["ConfigMap selfhosted/wiki-agent"].body["data"]["component"] == "wiki"
    store = wiki["StatefulSet.apps selfhosted/wiki-store"].body
    assert store["spec"]["replicas"] == 2
    assert store["metadata"]["labels"]["owner"] == "selfhosted-wiki"
    assert "owner" not in store["spec"]["selector"]["matchLabels"]


def test_the_samples_policies(sample: Target) -> None:
    """Options, labels, annotations and what stays on deletion reach each Application."""
    specs = {each.spec.name: each.spec for each in sample.applications}
    player = specs["media-player"]
    assert player.labels == {"category": "media"}
    assert player.preserved
    assert player.sync_policy.option("CreateNamespace")
    assert player.sync_policy.managed_namespace_metadata.labels == {"team": "family"}
    assert len(player.ignore_differences) == 1
    dns = specs["networking-dns"]
    assert (dns.labels, dns.preserved) == ({"tier": "core"}, False)
    assert dns.annotations == {"argocd.argoproj.io/sync-wave": "-5"}
    assert specs["networking-proxy"].labels == {}


def test_the_command_line_knows_the_same_applications(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sample: Target
) -> None:
    """Without a cluster the same Applications are found, and their charts can be locked."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    more = {"clusters": [CLUSTER]}
    mirrors = {"oci://registry.example.com/charts": "charts"}
    found = in_git(
        settings("bootstrap", argocd=more, chartMirrors=mirrors), root=tmp_path / "sample"
    )
    assert [spec.name for spec in found] == [each.spec.name for each in sample.applications]
    store = ChartStore(
        tmp_path / "charts", mirrors=mirrors, repository_root=tmp_path / "sample", record=True
    )
    locked = lock_charts(found, root=tmp_path / "sample", charts=store)
    assert locked.errors == {}
    assert [str(chart) for chart in locked.digests] == [
        "chart agent 1.0.0 from oci://registry.example.com/charts"
    ]


def app(name: str, path: str, **spec: Any) -> dict[str, Any]:
    """An Application of a directory."""
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Application",
        "metadata": {"name": name, "finalizers": ["resources-finalizer.argocd.argoproj.io"]},
        "spec": {
            "project": "default",
            "source": {"repoURL": URL, "targetRevision": "main", "path": path},
            "destination": {"name": "in-cluster", "namespace": "x"},
            "syncPolicy": {"automated": {"prune": True}},
            **spec,
        },
    }


def config_map(name: str) -> dict[str, Any]:
    """A small object."""
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}}


def repository(root: Path, files: Mapping[str, list[dict[str, Any]]]) -> Path:
    """A repository of manifests."""
    return write(root, {path: yaml.safe_dump_all(bodies) for path, bodies in files.items()})


def test_an_app_of_apps_of_apps(tmp_path: Path) -> None:
    """Applications are found at any depth, and a parent's other objects are applied."""
    root = repository(
        tmp_path / "tree",
        {
            "argocd/top.yaml": [app("top", "top")],
            "top/apps.yaml": [app("middle", "middle"), config_map("own")],
            "middle/apps.yaml": [app("leaf", "leaf")],
            "leaf/objects.yaml": [config_map("leaf")],
        },
    )
    target = composed(root, settings("argocd"), tmp_path)
    assert target.all_errors == ()
    assert {
        each.spec.name: [m.key.name for m in each.manifests] for each in target.applications
    } == {
        "top": ["own"],
        "middle": [],
        "leaf": ["leaf"],
    }
    assert [each.warnings for each in target.applications] == [(), (), ()]


def test_what_a_parent_declares_outlives_it_unless_it_prunes(tmp_path: Path) -> None:
    """A parent that does not prune leaves an Application that left it, so its objects stay."""
    for policy, preserved in (({"automated": {"prune": True}}, False), ({}, True)):
        root = repository(
            tmp_path / f"tree-{preserved}",
            {
                "argocd.yaml": [app("top", "top", syncPolicy=policy)],
                "top/apps.yaml": [app("leaf", "leaf")],
                "leaf/objects.yaml": [config_map("leaf")],
            },
        )
        target = composed(root, settings("argocd.yaml"), tmp_path)
        assert {each.spec.name: each.spec.preserved for each in target.applications} == {
            "top": False,
            "leaf": preserved,
        }


@pytest.mark.parametrize(
    ("files", "said"),
    [
        (
            {
                "argocd/a.yaml": [app("a", "a")],
                "a/b.yaml": [app("b", "b")],
                "b/a.yaml": [app("a", "a")],
            },
            "a: Applications declare each other in a circle: a -> b -> a",
        ),
        (
            {"argocd/a.yaml": [app("a", "a"), app("a", "b")], "a/x.yaml": [config_map("x")]},
            "a: the Application is declared differently in argocd/a.yaml and in argocd/a.yaml",
        ),
        (
            {"argocd/a.yaml": [config_map("x")]},
            "ConfigMap x is none of AppProject, Application, ApplicationSet",
        ),
        (
            {"argocd/a.yaml": [app("a", "a", project="nope")], "a/x.yaml": [config_map("x")]},
            "a: there is no AppProject 'nope'",
        ),
        (
            {"argocd/a.yaml": [app("a", "a", operation={})]},
            "Application a (argocd/a.yaml): spec.operation there is no such key",
        ),
        ({"argocd/a.yaml": [app("a", "nowhere")]}, "a: there is no directory nowhere"),
        ({}, "there is no directory argocd"),
    ],
)
def test_refused(tmp_path: Path, files: dict[str, list[dict[str, Any]]], said: str) -> None:
    """Each is an error value that names what it is about."""
    (tmp_path / "tree").mkdir()
    target = composed(repository(tmp_path / "tree", files), settings("argocd"), tmp_path)
    assert said in "\n".join(map(str, target.all_errors))


def test_projects_in_git_are_limits(tmp_path: Path) -> None:
    """A project in Git takes the place of the default one, and contradicts none of the config."""
    project = {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "AppProject",
        "metadata": {"name": "default"},
        "spec": {"sourceRepos": [URL], "destinations": [{"namespace": "other", "server": "*"}]},
    }
    files = {"argocd/a.yaml": [project, app("a", "a")], "a/x.yaml": [config_map("x")]}
    root = repository(tmp_path / "tree", files)
    errors = composed(root, settings("argocd"), tmp_path).all_errors
    assert [str(each).partition(";")[0] for each in errors] == [
        "a: AppProject default does not permit namespace 'x'"
    ]
    named = {**project, "metadata": {"name": "apps"}}
    repository(root, {"argocd/a.yaml": [named]})
    other = settings("argocd", projects=[{"name": "apps"}])
    errors = composed(root, other, tmp_path).all_errors
    assert "AppProject apps: is both in the config and in Git" in str(errors[0])


def test_directories_and_manifests_together(tmp_path: Path) -> None:
    """Sets in the config and an ArgoCD repository make one target; a directory may declare more."""
    sets = [
        {
            "name": "apps",
            "generators": [{"git": {"directories": [{"path": "apps/*/*"}]}}],
            "template": {
                "metadata": {"name": "{{path.basename}}"},
                "spec": {"project": "default", "destination": {"namespace": "x"}},
            },
        }
    ]
    root = repository(
        tmp_path / "tree",
        {
            "argocd/a.yaml": [app("a", "a")],
            "a/x.yaml": [config_map("x")],
            "apps/media/parent/app.yaml": [app("child", "child")],
            "child/x.yaml": [config_map("z")],
        },
    )
    target = composed(root, settings("argocd", applicationSets=sets), tmp_path)
    assert target.all_errors == ()
    assert [each.spec.name for each in target.applications] == ["a", "child", "parent"]


def test_without_the_setting_argocds_objects_are_objects(tmp_path: Path) -> None:
    """Applications of somebody's ArgoCD in a directory are applied like anything else."""
    root = repository(tmp_path / "tree", {"apps/media/argocd/app.yaml": [app("theirs", "x")]})
    template = {
        "metadata": {"name": "{{path.basename}}"},
        "spec": {"project": "default", "destination": {"namespace": "x"}},
    }
    sets = [
        {
            "name": "apps",
            "generators": [{"git": {"directories": [{"path": "apps/*/*"}]}}],
            "template": template,
        }
    ]
    found = parse({"cluster": "pitower", "applicationSets": sets})
    target = composed(root, found, tmp_path)
    assert "provides the kind Application" in str(target.all_errors[0])


def test_sources_in_another_repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An Application and a generator may read other repositories, at any revision: a branch, a
    commit, the newest tag in a range."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    upstream = git.Repo.init(tmp_path / "upstream", initial_branch="main")
    with upstream.config_writer() as config:
        config.set_value("user", "name", "someone")
        config.set_value("user", "email", "someone@example.com")
    kustomization = {"resources": ["x.yaml"]}
    deep = {"deep/one/x.yaml": [config_map("x")], "deep/one/kustomization.yaml": [kustomization]}
    repository(tmp_path / "upstream", deep)
    upstream.index.add(["deep"])
    commit = upstream.index.commit("first").hexsha
    upstream.create_tag("1.0.0")
    repository(tmp_path / "upstream", {"deep/two/x.yaml": [config_map("two")]})
    upstream.index.add(["deep"])
    upstream.index.commit("second")
    url = f"file://{tmp_path}/upstream"
    named = {
        "repoURL": url,
        "targetRevision": commit,
        "path": "deep/one",
        "kustomize": {"commonLabels": {"commit": "$ARGOCD_APP_REVISION_SHORT"}},
    }
    template = app(
        "set-{{path.basename}}",
        "",
        source={"repoURL": url, "targetRevision": "main", "path": "{{path}}"},
        destination={"name": "in-cluster", "namespace": "other"},
    )
    generator = {"repoURL": url, "revision": "1.*", "directories": [{"path": "deep/*"}]}
    application_set = {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "ApplicationSet",
        "metadata": {"name": "others"},
        "spec": {
            "generators": [{"git": generator}],
            "template": {key: template[key] for key in ("metadata", "spec")},
        },
    }
    manifests = {"argocd/a.yaml": [app("named", "", source=named), application_set]}
    target = composed(repository(tmp_path / "tree", manifests), settings("argocd"), tmp_path)
    assert target.all_errors == ()
    found = {each.spec.name: each.manifests[0] for each in target.applications}
    assert {name: str(manifest.key) for name, manifest in found.items()} == {
        "named": "ConfigMap x/x",
        "set-one": "ConfigMap other/x",
    }
    assert found["named"].body["metadata"]["labels"]["commit"] == commit[:7]


@pytest.mark.parametrize(
    ("argocd", "said"),
    [
        ({}, "argocd.paths: is missing"),
        ({"paths": []}, "argocd.paths: has 0 entries"),
        ({"paths": ["x"], "path": "y"}, 'did you mean "paths"?'),
        ({"paths": ["x"], "clusters": [{"server": "y"}]}, "name: is missing"),
    ],
)
def test_settings_that_are_refused(argocd: dict[str, Any], said: str) -> None:
    """The config's part about ArgoCD is checked like any other."""
    with pytest.raises(ConfigError) as caught:
        parse({"cluster": "x", "argocd": argocd})
    assert said in str(caught.value)
