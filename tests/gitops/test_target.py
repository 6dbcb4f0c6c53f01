"""Composition: small trees, from directories to the target of every Application."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from gitops.application_target import ApplicationTarget
from gitops.charts import ChartStore
from gitops.config import Settings, parse
from gitops.deployment.inventory import Inventory
from gitops.errors import (
    DiscoveryError,
    ManifestError,
    OwnershipError,
    ProjectError,
    RenderError,
)
from gitops.objects.ownership import RETAIN, STACK, owner
from gitops.objects.scope import ServedKind, pinned_kinds
from gitops.rendering.cache import RenderCache
from gitops.target import ClusterView, Target, compose
from gitops.versions import ClusterVersions
from tests.gitops.objects import (
    HOOK,
    SYNC_OPTIONS,
    an_object,
    config_map,
    definition,
    deployed,
    inventory,
)
from tests.gitops.rendering import snapshot, write

VERSIONS = ClusterVersions("1.36.3")
OFFLINE = ClusterView(versions=VERSIONS)
WIDGET = an_object("example.com/v1", "Widget", "small")

# A chart that declares a widget where the cluster has them, as many declare a ServiceMonitor.
WIDGET_CHART = {
    "Chart.yaml": "apiVersion: v2\nname: user\nversion: 1.0.0\n",
    "templates/objects.yaml": """\
apiVersion: v1
kind: ConfigMap
metadata: {name: always}
---
{{- if .Capabilities.APIVersions.Has "example.com/v1/Widget" }}
apiVersion: example.com/v1
kind: Widget
metadata: {name: optional}
{{- end }}
""",
}


def settings(
    *,
    sync_options: tuple[str, ...] = (),
    preserve: bool = False,
    load_restrictor: str = "LoadRestrictionsRootOnly",
    **project: Any,
) -> Settings:
    """One set over ``apps/*/*``; ``project`` is what its AppProject permits beside everything."""
    template = {
        "metadata": {"name": "{{cluster}}-{{category}}-{{path.basename}}"},
        "spec": {
            "project": "apps",
            "destination": {"namespace": "{{category}}"},
            "syncPolicy": {"automated": {"prune": True}, "syncOptions": list(sync_options)},
        },
    }
    permitted = {
        "name": "apps",
        "sourceRepos": ["*"],
        "destinations": [{"namespace": "*"}],
        "clusterResourceWhitelist": [{"group": "*", "kind": "*"}],
    }
    apps = {
        "name": "apps",
        "generators": [{"git": {"directories": [{"path": "apps/*/*"}]}}],
        "syncPolicy": {"preserveResourcesOnDeletion": preserve},
        "template": template,
    }
    return parse(
        {
            "cluster": "local",
            "kustomize": {"loadRestrictor": load_restrictor},
            "projects": [{**permitted, **project}],
            "applicationSets": [apps],
        }
    )


class Tree:
    """A repository under construction, and what is composed of it."""

    def __init__(self, root: Path) -> None:
        self.root = root / "repository"
        self.cache = RenderCache(root / "cache")

    def app(self, path: str, *bodies: Mapping[str, Any], **files: str) -> None:
        """Write an Application's directory: one file of objects, and others by their name."""
        written = dict(files)
        if bodies:
            written["objects.yaml"] = yaml.safe_dump_all(bodies)
        write(self.root / "apps" / path, written)

    def compose(
        self,
        *,
        cluster: ClusterView = OFFLINE,
        last: Inventory | None = None,
        **more: Any,
    ) -> Target:
        """Compose it for a cluster and a last deployment; ``more`` goes into the settings."""
        return compose(
            settings(**more),
            root=self.root,
            cluster=cluster,
            charts=ChartStore(self.root / "no-store", repository_root=self.root),
            cache=self.cache,
            inventory=last,
            stack="local",
        )


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    return Tree(tmp_path)


def names(target: Target) -> dict[str, list[str]]:
    """The names of each Application's objects."""
    return {
        each.subject: [manifest.key.name for manifest in each.manifests]
        for each in target.applications
    }


def one(target: Target, subject: str) -> ApplicationTarget:
    (found,) = (each for each in target.applications if each.subject == subject)
    return found


