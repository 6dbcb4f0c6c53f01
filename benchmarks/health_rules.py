"""For how many kinds does the general health rule suffice, and what does judging cost?

Called by the command line like a scenario; it needs no cluster. The cases of
``tests/testdata/health`` are judged as ``assess`` does it, then by the conventions alone: these
suffice for a kind where every case of it gets its status from them.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.checkout import REPOSITORY, BenchmarkError
from benchmarks.measurements import Limits
from benchmarks.report import Row, Sample
from benchmarks.scenarios import Scenario
from gitops import yaml_reader
from gitops.health import assess, conditions
from gitops.health.assessment import RULES
from gitops.health.fields import SurpriseError

NAME = "health-rules"
CASES = REPOSITORY / "tests" / "testdata" / "health"
Kind = tuple[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Case:
    name: str
    kind: Kind
    live: Mapping[str, Any]
    now: datetime
    status: str


def measure(_directory: Path, limits: Limits) -> Iterator[Row]:
    """Measure; the second row has the shares, and in its note the kinds that need a rule.

    Raises:
        BenchmarkError: a case does not get its status, so that the shares would say nothing.
    """
    cases = list(_cases())
    scenario = Scenario(name=NAME, description="health cases", application="", edited="", repeats=5)
    wrong = [each.name for each in cases if _assessed(each) != each.status]
    if wrong:
        raise BenchmarkError(f"these cases do not get their status: {', '.join(wrong)}")
    runs = [_judged(cases, _assessed) for _ in limits.cheap(scenario)]
    yield Row(scenario=NAME, measurement="assess", objects=len(cases), samples=runs)
    runs = [_judged(cases, _by_convention) for _ in limits.cheap(scenario)]
    suffices = _suffices(cases)
    custom = {kind: enough for kind, enough in suffices.items() if kind not in RULES}
    yield Row(
        scenario=NAME,
        measurement="the general rule alone",
        objects=len(cases),
        samples=runs,
        note=f"suffices for {_share(suffices)}; of the custom resources for {_share(custom)}; "
        f"others: {', '.join(_named(each) for each in sorted(suffices) if not suffices[each])}",
    )


def _cases() -> Iterator[_Case]:
    for path in sorted(CASES.glob("*.yaml")):
        (case,) = yaml_reader.load(path.read_text(encoding="utf-8"), source=path.name)
        live = case["object"]
        kind = _kind(live)
        if kind is None or live["metadata"].get("deletionTimestamp"):
            continue
        now = datetime.fromisoformat(case["now"]) if "now" in case else datetime.now(UTC)
        yield _Case(name=path.stem, kind=kind, live=live, now=now, status=case["status"])


def _kind(live: Any) -> Kind | None:
    if not isinstance(live, Mapping) or not isinstance(live.get("metadata"), Mapping):
        return None
    version, kind = live.get("apiVersion"), live.get("kind")
    if not isinstance(version, str) or not isinstance(kind, str):
        return None
    return version.rpartition("/")[0], kind


def _judged(cases: list[_Case], judge: Callable[[_Case], str]) -> Sample:
    began, cpu = time.perf_counter(), time.process_time()
    for each in cases:
        judge(each)
    return Sample(seconds=time.perf_counter() - began, cpu_seconds=time.process_time() - cpu)


def _assessed(case: _Case) -> str:
    return assess(case.live, now=case.now).status


def _by_convention(case: _Case) -> str:
    group, kind = case.kind
    try:
        return conditions.any_kind(case.live, group=group, kind=kind, now=case.now).status
    except SurpriseError:
        return "Unknown"


def _suffices(cases: list[_Case]) -> dict[Kind, bool]:
    found: dict[Kind, bool] = {}
    for each in cases:
        found[each.kind] = found.get(each.kind, True) and _by_convention(each) == each.status
    return found


def _named(kind: Kind) -> str:
    group, name = kind
    return f"{group}/{name}" if group else name


def _share(suffices: Mapping[Kind, bool]) -> str:
    enough = sum(suffices.values())
    return f"{enough} of {len(suffices)} kinds ({enough / len(suffices):.0%})"
