"""AppProjects limit what Applications may read and write."""

from __future__ import annotations

from typing import Any

import pytest

from gitops.application import ApplicationSpec, Destination, Source
from gitops.objects.manifest import Manifest
from gitops.projects import DEFAULT, AppProject, check_application, check_manifest, read

REPOSITORY = "https://github.com/example/home-ops"


def project(**spec: Any) -> AppProject:
    """A project that permits everything but what is given otherwise."""
    everything = {
        "name": "apps",
        "sourceRepos": ["*"],
        "destinations": [{"namespace": "*"}],
        "clusterResourceWhitelist": [{"group": "*", "kind": "*"}],
    }
    return read({**everything, **spec})


def application(
    *, repo_url: str = REPOSITORY, namespace: str = "media", name: str = "apps"
) -> ApplicationSpec:
    """An Application of a project."""
    return ApplicationSpec(
        name="pitower-media-jellyfin",
        category="media",
        application_set="media",
        project=name,
        source=Source(path="apps/media/jellyfin"),
        destination=Destination(namespace=namespace),
        repo_url=repo_url,
    )


def manifest(
    kind: str = "ConfigMap", *, api: str = "v1", namespace: str = "", name: str = "a"
) -> Manifest:
    """An object of a kind."""
    metadata = {"name": name, **({"namespace": namespace} if namespace else {})}
    return Manifest.from_body({"apiVersion": api, "kind": kind, "metadata": metadata})


@pytest.mark.parametrize(
    ("globs", "permitted"),
    [
        (["*"], True),
        ([], False),
        ([REPOSITORY], True),
        ([REPOSITORY + ".git"], True),
        (["https://GitHub.com/Example/Home-Ops/"], True),
        (["https://github.com/example/*"], True),
        (["https://github.com/*"], False),
        (["https://github.com/**"], True),
        (["https://github.com/other/*"], False),
        (["*", "!https://github.com/example/*"], False),
        (["*", "!https://github.com/other/*"], True),
        (["!https://github.com/other/*"], True),
        (["!https://github.com/example/*", "*"], False),
    ],
)
def test_source_repositories(globs: list[str], permitted: bool) -> None:  # noqa: FBT001
    """An entry must match, `*` stays within one part of the path, and an entry with `!` forbids."""
    errors = check_application(application(), {"apps": project(sourceRepos=globs)})
    assert (errors == []) is permitted
    if errors:
        assert str(errors[0]).startswith(
            f"media/jellyfin: AppProject apps does not permit repository {REPOSITORY}; "
        )


@pytest.mark.parametrize(
    ("destinations", "permitted"),
    [
        ([{"namespace": "*"}], True),
        ([], False),
        ([{"namespace": "media"}], True),
        ([{"namespace": "med*"}], True),
        ([{"namespace": "?edia"}], True),
        ([{"namespace": "med"}], False),
        ([{"namespace": "*", "name": "in-cluster"}], True),
        ([{"namespace": "*", "server": "https://kubernetes.default.svc"}], True),
        ([{"namespace": "*", "server": "https://other"}], False),
        ([{"namespace": "*", "name": "other"}], False),
        ([{"namespace": "*", "name": "other", "server": "*"}], True),
        ([{"namespace": "*"}, {"namespace": "!media"}], False),
        ([{"namespace": "!media"}, {"namespace": "*"}], False),
        ([{"namespace": "!kube-system"}, {"namespace": "*"}], True),
        ([{"namespace": "*"}, {"namespace": "media", "name": "!in-cluster"}], False),
        ([{"namespace": "*"}, {"namespace": "other", "name": "!in-cluster"}], True),
    ],
)
def test_destinations(destinations: list[dict[str, str]], permitted: bool) -> None:  # noqa: FBT001
    """An entry must match namespace and cluster, and an entry with `!` forbids."""
    errors = check_application(application(), {"apps": project(destinations=destinations)})
    assert (errors == []) is permitted
    if errors:
        assert "does not permit namespace 'media'" in str(errors[0])


def test_both_are_reported() -> None:
    """A wrong repository and a wrong namespace are two errors, not one after the other."""
    errors = check_application(application(), {"apps": project(sourceRepos=[], destinations=[])})
    assert len(errors) == 2