def test_a_directory_becomes_marked_objects(tree: Tree) -> None:
    """Objects are in their namespace and order, and say whose they are."""
    tree.app("media/jellyfin", an_object("v1", "Service", "web"), config_map())
    target = tree.compose()
    (jellyfin,) = target.applications
    assert target.all_errors == ()
    assert [str(key) for key in target.keys] == ["ConfigMap media/settings", "Service media/web"]
    for manifest in jellyfin.manifests:
        assert owner(manifest.body) == "local-media-jellyfin"
        assert manifest.annotations[STACK] == "local"
        assert RETAIN not in manifest.annotations


def test_composing_twice_gives_the_same_and_writes_nothing(tree: Tree) -> None:
    """A second composition is equal in every value, digests included, and the tree unchanged."""
    tree.app("media/jellyfin", config_map())
    tree.app("media/user", **WIDGET_CHART)
    before = snapshot(tree.root)
    first = tree.compose()
    assert tree.compose() == first
    assert snapshot(tree.root) == before


def test_objects_of_a_preserving_set_say_so(tree: Tree) -> None:
    """preserveResourcesOnDeletion reaches the objects, which outlive the state that knows it."""
    tree.app("media/jellyfin", config_map())
    (jellyfin,) = tree.compose(preserve=True).applications
    assert jellyfin.manifests[0].annotations[RETAIN] == "true"


def test_a_broken_application_breaks_no_other(tree: Tree) -> None:
    """Errors of every kind are values at their Application or directory, all others are whole."""
    tree.app("media/broken", **{"a.yaml": "kind: ["})
    tree.app("media/empty", **{"a.yaml": "# nothing"})
    tree.app("media/malformed", {**definition(), "spec": "text"}, config_map("a"))
    tree.app("media/nameless", {"apiVersion": "v1", "kind": "ConfigMap"})
    tree.app("media/no-manifests", **{"README.md": "nothing to apply"})
    tree.app("media/odd", {"apiVersion": "v1", "kind": "A", "metadata": {"name": "a"}})
    tree.app("media/whole", config_map())
    target = tree.compose()
    assert names(target) == {
        "media/broken": [],
        "media/empty": [],
        "media/malformed": ["widgets.example.com", "a"],
        "media/nameless": [],
        "media/odd": [],
        "media/whole": ["settings"],
    }
    assert [type(error) for error in target.errors] == [DiscoveryError]
    subjects = [error.subject for error in target.all_errors]
    assert subjects[0] == "apps/media/no-manifests"
    assert all("media/" in subject for subject in subjects)
    assert len(subjects) == 4
    empty = next(each for each in target.applications if each.subject == "media/empty")
    assert "renders to nothing" in empty.warnings[0]


def test_no_tree_at_all_is_no_target(tree: Tree) -> None:
    """Without apps/ nothing is known about any Application, so nothing may be concluded."""
    write(tree.root, {"README.md": "elsewhere"})
    with pytest.raises(DiscoveryError, match="there is no such directory"):
        tree.compose()


def test_definitions_and_their_users_in_different_applications(tree: Tree) -> None:
    """A kind that another Application defines is known, with its scope."""
    tree.app("media/user", WIDGET)
    tree.app("system/definitions", definition())
    target = tree.compose()
    assert target.all_errors == ()
    assert str(one(target, "media/user").manifests[0].key) == "Widget.example.com media/small"
    known = target.scopes.find("example.com", "Widget")
    assert known is not None
    assert known.versions == {"v1"}


def test_a_chart_sees_what_applications_are_about_to_add(tree: Tree) -> None:
    """A chart that asks for an API renders as it will once the definition is in the cluster."""
    tree.app("media/user", **WIDGET_CHART)
    assert names(tree.compose())["media/user"] == ["always"]
    tree.app("system/definitions", definition())
    first = tree.compose()
    assert names(first)["media/user"] == ["always", "optional"]
    served = ClusterView(
        versions=ClusterVersions("1.36.3", ("example.com/v1", "example.com/v1/Widget", "v1")),
        served=(
            ServedKind(group="example.com", kind="Widget", namespaced=True),
            ServedKind(group="", kind="ConfigMap", namespaced=True),
            ServedKind(
                group="apiextensions.k8s.io", kind="CustomResourceDefinition", namespaced=False
            ),
        ),
        complete=True,
    )
    assert tree.compose(cluster=served).applications == first.applications


