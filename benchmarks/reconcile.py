"""What does a pass cost? Nothing to do, a look for drift, and a commit to one Application.

Called by the command line like a scenario. A pass is measured as a job runs it, with the start of
its process, and inside `--loop`, by its own report.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks.checkout import STACK, BenchmarkError, Checkout
from benchmarks.measurements import Limits
from benchmarks.report import Row, Sample
from benchmarks.scenarios import Scenario, small60

NAME = "reconcile"
_COMMAND = (sys.executable, "-m", "reconciler.cli", "reconcile", "--json", "--stack", STACK)
_LOOPS = 6
_REPEATS = 3
_NO_OP, _NO_OP_LOOP, _DRIFT, _COMMIT = 2.0, 1.0, 1.0, 3.0
_AUTHOR = ("-c", "user.name=bench", "-c", "user.email=bench@home-ops.example")


def measure(directory: Path, limits: Limits) -> Iterator[Row]:
    """Measure in an empty folder.

    Raises:
        BenchmarkError: a command failed, or a pass did not do what is measured.
    """
    timeout = max(60.0, limits.until - time.monotonic())
    checkout = Checkout(directory, _scenario(directory), timeout=timeout)
    repeats = limits.runs or _REPEATS
    try:
        checkout.start_cluster()
        checkout.make_stack()
        _git(checkout, "init", "--quiet", "--initial-branch", "main")
        _commit(checkout)
        yield _row(checkout, "first pass", [_once(checkout, runs=1)[0]])
        nothing = [_once(checkout, runs=0) for _ in range(repeats)]
        lists = nothing[0][1]["lists"]
        told = f"{lists['requests']} LISTs, {lists['bytes'] / 1e6:.1f} MB"
        yield _row(checkout, f"no-op, {told}", [each[0] for each in nothing], target=_NO_OP)
        loop = _loop(checkout)
        yield _row(
            checkout, "no-op in --loop", [_sample(each) for each in loop], target=_NO_OP_LOOP
        )
        drift = [Sample(seconds=_part(each, "live") + _part(each, "compare")) for each in loop]
        yield _row(checkout, "drift scan in --loop", drift, target=_DRIFT)
        changed = []
        for _ in range(repeats):
            checkout.edit()
            _commit(checkout)
            changed.append(_once(checkout, runs=1)[0])
        yield _row(checkout, "commit to one Application", changed, target=_COMMIT)
        checkout.edit()
        yield _row(checkout, "the same through pulumi up", [_up(checkout)])
    finally:
        checkout.stop()


def _scenario(directory: Path) -> Scenario:
    small = small60()
    source = {"repoURL": str(directory / "repository"), "targetRevision": "main"}
    return replace(small, name=NAME, settings={**small.settings, "source": source})


def _once(checkout: Checkout, *, runs: int) -> tuple[Sample, dict[str, Any]]:
    run = checkout.run(*_COMMAND, "--once")
    report = json.loads(run.output)
    if report["engine"]["runs"] != runs:
        raise BenchmarkError(f"the engine ran {report['engine']['runs']} times, not {runs}")
    print(f"  {json.dumps(report['timings'])}", file=sys.stderr)
    sample = Sample(seconds=run.seconds, cpu_seconds=run.cpu_seconds, peak_bytes=run.peak_bytes)
    return sample, report


def _loop(checkout: Checkout) -> list[dict[str, Any]]:
    """The reports of some passes of one process, without the first, which opens everything."""
    process = subprocess.Popen(
        [*_COMMAND, "--loop", "--interval", "1s"],
        cwd=checkout.root,
        env=checkout.environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        reports = [json.loads(process.stdout.readline()) for _ in range(_LOOPS)]
    finally:
        process.terminate()
        process.wait(timeout=checkout.timeout)
    for each in reports:
        print(f"  {json.dumps(each['timings'])}", file=sys.stderr)
    return reports[1:]


def _up(checkout: Checkout) -> Sample:
    run = checkout.up()
    return Sample(seconds=run.seconds, cpu_seconds=run.cpu_seconds, peak_bytes=run.peak_bytes)


def _sample(report: dict[str, Any]) -> Sample:
    return Sample(seconds=float(report["seconds"]))


def _part(report: dict[str, Any], name: str) -> float:
    return float(report["timings"][name])


def _commit(checkout: Checkout) -> None:
    _git(checkout, "add", "--all")
    _git(checkout, "commit", "--quiet", "--message", "Change something")


def _git(checkout: Checkout, *arguments: str) -> None:
    checkout.run("git", *_AUTHOR, *arguments)


def _row(
    checkout: Checkout, measurement: str, samples: list[Sample], *, target: float | None = None
) -> Row:
    return Row(
        scenario=NAME,
        measurement=measurement,
        objects=checkout.scenario.objects,
        samples=samples,
        target=target,
    )
