"""When an Application may be synced: windows, retries, and the decision of a pass."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from gitops import projects
from gitops.application import Automated, SyncPolicy
from gitops.config import parse
from gitops.errors import ConfigError
from gitops.policy import cron, durations, retry, windows
from gitops.policy.decision import Action, Operation, Policy, State, decide
from gitops.policy.retry import Retry
from gitops.policy.windows import Calendar, SyncWindow, calendar
from tests.gitops.objects import application

TESTDATA = Path(__file__).parents[1] / "testdata" / "policy"
NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
WINDOWS = {path.stem: yaml.safe_load(path.read_text()) for path in TESTDATA.glob("windows/*.yaml")}
DECISIONS = {
    f"{path.stem}-{name}": case
    for path in sorted(TESTDATA.glob("decisions/*.yaml"))
    for name, case in yaml.safe_load(path.read_text()).items()
}


@pytest.mark.parametrize("name", sorted(WINDOWS))
def test_windows(name: str) -> None:
    """At each moment of a case the windows allow or refuse an automated and a person's sync, and
    say when they will let automation go on."""
    case = WINDOWS[name]
    found = [windows.read(each, subject="window") for each in case["windows"]]
    for moment, wanted in case["moments"].items():
        now = moment.astimezone(UTC)
        for who in ("automated", "manual"):
            said = calendar(found, application(), now=now, manual=who == "manual")
            allowed = wanted[who] is True
            assert (said == Calendar()) == allowed, (now, who, said)
            assert allowed or said.refusal.startswith(wanted[who])
        if "opens" in wanted:
            automated = calendar(found, application(), now=now, manual=False)
            assert automated.opens == (None if wanted["opens"] == "never" else wanted["opens"])


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"schedule": "0 22 * *"}, "schedule: '0 22 * *' has 4 fields"),
        ({"schedule": "@daily"}, "schedule: '@daily' has 1 fields"),
        ({"schedule": "0 22 L * *"}, "schedule: '0 22 L * *': 'L' is no list"),
        ({"schedule": "0 24 * * *"}, "schedule: "),
        ({"schedule": "0 0 30 2 *"}, "schedule: "),
        ({"schedule": "0 0 31 4,6 *"}, "schedule: "),
        ({"duration": "1 hour"}, "duration: '1 hour' is no duration"),
        ({"duration": "0s"}, "duration: it lasts no time"),
        ({"duration": "9000h"}, "duration: '9000h' is longer than a year"),
        ({"timeZone": "Europe/Berlim"}, "timeZone: 'Europe/Berlim' is no time zone"),
        ({"timeZone": "../zone"}, "timeZone: '../zone' is no time zone"),
    ],
)
def test_refused_window(values: Mapping[str, Any], told: str) -> None:
    """What ArgoCD would find out at the time of a sync is refused with its place."""
    window = {"kind": "deny", "schedule": "0 22 * * *", "duration": "1h", **values}
    with pytest.raises(ConfigError) as refusal:
        projects.read({"name": "apps", "syncWindows": [window]})
    assert str(refusal.value).startswith(f"AppProject apps: syncWindows[0].{told}")


def test_windows_in_the_config() -> None:
    """A project's windows are read from the stack's config; a wrong word is refused there."""
    window = {"kind": "allow", "schedule": "0 6 * * mon-fri", "duration": "8h", "namespaces": ["*"]}
    values = {"cluster": "local", "projects": [{"name": "apps", "syncWindows": [window]}]}
    project = next(each for each in parse(values).projects if each.name == "apps")
    (found,) = project.sync_windows
    assert found == SyncWindow(
        allows=True, schedule="0 6 * * mon-fri", duration="8h", namespaces=("*",)
    )
    window["kind"] = "maybe"
    with pytest.raises(ConfigError, match="use one of allow, deny"):
        parse(values)


@pytest.mark.parametrize(
    ("schedule", "moment", "wanted"),
    [
        ("*/20 * * * *", "2026-05-01T10:39:59", "2026-05-01T10:20"),
        ("5/20 * * * *", "2026-05-01T10:04", "2026-05-01T09:45"),
        ("0 6 * * MON-fri", "2026-05-03T12:00", "2026-05-01T06:00"),
        ("0 6 1 * *", "2026-05-01T06:00", "2026-05-01T06:00"),
        ("0 0 29 feb ?", "2026-05-01T06:00", "2024-02-29T00:00"),
        # either day is enough where both are restricted; with a star both have to fit
        ("0 0 13 * 5", "2026-05-12T00:00", "2026-05-08T00:00"),
        ("0 0 13 * 5", "2026-05-14T00:00", "2026-05-13T00:00"),
        ("0 0 */2 * 5", "2026-05-12T00:00", "2026-05-01T00:00"),
    ],
)
def test_schedules(schedule: str, moment: str, wanted: str) -> None:
    """A schedule means what it means to ArgoCD's parser."""
    assert cron.before(schedule, datetime.fromisoformat(moment)) == datetime.fromisoformat(wanted)


