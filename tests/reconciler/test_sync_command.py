"""What a person is told of a sync, and with which exit code it ends."""

from __future__ import annotations

import argparse
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from gitops.comparison import Comparison, ObjectDrift, Why
from gitops.errors import RenderError
from gitops.health import Health, HealthStatus
from gitops.objects.manifest import ResourceKey
from gitops.policy.decision import Action, Decision
from gitops.records.record import ApplicationRecord
from reconciler.commands import sync
from reconciler.commands.exit_codes import ExitCode
from reconciler.passes.records import Synced
from reconciler.passes.report import ApplicationReport, Report

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
KEY = ResourceKey(group="", kind="ConfigMap", namespace="media", name="settings")
SYNC = Decision(action=Action.SYNC, reason="asked for")
WINDOW = Decision(action=Action.WAIT, reason="deny window", at=NOW + timedelta(hours=1))
ERROR = RenderError("media/a", "is broken", remedy="repair it")


def report(
    *whys: Why,
    decision: Decision = SYNC,
    failure: str = "",
    error: RenderError | None = None,
    name: str = "home-a",
) -> Report:
    drifts = tuple(ObjectDrift(key=KEY, api_version="v1", why=why) for why in whys)
    comparison = Comparison(application=name, drifts=drifts, error=error)
    synced = Synced(decision=decision, started=NOW, finished=NOW, failure=failure)
    one = ApplicationReport(
        name=name,
        subject="media/a",
        found=comparison,
        decision=decision,
        comparison=comparison,
        health=Health(status=HealthStatus.HEALTHY),
        record=ApplicationRecord(name=name),
        synced=synced if decision is SYNC and error is None else None,
    )
    found = Report(stack="home", started=NOW, applications=[one], asked=frozenset({"home-a"}))
    found.runs = 1
    return found


def ended(found: Report, *, dry: bool = False, output: str = "table") -> ExitCode:
    return sync._told([found], argparse.Namespace(output=output, dry_run=dry, prune=False))


@pytest.mark.parametrize(
    ("found", "code", "words"),
    [
        (report(), ExitCode.OK, ""),
        (report(failure="media/a: refused"), ExitCode.FAILED, "media/a: refused"),
        (report(Why.EXTRANEOUS), ExitCode.FAILED, "pass --prune"),
        (report(Why.MISSING), ExitCode.FAILED, "media/a: 1 object still differs"),
        (report(decision=WINDOW), ExitCode.FAILED, "try again at 2026-05-01T13:00:00+00:00"),
        (report(error=ERROR), ExitCode.FAILED, str(ERROR)),
        (report(failure="elsewhere", name="other"), ExitCode.OK, ""),
    ],
)
def test_how_it_ends(
    found: Report, code: ExitCode, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Only what was asked for counts; whatever is left undone is an error that says what to do."""
    assert ended(found) is code
    told = capsys.readouterr().err
    assert words in told
    assert bool(told) is bool(words)


def test_a_lease_that_stays_held(capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing was done, and the exit code says that it may be tried again."""
    held = Report(stack="home", started=NOW, held="somebody has it")
    assert ended(held) is ExitCode.HELD
    assert capsys.readouterr().err == "error: somebody has it\n"


def test_a_dry_run_tells_and_fails_for_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    """What would change is no error; a broken Application is."""
    assert ended(report(Why.MISSING), dry=True) is ExitCode.OK
    assert capsys.readouterr().out.splitlines() == [
        "media/a: would change 1 object (asked for)",
        "  ConfigMap media/settings: Missing",
    ]
    assert ended(report(error=ERROR), dry=True) is ExitCode.FAILED


def test_json_holds_what_was_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    """Of the report's Applications only those are printed."""
    mixed = report()
    mixed.applications.append(replace(mixed.applications[0], name="other"))
    assert ended(mixed, output="json") is ExitCode.OK
    told = capsys.readouterr().out
    assert '"home-a"' in told
    assert '"other"' not in told