def test_a_project_that_does_not_exist() -> None:
    """A missing project is an error that names the existing ones and the likely one."""
    [error] = check_application(application(name="app"), {"apps": project(), "other": project()})
    assert str(error) == (
        "media/jellyfin: there is no AppProject 'app'; use one of: apps, other; "
        'did you mean "apps"?'
    )


def test_an_unnamed_repository_is_not_checked() -> None:
    """Where the config names no repository there is nothing to compare."""
    assert check_application(application(repo_url=""), {"apps": project(sourceRepos=[])}) == []


@pytest.mark.parametrize(
    ("lists", "permitted"),
    [
        ({}, True),
        ({"clusterResourceWhitelist": []}, False),
        ({"clusterResourceWhitelist": [{"group": "", "kind": "Namespace"}]}, True),
        ({"clusterResourceWhitelist": [{"group": "*", "kind": "Name*"}]}, True),
        ({"clusterResourceWhitelist": [{"group": "apps", "kind": "*"}]}, False),
        ({"clusterResourceWhitelist": [{"group": "", "kind": "Namespace", "name": "b*"}]}, False),
        ({"clusterResourceBlacklist": [{"group": "", "kind": "Namespace"}]}, False),
        ({"namespaceResourceBlacklist": [{"group": "", "kind": "Namespace"}]}, True),
    ],
)
def test_cluster_scoped_kinds(lists: dict[str, Any], permitted: bool) -> None:  # noqa: FBT001
    """Without a whitelist no cluster-scoped kind is permitted; the blacklist wins."""
    errors = check_manifest(
        manifest("Namespace"), project(**lists), namespaced=False, subject="x/y"
    )
    assert (errors == []) is permitted
    if errors:
        assert str(errors[0]).startswith(
            "x/y: AppProject apps does not permit cluster-scoped Namespace a; "
        )


@pytest.mark.parametrize(
    ("lists", "permitted"),
    [
        ({}, True),
        ({"namespaceResourceWhitelist": []}, False),
        ({"namespaceResourceWhitelist": [{"group": "apps", "kind": "Deployment"}]}, True),
        ({"namespaceResourceWhitelist": [{"group": "", "kind": "*"}]}, False),
        ({"namespaceResourceBlacklist": [{"group": "apps", "kind": "*"}]}, False),
        ({"clusterResourceWhitelist": []}, True),
    ],
)
def test_namespaced_kinds(lists: dict[str, Any], permitted: bool) -> None:  # noqa: FBT001
    """Without a whitelist every namespaced kind is permitted; with one, only what it lists."""
    deployment = manifest("Deployment", api="apps/v1", namespace="media")
    assert (check_manifest(deployment, project(**lists), namespaced=True) == []) is permitted


def test_an_object_in_another_namespace() -> None:
    """An object that names a namespace of its own needs a destination for it."""
    limited = project(destinations=[{"namespace": "media"}])
    assert check_manifest(manifest(namespace="media"), limited, namespaced=True) == []
    [error] = check_manifest(
        manifest(namespace="kube-system"), limited, namespaced=True, subject="media/jellyfin"
    )
    assert str(error) == (
        "media/jellyfin: AppProject apps does not permit namespace 'kube-system' of ConfigMap "
        "kube-system/a; add it to destinations; it has media"
    )


def test_cluster_scoped_objects_need_no_destination() -> None:
    """Destinations are about namespaces, which a cluster-scoped object has not."""
    assert check_manifest(manifest("Namespace"), project(destinations=[]), namespaced=False) == []


def test_the_default_project() -> None:
    """ArgoCD's default project permits everything."""
    assert check_application(application(name="default"), {"default": DEFAULT}) == []
    assert check_manifest(manifest("Namespace"), DEFAULT, namespaced=False) == []


def test_roles() -> None:
    """Roles are read, for whoever grants them."""
    roles = [{"name": "admin", "policies": ["p, a"], "groups": ["admins"]}]
    [role] = project(roles=roles).roles
    assert (role.name, role.policies, role.groups) == ("admin", ("p, a",), ("admins",))
