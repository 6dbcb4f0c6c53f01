"""Placement: namespaces, kinds that nothing serves, repeated objects, and hooks."""

from __future__ import annotations

from typing import Any

import pytest

from gitops.application import ApplicationSpec
from gitops.application_target import ApplicationTarget
from gitops.manifest import Manifest
from gitops.placement import place
from gitops.scope import Scopes, ServedKind, builtin_scopes, defined_kind
from tests.gitops.objects import (
    HELM_HOOK,
    HOOK,
    SYNC_WAVE,
    an_object,
    application,
    config_map,
    definition,
    key_of,
)


def placed(
    *bodies: dict[str, Any], spec: ApplicationSpec | None = None, scopes: Scopes | None = None
) -> ApplicationTarget:
    """An Application in namespace ``media`` that renders these objects."""
    manifests = [Manifest.from_body(body) for body in bodies]
    return place(spec or application(), manifests, scopes=scopes or builtin_scopes())


def keys(target: ApplicationTarget) -> list[str]:
    """The identities of an Application's objects, in their order; it must not be broken."""
    assert target.error is None, target.error
    return [str(each.key) for each in target.manifests]


def test_objects_without_a_namespace_get_the_destinations() -> None:
    """Only namespaced objects that name none are moved, in identity and body."""
    target = placed(
        config_map("a"), config_map("b", namespace="other"), an_object("v1", "Namespace", "media")
    )
    assert keys(target) == ["Namespace media", "ConfigMap media/a", "ConfigMap other/b"]
    assert [each.body["metadata"].get("namespace") for each in target.manifests] == [
        None,
        "media",
        "other",
    ]


def test_cluster_scoped_objects_lose_a_namespace() -> None:
    """The API server would ignore it; left in place it would be another identity."""
    target = placed(an_object("rbac.authorization.k8s.io/v1", "ClusterRole", "a", namespace="b"))
    assert keys(target) == ["ClusterRole.rbac.authorization.k8s.io a"]
    assert "namespace" not in target.manifests[0].body["metadata"]


def test_rendered_objects_are_left_as_they_are() -> None:
    """Placing changes no body in place: renders are shared with the cache."""
    body = config_map(labels={"a": "b"})
    target = placed(body)
    assert "namespace" not in body["metadata"]
    assert target.manifests[0].body["metadata"]["labels"] == {"a": "b"}


def test_custom_kinds_go_where_their_definition_says() -> None:
    """The scope of a custom resource is that of its CustomResourceDefinition."""
    scopes = builtin_scopes().extended(
        [defined_kind(definition("Widget")), defined_kind(definition("Zone", scope="Cluster"))]
    )
    objects = [an_object("example.com/v1", kind, "a") for kind in ("Widget", "Zone")]
    assert keys(placed(*objects, scopes=scopes)) == [
        "Widget.example.com media/a",
        "Zone.example.com a",
    ]


def test_an_unknown_kind_breaks_the_application_at_once() -> None:
    """Where nothing provides a kind the error says so, instead of a run that waits a minute."""
    target = placed(config_map(), an_object("example.com/v1", "Widget", "a"))
    assert target.manifests == ()
    assert str(target.error) == (
        "media/local-media-jellyfin: Widget.example.com a: neither the cluster nor any Application "
        "provides the kind Widget of example.com/v1; add its CustomResourceDefinition to an "
        "Application, or correct apiVersion and kind"
    )


def test_a_version_that_is_not_served_is_refused() -> None:
    """A known kind in a wrong version names the versions that are served; unknown ones pass."""
    versions = frozenset({"v1", "v2"})
    served = ServedKind(group="example.com", kind="Widget", namespaced=True, versions=versions)
    scopes = builtin_scopes().extended([served])
    target = placed(an_object("example.com/v1beta1", "Widget", "a"), scopes=scopes)
    assert target.error is not None
    assert target.error.reason == "example.com/v1beta1 is not served"
    assert target.error.remedy == "use one of the served versions: v1, v2"
    assert placed(an_object("apps/v1beta1", "Deployment", "a")).error is None


