"""What a pass prints, for people and for programs."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from gitops.comparison import Comparison, ObjectDrift, Why
from gitops.diff import Difference
from gitops.errors import RenderError
from gitops.health import Health, HealthStatus
from gitops.objects.manifest import ResourceKey
from gitops.policy.decision import Action, Decision
from gitops.records.record import ApplicationRecord
from reconciler.commands.reconcile import pause
from reconciler.engine.events import Changes, Outcome
from reconciler.passes.records import Synced
from reconciler.passes.report import ApplicationReport, PassOutcome, Report, as_json, lines

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
KEY = ResourceKey(group="", kind="ConfigMap", namespace="media", name="settings")
DIFFERENCE = Difference(path="data.a", target="1", live="2", manager="kubectl-edit")
DRIFT = ObjectDrift(key=KEY, api_version="v1", why=Why.DIFFERENT, differences=(DIFFERENCE,))
FINE = Comparison(application="home-media-a")
DRIFTED = Comparison(application="home-media-a", drifts=(DRIFT,))
LEFT = Decision(action=Action.OUT_OF_SYNC, reason="selfHeal is off")
SYNC = Decision(action=Action.SYNC, reason="Git wants something else")


def application(
    comparison: Comparison = FINE, decision: Decision = LEFT, synced: Synced | None = None
) -> ApplicationReport:
    return ApplicationReport(
        name="home-media-a",
        subject="media/a",
        found=comparison,
        decision=decision,
        comparison=comparison,
        health=Health(status=HealthStatus.HEALTHY),
        record=ApplicationRecord(name="home-media-a", revision="c1"),
        synced=synced,
    )


def report(*applications: ApplicationReport, runs: int = 0) -> Report:
    return Report(
        stack="home",
        started=NOW,
        commit="0123456789abcdef",
        applications=list(applications),
        runs=runs,
        timings={"live": 0.25, "compare": 0.25},
    )


def synced(failure: str = "") -> Synced:
    changes = Changes(counts={Outcome.CREATED: 2, Outcome.UNCHANGED: 9})
    return Synced(decision=SYNC, started=NOW, finished=NOW, failure=failure, changes=changes)


def test_lines() -> None:
    """People read what was done, what is left and why with the fields, and one line at the end;
    nothing about what is synced."""
    left, done = application(DRIFTED), application(decision=SYNC, synced=synced())
    assert list(lines(report(left, done, application(), runs=1))) == [
        "media/a: OutOfSync, 1 object: selfHeal is off",
        "  ConfigMap media/settings: Different",
        "    data.a: '1' in Git, '2' live (by kubectl-edit)",
        "media/a: synced (Git wants something else): 2 created",
        "0123456789: 2 Synced, 1 OutOfSync; engine 0.0 s; 0.50 s",
    ]
    assert list(lines(report())) == ["0123456789: no Application; engine not started; 0.50 s"]


def test_json() -> None:
    """Programs get everything, in a form that says its version."""
    failed = application(DRIFTED, SYNC, synced("refused"))
    found = json.loads(json.dumps(as_json(report(failed, runs=1))))
    assert (found["version"], found["outcome"], found["seconds"]) == (1, "Failed", 0.5)
    [told] = found["applications"]
    assert told["sync"] == {"status": "OutOfSync", "revision": "c1", "digest": ""}
    assert told["left"] == [
        {
            "group": "",
            "kind": "ConfigMap",
            "namespace": "media",
            "name": "settings",
            "why": "Different",
            "differences": [
                {"path": "data.a", "target": "1", "live": "2", "manager": "kubectl-edit"}
            ],
        }
    ]
    assert told["operation"]["phase"] == "Failed"
    assert told["operation"]["changes"] == {"created": 2}


def test_outcomes() -> None:
    """A pass failed when anything did, and did nothing when the engine was not started."""
    assert report(application()).outcome is PassOutcome.NOTHING
    assert report(application(DRIFTED)).outcome is PassOutcome.NOTHING
    assert report(application(synced=synced()), runs=1).outcome is PassOutcome.SYNCED
    assert report(application(synced=synced("no")), runs=1).outcome is PassOutcome.FAILED
    error = RenderError("media/a", "is broken", remedy="repair it")
    assert report(application(replace(FINE, error=error))).outcome is PassOutcome.FAILED
    held = report()
    held.held = "somebody"
    assert held.outcome is PassOutcome.HELD


@pytest.mark.parametrize(
    ("due", "least", "most"),
    [(None, 90, 110), (20, 20, 20), (500, 90, 110), (-5, 1, 1)],
)
def test_pauses(due: int | None, least: float, most: float) -> None:
    """A loop waits for its interval, give or take a tenth, or until something is due before."""
    found = report()
    found.next = NOW + timedelta(seconds=due) if due is not None else None
    assert least <= pause(found, 100, now=NOW) <= most


def test_pauses_grow_with_failures() -> None:
    """Passes that fail one after the other come less and less often, down to one in five minutes,
    or in the interval where that is longer."""
    found = report()
    for failures, least, most in ((1, 9, 11), (2, 18, 22), (4, 72, 88), (50, 270, 330)):
        assert least <= pause(found, 10, failures=failures, now=NOW) <= most
    assert 540 <= pause(found, 600, failures=9, now=NOW) <= 660
