"""Objects beside the Applications' own: which of them belong to nobody, and who is told."""

from __future__ import annotations

from typing import Any

import pytest

from gitops.application_target import ApplicationTarget
from gitops.config import parse
from gitops.errors import ConfigError
from gitops.objects.manifest import Manifest
from gitops.objects.orphaned_resources import orphaned, watched
from gitops.projects import AppProject, GroupKind, OrphanedResources
from gitops.target import Target
from tests.gitops.objects import an_object, application, config_map, key_of

NAME = "local-media-jellyfin"


def project(**more: Any) -> AppProject:
    """The project of the Application, which wants to know."""
    return AppProject(name="default", **{"orphaned_resources": OrphanedResources(), **more})


def target_of(found: AppProject, *objects: dict[str, Any]) -> Target:
    """One Application in namespace media."""
    manifests = tuple(Manifest.from_body(body) for body in objects)
    return Target(
        applications=(ApplicationTarget(spec=application(), manifests=manifests),),
        projects=(found,),
    )


def live(kind: str, name: str = "stray", *, version: str = "v1", **metadata: Any) -> dict[str, Any]:
    """An object in the Application's namespace, as a LIST of metadata has it."""
    body = an_object(version, kind, name, namespace="media")
    return {**body, "metadata": {**body["metadata"], **metadata}}


def test_who_is_told() -> None:
    """An object of nobody is named, for each Application of the project in its namespace."""
    found = orphaned(target_of(project()), [live("ConfigMap"), live("Secret", "key")])
    assert found == {
        NAME: "2 objects belong to no Application in namespace media: ConfigMap stray, Secret key"
    }
    elsewhere = an_object("v1", "ConfigMap", "stray", namespace="other")
    assert orphaned(target_of(project()), [elsewhere]) == {}


@pytest.mark.parametrize(
    "body",
    [
        config_map("own", namespace="media"),
        live("Pod", ownerReferences=[{"uid": "x"}]),
        live("ServiceAccount", "default"),
        live("ConfigMap", "kube-root-ca.crt"),
        live("Endpoints"),
        live("Lease", version="coordination.k8s.io/v1"),
        live("PersistentVolumeClaim", "data-db-0"),
        live("ConfigMap", "ours"),
    ],
    ids=lambda body: f"{body['kind']}-{body['metadata']['name']}",
)
def test_what_belongs_to_somebody(body: dict[str, Any]) -> None:
    """What an Application renders, what another object owns, what Kubernetes makes in every
    namespace, what a StatefulSet has claimed and what is the program's own is nobody's orphan."""
    database = live("StatefulSet", "db", version="apps/v1")
    target = target_of(project(), config_map("own", namespace="media"), database)
    assert orphaned(target, [body], own={key_of(live("ConfigMap", "ours"))}) == {}
    assert orphaned(target, [live("PersistentVolumeClaim", "data-db-x")])


@pytest.mark.parametrize(
    ("ignored", "silent"),
    [
        (GroupKind(group="", kind="ConfigMap"), True),
        (GroupKind(group="", kind="Conf*", name="st?ay"), True),
        (GroupKind(group="*", kind="*", name="other"), False),
        (GroupKind(group="apps", kind="*"), False),
    ],
)
def test_what_a_project_ignores(ignored: GroupKind, *, silent: bool) -> None:
    """Globs for group, kind and name; all three have to match."""
    found = project(orphaned_resources=OrphanedResources(ignore=(ignored,)))
    assert (orphaned(target_of(found), [live("ConfigMap")]) == {}) is silent


def test_kinds_a_project_does_not_permit_are_not_its_own() -> None:
    """As in ArgoCD, a project is not told of kinds its Applications may not have."""
    for found in (
        project(namespace_resource_blacklist=(GroupKind(group="", kind="ConfigMap"),)),
        project(namespace_resource_whitelist=(GroupKind(group="", kind="Secret"),)),
    ):
        assert orphaned(target_of(found), [live("ConfigMap")]) == {}
        assert orphaned(target_of(found), [live("Secret")])


def test_nothing_is_watched_unless_somebody_wants_to_know() -> None:
    """Without orphanedResources, or with warn off, no namespace is looked at."""
    assert watched(target_of(project())) == {"media"}
    for settings in (None, OrphanedResources(warn=False)):
        silent = target_of(project(orphaned_resources=settings))
        assert watched(silent) == frozenset()
        assert orphaned(silent, [live("ConfigMap")]) == {}


def test_a_project_of_the_config_may_want_to_know() -> None:
    """The config has the same key as ArgoCD's manifest, checked like any other."""
    ignore = [{"kind": "Secret", "name": "sh.helm.*"}]
    wanted = {"name": "apps", "orphanedResources": {"warn": True, "ignore": ignore}}
    (_, found) = parse({"cluster": "x", "projects": [wanted]}).projects
    helm = GroupKind(group="", kind="Secret", name="sh.helm.*")
    assert found.orphaned_resources == OrphanedResources(ignore=(helm,))
    with pytest.raises(ConfigError, match="ignored"):
        parse({"cluster": "x", "projects": [{**wanted, "orphanedResources": {"ignored": []}}]})


def test_a_long_list_is_cut() -> None:
    """Ten objects are named, the others counted."""
    many = [live("ConfigMap", f"stray-{number:02}") for number in range(12)]
    (said,) = orphaned(target_of(project()), many).values()
    assert said.startswith("12 objects belong to no Application")
    assert said.endswith("ConfigMap stray-09 and 2 more")