@given(
    schedule=st.sampled_from(["0 * * * *", "30 2 * * *", "15,45 1-3 * * 0", "0 0 */2 * *"]),
    duration=st.sampled_from(["10m", "1h", "90m", "25h"]),
    zone=st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe"]),
    minutes=st.integers(min_value=0, max_value=366 * 24 * 60),
)
def test_nothing_changes_before_the_next_change(
    schedule: str, duration: str, zone: str, minutes: int
) -> None:
    """A window is as it is until the time it says, in every zone and on the days on which the
    clock is put forward or back too, except that going back may open or close it earlier."""
    window = SyncWindow(allows=True, schedule=schedule, duration=duration, time_zone=zone)
    now = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)
    change = window.next_change(now)
    assert change > now
    local = [moment.astimezone(window_zone(zone)).utcoffset() for moment in (now, change)]
    if local[0] == local[1]:
        between = now + (change - now) * 0.999
        assert window.is_open(between) == window.is_open(now)


def window_zone(name: str) -> Any:
    from zoneinfo import ZoneInfo

    return ZoneInfo(name)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("5s", 5), ("3m", 180), ("1h30m", 5400), ("1.5h", 5400), ("300ms", 0.3), ("90", 90)],
)
def test_durations(text: str, seconds: float) -> None:
    """Go's durations, and a bare number of seconds."""
    assert durations.parse(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize("text", ["", "h", "-5s", "1d", "5 s", "\uff15s"])
def test_no_duration(text: str) -> None:
    """What Go refuses is refused."""
    with pytest.raises(ValueError, match="no duration"):
        durations.parse(text)


def test_default_retries() -> None:
    """Five retries after 5, 10, 20, 40 and 80 seconds, then no more."""
    found = retry.read({})
    times = [found.next_attempt(ended=NOON, retries=n) for n in range(6)]
    assert times == [*(NOON + timedelta(seconds=5 * 2**n) for n in range(5)), None]


@given(st.integers(0, 10**6), st.integers(0, 10**6), st.integers(0, 10**6))
def test_a_delay_never_grows_beyond_its_limit(factor: int, retries: int, longest: int) -> None:
    """Whatever the factor and however often it was tried, there is an answer, and a limit."""
    found = Retry(factor=factor, max_duration=timedelta(seconds=longest))
    limit = timedelta(seconds=longest) or timedelta(days=366)
    assert timedelta() <= found.delay(retries) <= limit


def policy_of(case: Mapping[str, Any]) -> Policy:
    """A case's policy: automated with prune unless it says otherwise."""
    automated = Automated(prune=case.get("prune", True), self_heal=case.get("self_heal", False))
    policy = SyncPolicy(automated=automated if case.get("automated", True) else None)
    window = {**case["window"], "applications": ["*"]} if "window" in case else None
    return Policy(
        spec=replace(application(), sync_policy=policy),
        windows=[windows.read(window, subject="window")] if window else [],
        retry=retry.read(case.get("retry", {})),
    )


def state_of(case: Mapping[str, Any]) -> State:
    """A case's state; Git wants the revision ``new``."""
    last = case.get("last")
    return State(
        revision="new",
        synced=case.get("synced", False),
        only_prune=case.get("only_prune", False),
        holds_deletion=case.get("holds_deletion", ""),
        left_deletions=case.get("left_deletions", False),
        resettled=case.get("resettled", False),
        last=last
        and Operation(
            revision=last.get("revision", "new"),
            succeeded=last["succeeded"],
            ended=NOON - durations.parse(last["ago"]),
            retries=last.get("retries", 0),
        ),
        paused=case.get("paused", False),
        rolled_back=case.get("rolled_back", ""),
        asked=case.get("asked", False),
    )


@pytest.mark.parametrize("name", sorted(DECISIONS))
def test_decisions(name: str) -> None:
    """Each case, at noon, leads to its decision, for its reason, and to its next time."""
    case = DECISIONS[name]
    found = decide(policy_of(case), state_of(case), now=NOON)
    assert found.action == case["decision"], found
    assert case.get("because", "") in found.reason
    assert found.reason
    if "in" in case:
        assert found.at == NOON + durations.parse(case["in"])
    assert found.retries == case.get("retries", found.retries)
    if found.action is Action.SYNC:
        assert found.prune == case.get("pruned", case.get("prune", True))


def test_every_action_is_tried() -> None:
    """No action is only a name."""
    assert {case["decision"] for case in DECISIONS.values()} == set(Action)


@pytest.mark.parametrize("name", sorted(DECISIONS))
def test_what_waits_goes_on_at_its_time(name: str) -> None:
    """Looked at again at its time, a waiting Application is synced or waits for something else."""
    case = DECISIONS[name]
    policy, state = policy_of(case), state_of(case)
    found = decide(policy, state, now=NOON)
    if found.action is Action.WAIT and found.at is not None:
        later = decide(policy, state, now=found.at)
        assert later.action is Action.SYNC or later.at != found.at
