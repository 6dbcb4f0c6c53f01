"""Health of live objects: one data file per case, each with the status and message it must get."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from gitops import yaml_reader
from gitops.health import Health, HealthStatus, assess, custom_resources
from gitops.health.assessment import RULES

CASES = sorted((Path(__file__).parents[2] / "testdata" / "health").glob("*.yaml"))


def read(path: Path) -> dict[str, Any]:
    """The one document of a case."""
    (case,) = yaml_reader.load(path.read_text(encoding="utf-8"), source=path.name)
    assert isinstance(case, dict)
    return case


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_an_object_gets_the_status_and_message_of_its_case(path: Path) -> None:
    """Each kind and condition gets the status ArgoCD's users expect, with the cause in one line."""
    case = read(path)
    now = datetime.fromisoformat(case["now"]) if "now" in case else None
    expected = Health(status=HealthStatus(case["status"]), message=case["message"])
    assert assess(case["object"], now=now) == expected


def kinds_of(cases: Iterable[dict[str, Any]]) -> set[tuple[str, str]]:
    """Group and kind of the objects that have any."""
    return {
        (live["apiVersion"].rpartition("/")[0], live["kind"])
        for case in cases
        if isinstance(live := case["object"], dict)
        and isinstance(live.get("kind"), str)
        and isinstance(live.get("apiVersion"), str)
    }


def test_every_status_and_every_rule_is_tried() -> None:
    """The cases are all found, and together they cover each status and each rule of ours."""
    cases = [read(path) for path in CASES]
    kinds = kinds_of(cases)
    assert len(cases) >= 500
    assert len(kinds) >= 150
    assert {case["status"] for case in cases} == {status.value for status in HealthStatus}
    assert {*RULES, *custom_resources.TIMED_RULES} <= kinds
    tried = {custom_resources.RULES.get(kind) for kind in kinds}
    assert {*custom_resources.RULES.values()} <= tried
    groups = {group for group, _ in kinds}
    tried = {rule for group, rule in custom_resources.GROUPS.items() if group in groups}
    assert {*custom_resources.GROUPS.values()} <= tried
    assert {*custom_resources.FAMILIES} <= {".".join(group.split(".")[-2:]) for group in groups}