def test_a_kind_nothing_provides(tree: Tree) -> None:
    """Neither the cluster nor an Application knows it: that Application alone is broken."""
    tree.app("media/user", WIDGET)
    tree.app("media/whole", config_map())
    target = tree.compose()
    assert isinstance(one(target, "media/user").error, ManifestError)
    assert one(target, "media/whole").error is None


def test_pinned_kinds_hide_no_built_in_scope(tree: Tree) -> None:
    """A pinned list that names built-in kinds too leaves those without a namespace so."""
    tree.app("media/roles", an_object("rbac.authorization.k8s.io/v1", "ClusterRole", "a"), WIDGET)
    pinned = pinned_kinds(["rbac.authorization.k8s.io/v1/ClusterRole", "example.com/v1"])
    target = tree.compose(cluster=ClusterView(versions=VERSIONS, served=pinned))
    assert sorted(str(key) for key in target.keys) == [
        "ClusterRole.rbac.authorization.k8s.io a",
        "Widget.example.com media/small",
    ]


def test_a_cluster_that_was_asked_has_the_last_word(tree: Tree) -> None:
    """With discovery at hand a built-in kind the cluster does not serve is refused too."""
    tree.app("media/jellyfin", config_map())
    cluster = ClusterView(versions=VERSIONS, served=(), complete=True)
    error = one(tree.compose(cluster=cluster), "media/jellyfin").error
    assert error is not None
    assert "provides the kind ConfigMap" in error.reason


def test_a_broken_application_provides_no_definitions(tree: Tree) -> None:
    """Who relies on the definition of a broken Application is broken too, to any depth."""
    group = {"group": "other.example.com"}
    tree.app("a/first", definition(), an_object("nobody.example.com/v1", "Unknown", "a"))
    tree.app("b/second", WIDGET, definition("Gadget", **group))
    tree.app("c/third", an_object("other.example.com/v1", "Gadget", "a"))
    tree.app("d/whole", config_map())
    target = tree.compose()
    broken = {each.subject: str(each.error) for each in target.applications if each.error}
    assert sorted(broken) == ["a/first", "b/second", "c/third"]
    assert "kind Unknown" in broken["a/first"]
    assert "kind Widget" in broken["b/second"]
    assert "kind Gadget" in broken["c/third"]
    assert target.scopes.find("example.com", "Widget") is None


def test_a_definition_of_a_broken_application_that_the_cluster_serves(tree: Tree) -> None:
    """What is in the cluster already stays usable when the Application that brought it breaks."""
    tree.app("a/first", definition(), an_object("nobody.example.com/v1", "Unknown", "a"))
    tree.app("b/second", WIDGET)
    served = ServedKind(group="example.com", kind="Widget", namespaced=True)
    target = tree.compose(cluster=ClusterView(versions=VERSIONS, served=(served,)))
    assert [error.subject for error in target.all_errors] == [
        "a/first: Unknown.nobody.example.com a"
    ]


def test_a_shared_definition_outlives_its_broken_owner(tree: Tree) -> None:
    """Where the owner of a shared definition is broken, the next Application keeps it."""
    tree.app("a/first", definition(), an_object("nobody.example.com/v1", "Unknown", "a"))
    tree.app("b/second", definition(), WIDGET)
    second = one(tree.compose(), "b/second")
    assert [each.key.kind for each in second.manifests] == ["CustomResourceDefinition", "Widget"]
    assert second.warnings == ()


def test_an_object_of_two_applications(tree: Tree) -> None:
    """The second is refused with both named, and the first is whole."""
    tree.app("media/one", config_map(), config_map("own"))
    tree.app("media/two", config_map())
    target = tree.compose()
    assert names(target) == {"media/one": ["own", "settings"], "media/two": []}
    error = one(target, "media/two").error
    assert isinstance(error, OwnershipError)
    assert str(error).startswith(
        "media/two: ConfigMap media/settings is also rendered by media/one"
    )