def test_repeated_objects_are_refused() -> None:
    """The same object twice is an error that names both files, also where a namespace hides it."""
    first = Manifest.from_body(config_map(), source="apps/media/jellyfin/a.yaml")
    second = Manifest.from_body(config_map(namespace="media"), source="apps/media/jellyfin/b.yaml")
    target = place(application(), [first, second], scopes=builtin_scopes())
    assert target.error is not None
    assert target.error.reason == (
        "ConfigMap media/settings is rendered twice "
        "(apps/media/jellyfin/a.yaml and apps/media/jellyfin/b.yaml)"
    )


def test_nothing_rendered() -> None:
    """An Application without objects is broken, unless allowEmpty permits it."""
    refused = placed()
    assert refused.error is not None
    assert refused.error.reason == "renders to nothing"
    allowed = placed(spec=application(allow_empty=True))
    assert (allowed.error, allowed.manifests) == (None, ())


def test_objects_are_in_the_order_of_a_sync() -> None:
    """Waves decide before kinds."""
    late, early = {SYNC_WAVE: "1"}, {SYNC_WAVE: "-1"}
    target = placed(
        config_map("late", annotations=late),
        an_object("apps/v1", "Deployment", "middle"),
        an_object("v1", "Service", "first", annotations=early),
    )
    assert [each.key.name for each in target.manifests] == ["first", "middle", "late"]


@pytest.mark.parametrize(
    ("annotations", "hook"),
    [
        ({HOOK: "PreSync"}, "argocd.argoproj.io/hook: PreSync"),
        ({HELM_HOOK: "pre-delete"}, "helm.sh/hook: pre-delete"),
        ({HELM_HOOK: "pre-install, pre-upgrade"}, "helm.sh/hook: pre-install,pre-upgrade"),
    ],
)
def test_hooks_are_left_out_with_a_warning(annotations: dict[str, str], hook: str) -> None:
    """A hook is never applied like an ordinary object; the warning names object and hook."""
    job = an_object("batch/v1", "Job", "cleanup", annotations=annotations)
    target = placed(config_map(), job)
    assert keys(target) == ["ConfigMap media/settings"]
    assert target.warnings == (
        f"media/local-media-jellyfin: Job.batch cleanup is a hook ({hook}) and left out: hooks are "
        "not run yet",
    )
    assert target.skipped == ()


def test_hooks_need_neither_a_served_kind_nor_a_name_of_their_own() -> None:
    """What is left out breaks nothing: its kind is not asked for, and two may share a prefix."""
    hook = an_object("example.com/v1", "Widget", "a", annotations={HOOK: "PostSync"})
    target = placed(config_map(), hook, hook)
    assert keys(target) == ["ConfigMap media/settings"]
    assert len(target.warnings) == 2


def test_helm_tests_are_left_out_in_silence() -> None:
    """A test of a chart is no object of the Application, and nobody misses it."""
    target = placed(config_map(), config_map("a", annotations={HELM_HOOK: "test"}))
    assert keys(target) == ["ConfigMap media/settings"]
    assert target.warnings == ()


def test_skipped_objects_are_left_out_and_remembered() -> None:
    """Skip leaves an object out in silence, under the identity it would have in the cluster."""
    skip = {HOOK: "Skip"}
    target = placed(
        config_map(),
        config_map("left-alone", annotations=skip),
        an_object("v1", "PersistentVolume", "disk", namespace="x", annotations=skip),
    )
    assert keys(target) == ["ConfigMap media/settings"]
    assert target.warnings == ()
    assert target.skipped == (
        key_of(config_map("left-alone", namespace="media")),
        key_of(an_object("v1", "PersistentVolume", "disk")),
    )


def test_a_definition_helm_installs_first_is_an_ordinary_object() -> None:
    """Helm 2's crd-install hook applies a definition as any other."""
    target = placed(definition(annotations={HELM_HOOK: "crd-install"}))
    assert keys(target) == ["CustomResourceDefinition.apiextensions.k8s.io widgets.example.com"]
    assert target.warnings == ()


def test_an_application_of_hooks_alone_is_not_empty() -> None:
    """It renders something, so allowEmpty is not asked."""
    target = placed(config_map(annotations={HOOK: "PreSync"}))
    assert (target.error, target.manifests) == (None, ())
