"""What Applications are while they are rolled back."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gitops.application_target import ApplicationTarget
from gitops.errors import RenderError
from gitops.objects.manifest import Manifest
from gitops.records.record import ApplicationRecord, Pinned
from gitops.rollback import RollbackError
from gitops.target import Target
from reconciler.passes.rollback import Rollbacks
from tests.gitops.objects import application, config_map

ERROR = RenderError("media/a", "is broken", remedy="repair it")


def target(name: str, *objects: str) -> ApplicationTarget:
    manifests = tuple(Manifest.from_body(config_map(each)) for each in objects)
    return ApplicationTarget(spec=replace(application(), name=name), manifests=manifests)


def git(*applications: ApplicationTarget) -> Target:
    return Target(applications=applications)


def objects(found: Target) -> dict[str, list[str]]:
    return {a.spec.name: [m.key.name for m in a.manifests] for a in found.applications}


def rolled_back(
    now: Target, then: Target, *names: str, asked: tuple[str, ...] = ()
) -> tuple[Target, list[str]]:
    """Some Applications rolled back to one commit, and what is warned of."""
    warnings: list[str] = []
    digests = {each.spec.name: each.digest for each in now.applications}
    records = {
        name: ApplicationRecord(
            name=name,
            pinned=Pinned(revision="c1", instead_of="c2", digest=digests[name]),
        )
        for name in names
    }
    rollbacks = Rollbacks(
        records=records, composed=lambda _: then, warn=warnings.append, asked=asked
    )
    return rollbacks.applied(now), warnings


def test_only_what_is_rolled_back() -> None:
    """It is what it was, all others are what Git says now; another content in Git ends it."""
    now, then = git(target("a", "x2"), target("b", "y2")), git(target("a", "x"), target("b", "y"))
    found, warnings = rolled_back(now, then, "a")
    assert objects(found) == {"a": ["x"], "b": ["y2"]}
    assert warnings == []
    moved_on = Rollbacks(
        records={
            "a": ApplicationRecord(
                name="a", pinned=Pinned(revision="c1", instead_of="c2", digest="another")
            )
        },
        composed=lambda _: then,
        warn=warnings.append,
    )
    assert moved_on.applied(now) == now


def test_an_object_that_moved() -> None:
    """What had an object that is another's now stays what Git says, with a warning, or an error
    where somebody asks for it; with both rolled back it has its object again."""
    now, then = git(target("a"), target("b", "x")), git(target("a", "x"), target("b"))
    found, warnings = rolled_back(now, then, "a")
    assert objects(found) == {"a": [], "b": ["x"]}
    assert len(warnings) == 1
    assert "belongs to" in warnings[0]
    with pytest.raises(RollbackError):
        rolled_back(now, then, "a", asked=("a",))
    both, warnings = rolled_back(now, then, "a", "b")
    assert (objects(both), warnings) == ({"a": ["x"], "b": []}, [])


def test_broken_now_or_then() -> None:
    """What is broken in Git can be rolled back, and a warning says that it is; what was broken
    then cannot."""
    broken, whole = git(target("a", "x").broken(ERROR)), git(target("a", "x"))
    found, warnings = rolled_back(broken, whole, "a")
    assert objects(found) == {"a": ["x"]}
    assert "broken in Git: media/a: is broken" in warnings[0]
    found, warnings = rolled_back(git(target("a", "x2")), broken, "a")
    assert objects(found) == {"a": ["x2"]}
    assert "cannot be applied" in warnings[0]