def test_a_project_refuses_an_application(tree: Tree) -> None:
    """A destination the AppProject does not permit breaks the Application before it is rendered."""
    tree.app("media/refused", **{"a.yaml": "kind: ["})
    tree.app("system/permitted", config_map())
    target = tree.compose(destinations=[{"namespace": "system"}])
    assert isinstance(one(target, "media/refused").error, ProjectError)
    assert names(target) == {"media/refused": [], "system/permitted": ["settings"]}


def test_a_project_refuses_an_object(tree: Tree) -> None:
    """A cluster-scoped kind, and a namespace, that the AppProject does not permit, break it."""
    tree.app("media/cluster-wide", definition())
    tree.app("media/elsewhere", config_map(namespace="kube-system"))
    tree.app("media/whole", config_map())
    permits = {"clusterResourceWhitelist": [], "destinations": [{"namespace": "media"}]}
    target = tree.compose(**permits)
    reasons = {each.subject: each.error.reason for each in target.applications if each.error}
    assert sorted(reasons) == ["media/cluster-wide", "media/elsewhere"]
    assert "CustomResourceDefinition" in reasons["media/cluster-wide"]
    assert "kube-system" in reasons["media/elsewhere"]


ROLE = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "view"}


def binding(role: str, **more: Any) -> dict[str, Any]:
    """An object whose roleRef cannot change in place."""
    return an_object(
        "rbac.authorization.k8s.io/v1",
        "RoleBinding",
        "readers",
        namespace="media",
        roleRef={**ROLE, "name": role},
        **more,
    )


def test_a_change_of_an_immutable_field(tree: Tree) -> None:
    """It breaks the Application with the field named; the same object again does not."""
    tree.app("media/jellyfin", binding("edit"))
    refused = one(tree.compose(last=inventory(deployed(binding("view")))), "media/jellyfin")
    assert refused.error is not None
    assert refused.error.subject == (
        "media/jellyfin: RoleBinding.rbac.authorization.k8s.io media/readers"
    )
    assert "roleRef cannot be changed in place" in refused.error.reason
    same = one(tree.compose(last=inventory(deployed(binding("edit")))), "media/jellyfin")
    assert (same.error, same.replacements) == (None, {})


@pytest.mark.parametrize(
    ("annotations", "sync_options"),
    [({SYNC_OPTIONS: "Replace=true"}, ()), ({}, ("Replace=true",)), ({}, ("Force=true",))],
)
def test_a_permitted_replacement(
    tree: Tree, annotations: dict[str, str], sync_options: tuple[str, ...]
) -> None:
    """Replace or Force, on the object or its Application, make it a replacement of those fields."""
    tree.app("media/jellyfin", binding("edit", annotations=annotations))
    last = inventory(deployed(binding("view")))
    found = one(tree.compose(last=last, sync_options=sync_options), "media/jellyfin")
    assert found.error is None
    assert {str(key): fields for key, fields in found.replacements.items()} == {
        "RoleBinding.rbac.authorization.k8s.io media/readers": ("roleRef",)
    }


def test_skipped_objects_are_known(tree: Tree) -> None:
    """What is in Git and left alone is in the target by its identity only."""
    tree.app("media/jellyfin", config_map("a", annotations={HOOK: "Skip"}), config_map("b"))
    target = tree.compose()
    assert [key.name for key in target.keys] == ["b"]
    assert [str(key) for key in target.skipped] == ["ConfigMap media/a"]


@pytest.mark.parametrize(
    ("load_restrictor", "objects"),
    [("LoadRestrictionsRootOnly", []), ("LoadRestrictionsNone", ["other"])],
)
def test_the_load_restrictor_reaches_kustomize(
    tree: Tree, load_restrictor: str, objects: list[str]
) -> None:
    """Whether a kustomization may read beside its directory is what the config says."""
    kustomization = "resources: [../../../shared/objects.yaml]\n"
    tree.app("media/user", **{"kustomization.yaml": kustomization})
    write(tree.root, {"shared/objects.yaml": yaml.safe_dump(config_map("other"))})
    found = one(tree.compose(load_restrictor=load_restrictor), "media/user")
    assert [each.key.name for each in found.manifests] == objects
    assert isinstance(found.error, RenderError) is not bool(objects)
