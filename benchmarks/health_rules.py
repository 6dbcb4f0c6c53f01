"""For how many kinds does the general health rule suffice? ``python -m benchmarks.health_rules``.

Judges the cases of ``tests/testdata/health`` twice: as ``assess`` does, and by the conventions
alone. A kind is sufficed where every case of it gets its status from the conventions.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from gitops import yaml_reader
from gitops.health import conditions, custom_resources
from gitops.health.assessment import RULES
from gitops.health.fields import SurpriseError

CASES = Path(__file__).parents[1] / "tests" / "testdata" / "health"
Kind = tuple[str, str]


def main() -> int:
    """Print the shares, for all kinds and for custom resources, and which kinds need a rule."""
    suffices: dict[Kind, bool] = {}
    cases = 0
    for path in sorted(CASES.glob("*.yaml")):
        (case,) = yaml_reader.load(path.read_text(encoding="utf-8"), source=path.name)
        live = case["object"]
        kind = _kind(live)
        if kind is None or live["metadata"].get("deletionTimestamp"):
            continue
        cases += 1
        suffices[kind] = suffices.get(kind, True) and _by_convention(case, kind) == case["status"]
    custom = {kind: enough for kind, enough in suffices.items() if kind not in RULES}
    print(f"{cases} cases of {len(suffices)} kinds")
    print(f"the general rule suffices for {_share(suffices)}")
    print(f"of the custom resources among them, for {_share(custom)}")
    needed = sorted(each for each, enough in suffices.items() if not enough)
    print(f"a rule of their own need: {', '.join(map(_named, needed))}")
    unneeded = sorted(each for each in custom_resources.RULES if suffices.get(each))
    print(f"rules for a message alone: {', '.join(map(_named, unneeded)) or 'none'}")
    return 0


def _named(kind: Kind) -> str:
    group, name = kind
    return f"{group}/{name}" if group else name


def _kind(live: Any) -> Kind | None:
    if not isinstance(live, Mapping) or not isinstance(live.get("metadata"), Mapping):
        return None
    version, kind = live.get("apiVersion"), live.get("kind")
    if not isinstance(version, str) or not isinstance(kind, str):
        return None
    return version.rpartition("/")[0], kind


def _by_convention(case: Mapping[str, Any], kind: Kind) -> str:
    now = datetime.fromisoformat(case["now"]) if "now" in case else datetime.now(UTC)
    try:
        return conditions.any_kind(case["object"], group=kind[0], kind=kind[1], now=now).status
    except SurpriseError:
        return "Unknown"


def _share(suffices: Mapping[Kind, bool]) -> str:
    enough = sum(suffices.values())
    return f"{enough} of {len(suffices)} kinds ({enough / len(suffices):.0%})"


if __name__ == "__main__":
    sys.exit(main())
