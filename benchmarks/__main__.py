"""The command line: which scenarios, how often, how long.

Run as ``python -m benchmarks``, in the environment ``make env`` prints.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks import health_rules, reconcile, report, separate, shards, status, waves
from benchmarks.checkout import REPOSITORY, BenchmarkError
from benchmarks.measurements import Limits, measure
from benchmarks.report import Row
from benchmarks.scenarios import SCENARIOS

APART = {
    each.NAME: each.measure for each in (status, waves, health_rules, reconcile, separate, shards)
}
MEASURED = (*SCENARIOS, *APART)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; 1 where a scenario failed. A missed target is shown, not an error."""
    options = _parser().parse_args(arguments)
    # also where the output is a file or a pipe, whoever waits sees every figure at once
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    conditions = report.conditions(REPOSITORY)
    print(report.describe(conditions))
    print(report.header())
    rows: list[Row] = []
    failed = False
    limits = Limits(runs=options.runs, until=time.monotonic() + options.seconds)
    for name in options.scenario or MEASURED:
        if time.monotonic() > limits.until:
            print(f"{name}: left out, the {options.seconds:g} s are over (--seconds)")
            continue
        failed |= not _measure(name, limits, rows)
    load = " ".join(f"{each:.1f}" for each in os.getloadavg())
    print(f"load average at the end {load}")
    if options.json:
        content = json.dumps(report.as_json(conditions, rows), indent=2)
        options.json.write_text(content + "\n", encoding="utf-8")
    return 1 if failed else 0


def _measure(name: str, limits: Limits, rows: list[Row]) -> bool:
    with tempfile.TemporaryDirectory(prefix="home-ops-bench-") as directory:
        try:
            place = Path(directory)
            apart = APART.get(name)
            found = apart(place, limits) if apart else measure(SCENARIOS[name](), place, limits)
            for row in found:
                rows.append(row)
                print(report.line(row))
        except BenchmarkError as error:
            print(f"{name}: {error}", file=sys.stderr)
            return False
    return True


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description="Measure rendering, syncing, previewing and status.",
    )
    parser.add_argument(
        "scenario",
        nargs="*",
        choices=[[], *MEASURED],
        help=f"what to measure (default: all): {', '.join(MEASURED)}",
    )
    parser.add_argument(
        "--runs",
        type=int,
        default=0,
        help="how often to measure (default: once, three times what is cheap)",
    )
    parser.add_argument(
        "--seconds",
        type=float,
        default=3600.0,
        help="start and repeat nothing after so many seconds (default: 3600)",
    )
    parser.add_argument("--json", type=Path, help="write all figures to this file as well")
    return parser


if __name__ == "__main__":
    sys.exit(main())
