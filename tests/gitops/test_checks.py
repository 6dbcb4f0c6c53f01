"""Checks of options and annotations: what an Application carries on, and what breaks it."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace

import pytest

from gitops.application import SyncPolicy
from gitops.application_target import ApplicationTarget
from gitops.objects.manifest import Manifest
from gitops.syncing.checks import permits_missing_kind, with_options
from gitops.syncing.options import ObjectOptions, Permission
from tests.gitops.objects import SYNC_OPTIONS, application, config_map

WAVE = "argocd.argoproj.io/sync-wave"


def target(*bodies: dict[str, object], **sync_options: str) -> ApplicationTarget:
    """An Application with sync options of its own and these objects in place."""
    manifests = tuple(Manifest.from_body(body) for body in bodies)
    return ApplicationTarget(spec=application(sync_options=sync_options), manifests=manifests)


def annotated(name: str, **annotations: str) -> dict[str, object]:
    """A ConfigMap with annotations of ArgoCD's, by their last word."""
    prefixed = {f"argocd.argoproj.io/{k.replace('_', '-')}": v for k, v in annotations.items()}
    return config_map(name, namespace="media", annotations=prefixed)


def test_options_are_carried() -> None:
    """An object has its own options over those of its Application, the others just the latter."""
    plain = config_map("plain", namespace="media", annotations={"example.com/team": "a"})
    own = annotated("own", sync_options="Delete=true,Force=true")
    found = with_options(target(plain, own, Prune="false", Delete="confirm"))
    options = [found.options_for(each.key) for each in found.manifests]
    assert options == [
        ObjectOptions(prune=Permission.NO, delete=Permission.CONFIRM),
        ObjectOptions(prune=Permission.NO, delete=Permission.YES, force=True),
    ]
    assert [key.name for key in found.own_options] == ["own"]


@pytest.mark.parametrize(
    ("annotations", "said"),
    [
        ({"sync_options": "Prun=false"}, 'holds "Prun=false", which is not known'),
        ({"sync_wawe": "1"}, "the annotation argocd.argoproj.io/sync-wawe is not known"),
        ({"compare_options": "Ignore"}, 'holds "Ignore"'),
    ],
)
def test_a_wrong_annotation_of_an_object(annotations: Mapping[str, str], said: str) -> None:
    """It breaks the Application, with the object named in it."""
    found = with_options(target(annotated("wrong", **annotations), config_map("fine")))
    assert found.manifests == ()
    assert str(found.error).startswith("media/local-media-jellyfin: ConfigMap media/wrong: ")
    assert said in str(found.error)


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("skip-reconcile", "true", "media/local-media-jellyfin: argocd.argoproj.io/skip-reconcile"),
        ("sync-wave", "first", f"media/local-media-jellyfin: {WAVE} is 'first'"),
    ],
)
def test_a_wrong_annotation_of_an_application(name: str, value: str, said: str) -> None:
    """It breaks the Application and names it once."""
    wrong = {f"argocd.argoproj.io/{name}": value}
    found = target(config_map())
    found = with_options(replace(found, spec=replace(found.spec, annotations=wrong)))
    assert str(found.error).startswith(said)


def test_a_broken_application_stays_as_it_is() -> None:
    """What broke it first is what is said."""
    broken = with_options(target(annotated("wrong", sync_options="x")))
    assert with_options(broken) is broken


@pytest.mark.parametrize(
    ("own", "sync_options", "permitted"),
    [
        ("", {}, False),
        ("SkipDryRunOnMissingResource=true", {}, True),
        ("", {"SkipDryRunOnMissingResource": "true"}, True),
        ("SkipDryRunOnMissingResource=false", {"SkipDryRunOnMissingResource": "true"}, False),
        ("SkipDryRun", {"SkipDryRunOnMissingResource": "true"}, False),
    ],
)
def test_missing_kinds(own: str, sync_options: Mapping[str, str], *, permitted: bool) -> None:
    """The object's option wins over its Application's; one that cannot be read permits nothing."""
    body = config_map(annotations={SYNC_OPTIONS: own})
    assert permits_missing_kind(body, SyncPolicy(sync_options=sync_options)) is permitted


def test_objects_without_annotations_cost_next_to_nothing() -> None:
    """Ten thousand objects, labelled but without options, are passed over in a moment; the limit is
    twenty times what it takes."""
    bodies = [config_map(f"a-{n}", annotations={"example.com/a": "b"}) for n in range(10_000)]
    found = target(*bodies, ServerSideApply="true")
    began = time.process_time()
    assert with_options(found).own_options == {}
    assert time.process_time() - began < 0.2
