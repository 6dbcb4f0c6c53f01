"""What a person asks of a pass: which Applications, what of their policy, and what it ends."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from gitops.application import SyncPolicy
from gitops.application_target import ApplicationTarget
from gitops.comparison import Comparison, ObjectDrift, Why
from gitops.errors import ConfigError, RenderError
from gitops.objects.manifest import Manifest
from gitops.policy.decision import Action, Decision
from gitops.records.record import ApplicationRecord, HistoryEntry, Pinned
from gitops.rollback import RollbackError
from gitops.target import Target
from reconciler.applications import Selection
from reconciler.passes.asked import NOTHING, Asked
from reconciler.passes.deciding import Known
from reconciler.passes.records import Synced
from tests.gitops.objects import application, config_map, key_of

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
PINNED = Pinned(revision="c1", instead_of="c2", digest="d2")


def target(name: str, category: str = "media") -> ApplicationTarget:
    spec = application()
    source = replace(spec.source, path=f"apps/{category}/{name}")
    manifest = Manifest.from_body(config_map(name))
    spec = replace(
        spec,
        name=f"home-{name}",
        category=category,
        source=source,
        sync_policy=SyncPolicy(),
    )
    return ApplicationTarget(spec=spec, manifests=(manifest,))


A, B = target("a"), target("b", "tools")
GIT = Target(applications=(A, B))
HISTORY = tuple(
    HistoryEntry(id=number, revision=f"c{number}", digest=digest, deployed=NOW)
    for number, digest in enumerate(("d0", "d1", A.digest))
)
RECORD = ApplicationRecord(name="home-a", history=HISTORY)
SYNC = Decision(action=Action.SYNC, reason="asked for")
LEFT = Decision(action=Action.WAIT, reason="deny window")


def known(name: str, record: ApplicationRecord | None = None, *, drifts: bool = True) -> Known:
    drift = ObjectDrift(key=key_of(config_map(name)), api_version="v1", why=Why.MISSING)
    comparison = Comparison(application=name, drifts=(drift,) if drifts else ())
    return Known(name=name, comparison=comparison, record=record)


@pytest.mark.parametrize(
    ("asked", "names"),
    [
        (Asked(names=("media/a",)), {"home-a"}),
        (Asked(names=("home-a", "tools/b")), {"home-a", "home-b"}),
        (Asked(selection=Selection()), {"home-a", "home-b"}),
        (Asked(selection=Selection(categories=["tools"])), {"home-b"}),
        (Asked(names=("home-old",)), {"home-old"}),
        (NOTHING, set()),
    ],
)
def test_names(asked: Asked, names: set[str]) -> None:
    """Names, directories, filters, all; one that has left Git and is remembered; or nothing."""
    records = {"home-old": ApplicationRecord(name="home-old")}
    found = asked.settle(GIT, records, "c3")
    assert found.names == names
    assert bool(found) is bool(asked) is bool(names)


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        (Asked(names=("media/aa",)), 'did you mean "media/a"'),
        (Asked(selection=Selection(categories=["none"])), "accept no Application"),
        (Asked(names=("home-a",), selection=Selection(categories=["tools"])), "accept no"),
    ],
)
def test_nobody(asked: Asked, message: str) -> None:
    """An Application that is not there, and filters that leave none, are errors."""
    with pytest.raises(ConfigError, match=message):
        asked.settle(GIT, {}, "c3")


def test_rollbacks_begin_and_end() -> None:
    """A sync ends a rollback, a look at drift does not, and a rollback begins with the content it
    is instead of; back to what Git says is no rollback."""
    records = {"home-a": replace(RECORD, pinned=PINNED)}
    name = ("home-a",)
    assert Asked(names=name).settle(GIT, records, "c3").records["home-a"].pinned is None
    assert Asked(names=name, only_drift=True).settle(GIT, records, "c3").records == records
    assert NOTHING.settle(GIT, records, "c3").records == records
    back = Asked(names=name, back_to="0").settle(GIT, {"home-a": RECORD}, "c3")
    assert back.records["home-a"].pinned == Pinned(revision="c0", instead_of="c3", digest=A.digest)
    assert back.rollbacks == {"home-a"}
    assert (
        Asked(names=name, back_to="2").settle(GIT, records, "c3").records["home-a"].pinned is None
    )


def test_rollbacks_of_what_is_not_there() -> None:
    """What has left Git, and what no pass has synced, cannot be rolled back."""
    asked = Asked(names=("home-a",), back_to="0")
    with pytest.raises(RollbackError, match="no longer in Git"):
        asked.settle(Target(applications=(B,)), {"home-a": RECORD}, "c3")
    with pytest.raises(RollbackError, match="never synced"):
        asked.settle(GIT, {}, "c3")


def test_nothing_else_is_synced() -> None:
    """The syncs that policy wants wait, unless nobody asked for anything."""
    several = {"home-a": known("home-a"), "home-b": known("home-b")}
    both = {"home-a": SYNC, "home-b": SYNC}
    one = Asked(names=("home-a",)).settle(GIT, {}, "c3")
    assert {n: d.action for n, d in one.narrowed(both, several).items()} == {
        "home-a": Action.SYNC,
        "home-b": Action.WAIT,
    }
    assert NOTHING.settle(GIT, {}, "c3").narrowed(both, several) == both


def test_a_rollback_that_may_not_be() -> None:
    """A window and an error stop it before anything is written."""
    back = Asked(names=("home-a",), back_to="0").settle(GIT, {"home-a": RECORD}, "c3")
    with pytest.raises(RollbackError, match="deny window"):
        back.narrowed({"home-a": LEFT}, {"home-a": known("home-a")})
    broken = known("home-a", drifts=False)
    error = RenderError("media/a", "is broken", remedy="repair it")
    broken = replace(broken, comparison=replace(broken.comparison, error=error))
    with pytest.raises(RenderError):
        back.narrowed({"home-a": LEFT}, {"home-a": broken})


def test_prune() -> None:
    """Asked to, a sync prunes what is asked for, and nothing else gets that permission."""
    request = Asked(names=("home-a",), prune=True).settle(GIT, {}, "c3")
    a, b = request.permitting(GIT).applications
    assert (a.spec.sync_policy.prune, b.spec.sync_policy.prune) == (True, False)
    assert Asked(names=("home-a",)).settle(GIT, {}, "c3").permitting(GIT) is GIT


@pytest.mark.parametrize(
    ("failure", "ran", "begun"),
    [("", True, True), ("refused", True, True), ("stopped by the prune gate", False, False)],
)
def test_what_has_not_begun(failure: str, *, ran: bool, begun: bool) -> None:
    """A rollback counts once the engine has done anything about it; before that it has not begun,
    and one that should end has not ended."""
    back = Asked(names=("home-a",), back_to="0").settle(GIT, {"home-a": RECORD}, "c3")
    synced = Synced(decision=SYNC, started=NOW, finished=NOW, failure=failure)
    found = {"home-a": known("home-a", back.records["home-a"]), "home-b": known("home-b")}
    after = back.came_of_it(found, {"home-a": synced}, ran=ran)
    record = after["home-a"].record
    assert record is not None
    assert (record.pinned is not None) is begun
    assert after["home-b"] is found["home-b"]
