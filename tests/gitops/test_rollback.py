"""To which sync an Application may go back, and what it renders to then."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from gitops.application_target import ApplicationTarget
from gitops.errors import RenderError
from gitops.objects.manifest import Manifest
from gitops.records.record import ApplicationRecord, HistoryEntry
from gitops.rollback import RollbackError, as_it_was, entry_to, refuse_others_objects
from tests.gitops.objects import application, config_map

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
SPEC = application()
REVISION = "0123456789abcdef"


def target(*names: str, spec: str = SPEC.name) -> ApplicationTarget:
    manifests = tuple(Manifest.from_body(config_map(name)) for name in names)
    return ApplicationTarget(spec=replace(SPEC, name=spec), manifests=manifests)


def record(*revisions: str) -> ApplicationRecord:
    found = ApplicationRecord(name=SPEC.name)
    for revision in revisions:
        entry = HistoryEntry(id=0, revision=revision, digest=revision, deployed=NOW)
        found = found.deployed(entry, limit=3)
    return found


@pytest.mark.parametrize(
    ("which", "revision"),
    [("", "cccc3"), ("1", "bbbb2"), ("3", "dddd4"), ("bbbb", "bbbb2"), ("dddd4", "dddd4")],
)
def test_which_sync(which: str, revision: str) -> None:
    """By number, by the beginning of its commit, or the one before the last."""
    known = record("aaaa1", "bbbb2", "cccc3", "dddd4")
    assert entry_to(known, which, subject="media/a").revision == revision


@pytest.mark.parametrize(
    ("known", "which", "reason"),
    [
        (record(), "", "no sync is remembered"),
        (record("aaaa1"), "", "one sync is remembered"),
        (record("aaaa1", "bbbb2"), "7", "its history has no sync '7'"),
        (record("aaaa1", "bbbb2"), "aaa", "its history has no sync 'aaa'"),
        (record("aaaa1", "bbbb2", "cccc3", "dddd4"), "0", "its history has no sync '0'"),
    ],
)
def test_no_such_sync(known: ApplicationRecord, which: str, reason: str) -> None:
    """What is not remembered, or no longer, is an error that names the Application."""
    with pytest.raises(RollbackError, match=reason) as refused:
        entry_to(known, which, subject="media/a")
    assert str(refused.value).startswith("media/a: ")


def test_as_it_was() -> None:
    """It is what the older commit has of it, with objects that are not in Git any more."""
    now, then, other = target("a"), target("a", "old"), target("b", spec="other")
    assert as_it_was(now, [other, then], revision=REVISION) is then
    refuse_others_objects(then, [now, other])


def test_it_cannot_be_as_it_was() -> None:
    """It was not there then, is broken at that commit, or what it had is another's by now."""
    now, then = target("a"), target("a", "moved")
    error = RenderError("media/a", "a chart is gone", remedy="find it")
    for older, reason in (
        (target("a", spec="elsewhere"), "0123456789 has no Application"),
        (then.broken(error), "0123456789 cannot be applied: media/a: a chart is gone"),
    ):
        with pytest.raises(RollbackError, match=reason):
            as_it_was(now, [older], revision=REVISION)
    with pytest.raises(RollbackError, match=r"ConfigMap moved, .* belongs to .* now"):
        refuse_others_objects(then, [now, target("moved", spec="other")])
