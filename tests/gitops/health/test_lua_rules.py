"""Health scripts of the user's: one data file per script, each with what must come of it."""

from __future__ import annotations

import subprocess
import sys
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from gitops.health import Health, HealthStatus, UserRule, UserRules, assess, assess_all
from tests.gitops.health.test_cases import read

SCRIPTS = sorted((Path(__file__).parents[2] / "testdata/health/scripts").glob("*.yaml"))
NAMED = 'return {status = "Healthy", message = obj.metadata.name}'


def widget(name: str, *, kind: str = "Widget") -> dict[str, Any]:
    return {"apiVersion": "example.org/v1", "kind": kind, "metadata": {"name": name}}


def rule(script: str, pattern: str = "example.org/Widget", *, libraries: bool = False) -> UserRule:
    return UserRule(pattern=pattern, script=script, open_libraries=libraries)


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.stem)
def test_a_script_gives_the_status_of_its_case(path: Path) -> None:
    """A script gives what it says; one that fails, or tries what it may not, gives Unknown."""
    case = read(path)
    now = datetime.fromisoformat(case["now"]) if "now" in case else None
    asked = rule(case["script"], libraries=case.get("open_libraries", False))
    with UserRules([asked]) as rules:
        found = assess(case["object"], now=now, rules=rules)
    assert found == Health(status=HealthStatus(case["status"]), message=case["message"])


def test_a_script_that_does_not_end_costs_its_object_alone() -> None:
    """The objects before and after it are judged, by this script and by others."""
    endless = 'if obj.metadata.name == "3" then while true do end end ' + NAMED
    objects = [widget(str(number)) for number in range(8)] + [widget("other", kind="Gadget")]
    with UserRules([rule(endless), rule(NAMED, "example.org/Gadget")]) as rules:
        found = assess_all(objects, rules=rules)
    assert [health.message for health in found if health.status == "Healthy"] == [
        *("0", "1", "2", "4", "5", "6", "7"),
        "other",
    ]
    assert found[3].status is HealthStatus.UNKNOWN


def test_an_object_that_is_no_json_costs_itself_alone() -> None:
    """What cannot be given to a script, or is too deep for it, leaves the others' answers alone."""
    deep: dict[str, Any] = {}
    for _ in range(5000):
        deep = {"a": deep}
    shallow: dict[str, Any] = {}
    for _ in range(300):
        shallow = {"a": shallow}
    spoilt = [{"spec": deep}, {"spec": shallow}, {"spec": 10**5000}, {"spec": {1, 2}}]
    objects = [widget("first"), *(widget("x") | each for each in spoilt), widget("last")]
    with UserRules([rule(NAMED)]) as rules:
        first, *found, last = assess_all(objects, rules=rules)
    assert (first.message, last.message) == ("first", "last")
    assert {health.status for health in found} == {HealthStatus.UNKNOWN}
    assert all("nested too deeply" in health.message for health in found)


def test_a_script_that_never_ends_is_given_up() -> None:
    """After three objects the rest are not tried: a run must not wait a second for each."""
    with UserRules([rule("while true do end")]) as rules:
        found = assess_all([widget(str(number)) for number in range(50)], rules=rules)
    assert {health.status for health in found} == {HealthStatus.UNKNOWN}
    assert [health.message.endswith("took more than 1 s") for health in found].count(True) == 3
    assert found[-1].message.endswith("not tried again: it was ended too often")


def test_one_worker_serves_a_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """It starts with the first object a script is for, and ends with the run."""
    started: list[subprocess.Popen[bytes]] = []

    class Counted(subprocess.Popen[bytes]):
        def __init__(self, *arguments: Any, **options: Any) -> None:
            started.append(self)
            super().__init__(*arguments, **options)

    monkeypatch.setattr(subprocess, "Popen", Counted)
    with UserRules([rule(NAMED)]) as rules:
        assess_all([widget("a", kind="Gadget")], rules=rules)
        assert not started
        for name in ("a", "b"):
            assert assess(widget(name), rules=rules).message == name
    assert len(started) == 1
    assert started[0].returncode is not None


