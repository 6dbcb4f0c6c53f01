"""What a pass of a loop takes over from the pass before, and what it does not."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gitops.application_target import ApplicationTarget
from gitops.config import Settings, parse
from gitops.errors import DiscoveryError, RenderError
from gitops.objects.manifest import Manifest
from gitops.objects.orphans import LiveObject
from gitops.objects.scope import ServedKind
from gitops.target import ClusterView, Target
from gitops.versions import ClusterVersions
from reconciler.passes.kept import Kept, KnownObject, Source
from tests.gitops.objects import application, config_map

SOURCE = Source(
    commit="a" * 40,
    root=Path("tree"),
    settings=Settings(cluster="home"),
    view=ClusterView(versions=ClusterVersions("1.36.3"), complete=True),
    stack="local",
)
APP = ApplicationTarget(
    spec=application(), manifests=(Manifest.from_body(config_map()),), from_cache=True
)
TARGET = Target(applications=(APP,))
BROKEN = RenderError("media/jellyfin", "is broken", remedy="repair it")


def test_the_same_source_has_the_same_target() -> None:
    """As long as every pass is about the same, nothing is composed again."""
    kept = Kept()
    kept.keep_target(SOURCE, TARGET)
    for _ in range(3):
        kept.begin()
        assert kept.target(replace(SOURCE)) is TARGET


@pytest.mark.parametrize(
    "source",
    [
        replace(SOURCE, commit="b" * 40),
        replace(SOURCE, root=Path("another")),
        replace(SOURCE, settings=Settings(cluster="work")),
        replace(SOURCE, view=replace(SOURCE.view, versions=ClusterVersions("1.37.0"))),
        replace(
            SOURCE,
            view=replace(SOURCE.view, versions=ClusterVersions("1.36.3", ("example.com/v1",))),
        ),
        replace(
            SOURCE,
            view=replace(
                SOURCE.view,
                served=(
                    ServedKind(
                        group="example.com",
                        kind="Widget",
                        namespaced=True,
                        versions=frozenset({"v1"}),
                        plural="widgets",
                    ),
                ),
            ),
        ),
        replace(SOURCE, stack="other"),
    ],
    ids=["commit", "tree", "settings", "version", "apis", "kinds", "stack"],
)
def test_another_source_has_none(source: Source) -> None:
    """Every part of what a target is composed from is noticed."""
    kept = Kept()
    kept.keep_target(SOURCE, TARGET)
    kept.begin()
    assert kept.target(source) is None
    assert kept.target(SOURCE) is TARGET


@pytest.mark.parametrize(
    ("source", "target"),
    [
        (SOURCE, Target(applications=(APP.broken(BROKEN),))),
        (SOURCE, Target(applications=(APP,), errors=(DiscoveryError("a", "b", remedy="c"),))),
        (SOURCE, Target(applications=(APP, replace(APP, from_cache=False)))),
        (replace(SOURCE, settings=parse({"cluster": "home", "argocd": {"paths": ["."]}})), TARGET),
    ],
    ids=["broken", "unread", "rendered", "argocd"],
)
def test_what_may_become_another_is_not_kept(source: Source, target: Target) -> None:
    """A target with an error, one that was rendered just now, and one that may depend on other
    repositories are composed again."""
    kept = Kept()
    kept.keep_target(source, target)
    assert kept.target(source) is None


def test_rollbacks_are_kept_beside_git() -> None:
    """The tree of an older commit has a target of its own."""
    older = replace(SOURCE, commit="b" * 40, root=Path("older"))
    kept = Kept()
    other = Target(applications=())
    kept.keep_target(SOURCE, TARGET)
    kept.keep_target(older, other)
    kept.begin()
    assert kept.target(older) is other
    assert kept.target(SOURCE) is TARGET


def known(body: dict[str, Any]) -> KnownObject:
    return KnownObject(live=LiveObject.from_body(body))


def test_only_the_very_same_object_is_known() -> None:
    """What is known of a live object says nothing of another that is equal."""
    body = config_map()
    kept = Kept()
    kept.keep_objects([known(body)])
    kept.begin()
    found = kept.object(body)
    assert found is not None
    assert found.live.body is body
    assert kept.object(config_map()) is None


def test_objects_that_are_gone_are_let_go() -> None:
    """An object that two passes have not seen is not held any longer."""
    body = config_map()
    kept = Kept()
    kept.keep_objects([known(body)])
    for _ in range(2):
        kept.begin()
    assert kept.object(body) is None
