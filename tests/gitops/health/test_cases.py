"""Health of live objects: one data file per case, each with the status and message it must get."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from gitops import yaml_reader
from gitops.health import Health, HealthStatus, assess

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


def test_every_status_is_tried() -> None:
    """The cases are all found, and together they cover each status an object can have."""
    assert len(CASES) >= 200
    assert {read(path)["status"] for path in CASES} == {status.value for status in HealthStatus}