def test_scripts_share_nothing() -> None:
    """What a script leaves in its globals, or changes in a library, is not there the next time."""
    spoiling = (
        'local left = left_behind left_behind = "x" local broken = string.find == nil '
        "string.find = nil "
        'return {status = "Healthy", message = tostring(left) .. tostring(broken)}'
    )
    with UserRules([rule(spoiling)]) as rules:
        found = assess_all([widget("a"), widget("b")], rules=rules)
    assert [health.message for health in found] == ["nilfalse", "nilfalse"]


def test_a_script_leaves_the_object_alone() -> None:
    """It gets a copy."""
    live = widget("a")
    with UserRules([rule('obj.metadata.name = "b" return {status = "Healthy"}')]) as rules:
        assess(live, rules=rules)
    assert live == widget("a")


def test_threads_share_a_worker() -> None:
    """Answers reach those who asked."""
    found: dict[int, list[Health]] = {}
    with UserRules([rule(NAMED)]) as rules:

        def ask(number: int) -> None:
            found[number] = assess_all([widget(f"{number}-{n}") for n in range(20)], rules=rules)

        threads = [threading.Thread(target=ask, args=(number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    for number, healths in found.items():
        assert [health.message for health in healths] == [f"{number}-{n}" for n in range(20)]


def test_a_script_comes_before_our_rule_and_after_deletion() -> None:
    """As in ArgoCD: it replaces a built-in rule, and what is deleted is Progressing."""
    deployment = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}}
    deleted = {
        **deployment,
        "metadata": {"name": "web", "deletionTimestamp": "2026-05-01T12:00:00Z"},
    }
    with UserRules([rule('return {status = "Suspended"}', "apps/Deployment")]) as rules:
        statuses = [health.status for health in assess_all([deployment, deleted], rules=rules)]
    assert statuses == [HealthStatus.SUSPENDED, HealthStatus.PROGRESSING]


@pytest.mark.parametrize(
    "spoilt",
    [
        {"metadata": {"name": "\ud800"}},
        {"metadata": {"name": "a", "labels": {"\x00": "\x00"}}},
        {"status": {"number": 10**400, "ratio": 1e308, "list": [None, [], {}]}},
        {"status": float("inf")},
    ],
    ids=["lone-surrogate", "zero-bytes", "huge-number", "infinity"],
)
def test_strange_values_reach_a_script(spoilt: dict[str, Any]) -> None:
    """Whatever JSON can hold, a script can be asked about."""
    with UserRules([rule('return {status = "Healthy"}')]) as rules:
        assert assess(widget("a") | spoilt, rules=rules).status is HealthStatus.HEALTHY


def test_an_object_nested_too_deeply_is_unknown() -> None:
    """It stops neither the script's worker nor the run."""
    nested: dict[str, Any] = {}
    for _ in range(100_000):
        nested = {"a": nested}
    with UserRules([rule(NAMED)]) as rules:
        found = assess_all([widget("a") | {"spec": nested}, widget("b")], rules=rules)
    assert [health.status for health in found] == [HealthStatus.UNKNOWN, HealthStatus.HEALTHY]


def test_health_without_scripts_loads_no_lua() -> None:
    """Importing and using the package costs nobody Lua who has no script."""
    program = (
        "import sys; from gitops.health import assess; "
        "assess({'kind': 'Pod', 'apiVersion': 'v1'}); "
        "assert not [name for name in sys.modules if name.startswith('lupa')]"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)


def test_the_scripts_clock_is_the_run_s() -> None:
    """Scripts that compare times go by the clock the caller gives, as our rules do."""
    asked = rule('return {status = "Healthy", message = tostring(os.time())}')
    with UserRules([asked]) as rules:
        health = assess(widget("a"), now=datetime(2026, 5, 1, tzinfo=UTC), rules=rules)
    assert health.message == "1777593600"
