"""Placement: namespaces, kinds that nothing serves, repeated objects, and hooks."""

from __future__ import annotations

from typing import Any

import pytest

from gitops.application import ApplicationSpec
from gitops.application_target import ApplicationTarget
from gitops.objects.manifest import Manifest
from gitops.objects.placement import place
from gitops.objects.scope import Scopes, ServedKind, builtin_scopes, defined_kind
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
        "Application, correct apiVersion and kind, or set SkipDryRunOnMissingResource=true where "
        "something else will provide it"
    )


def test_an_unknown_kind_may_be_provided_later() -> None:
    """With SkipDryRunOnMissingResource it gets the destination's namespace, and a warning."""
    spec = application(sync_options={"SkipDryRunOnMissingResource": "true"})
    target = placed(an_object("example.com/v1", "Widget", "a"), spec=spec)
    assert keys(target) == ["Widget.example.com media/a"]
    assert target.warnings == (
        "media/local-media-jellyfin: Widget.example.com media/a: nothing provides the kind Widget "
        "of example.com/v1 yet; a sync tries for a minute",
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
    """An Application without objects is warned of, unless allowEmpty permits it; it breaks nothing,
    for the prune gate keeps what it had."""
    empty = placed()
    (warning,) = empty.warnings
    assert warning.startswith("media/") and "renders to nothing" in warning
    allowed = placed(spec=application(allow_empty=True))
    assert (empty.error, empty.manifests, allowed.warnings) == (None, (), ())


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
    ("annotations", "phases"),
    [
        ({HOOK: "PreSync"}, ["PreSync"]),
        ({HELM_HOOK: "pre-delete"}, ["PreDelete"]),
        ({HELM_HOOK: "pre-install, post-install"}, ["PreSync", "PostSync"]),
    ],
)
def test_hooks_are_set_apart(annotations: dict[str, str], phases: list[str]) -> None:
    """A hook is no object of the Application, and has the namespace it would have as one."""
    job = an_object("batch/v1", "Job", "cleanup", annotations=annotations)
    target = placed(config_map(), job)
    assert keys(target) == ["ConfigMap media/settings"]
    assert [each.phase for each in target.hooks] == phases
    assert {str(each.manifest.key) for each in target.hooks} == {"Job.batch media/cleanup"}
    assert {each.manifest.body["metadata"]["namespace"] for each in target.hooks} == {"media"}
    assert (target.warnings, target.skipped) == ((), ())


def test_hooks_are_checked_like_objects() -> None:
    """A hook of a kind nothing serves, or that is also an object, breaks the Application."""
    hook = {HOOK: "PostSync"}
    unserved = placed(config_map(), an_object("example.com/v1", "Widget", "a", annotations=hook))
    assert "provides the kind Widget" in str(unserved.error)
    twice = placed(config_map(), config_map(namespace="media", annotations=hook))
    assert str(twice.error) == (
        "media/local-media-jellyfin: ConfigMap media/settings: is a hook and rendered twice; "
        "rename one of the two"
    )
    assert twice.hooks == ()


def test_a_malformed_hook_breaks_the_application() -> None:
    """The error names Application and object."""
    target = placed(config_map(annotations={HELM_HOOK: "pre-install", "helm.sh/hook-weight": "x"}))
    assert str(target.error).startswith(
        "media/local-media-jellyfin: ConfigMap media/settings: helm"
    )


def test_hooks_without_a_phase_are_left_out_with_one_warning() -> None:
    """Nothing here is rolled back, and one message says so for all such hooks of an Application."""
    hooks = [config_map(name, annotations={HELM_HOOK: "pre-rollback"}) for name in ("a", "b")]
    target = placed(config_map(), *hooks)
    assert keys(target) == ["ConfigMap media/settings"]
    assert target.hooks == ()
    assert target.warnings == (
        "media/local-media-jellyfin: left out, as there is no phase of a sync for such hooks: "
        "ConfigMap a (helm.sh/hook: pre-rollback), ConfigMap b (helm.sh/hook: pre-rollback)",
    )


def test_the_digest_covers_hooks() -> None:
    """A changed hook is a change of the Application; without hooks the digest is as it was."""
    one = placed(config_map(), config_map("a", annotations={HOOK: "PreSync"}))
    other = placed(config_map(), config_map("a", annotations={HOOK: "PreSync"}, data={"x": "y"}))
    assert len({one.digest, other.digest, placed(config_map()).digest}) == 3
    assert one.digest == placed(config_map("a", annotations={HOOK: "PreSync"}), config_map()).digest


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
