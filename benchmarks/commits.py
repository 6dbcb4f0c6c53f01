"""What does a pass cost: with nothing to do, and after a commit to one Application?

Called by the scenarios that measure passes: a working copy becomes a repository, and each commit
changes one object. A pass is measured as a job runs it, with the start of its process, and inside
``--loop``, by its own report.
"""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

from benchmarks.checkout import STACK, BenchmarkError, Checkout
from benchmarks.measuring import Run
from benchmarks.report import Sample

_COMMAND = (sys.executable, "-m", "reconciler.cli", "reconcile", "--json", "--stack", STACK)
_AUTHOR = ("-c", "user.name=bench", "-c", "user.email=bench@home-ops.example")
_LOOPS = 6


class Commits:
    """Commits to a working copy, and the passes over it.

    Args:
        checkout: a working copy with a cluster and a stack.
    """

    def __init__(self, checkout: Checkout) -> None:
        self._checkout = checkout
        self._git("init", "--quiet", "--initial-branch", "main")
        self.commit()

    def commit(self) -> None:
        """Commit what there is."""
        self._git("add", "--all")
        self._git("commit", "--quiet", "--allow-empty", "--message", "Change something")

    def edited(self) -> Sample:
        """A commit that changes one object, and the pass that applies it, alone.

        Raises:
            BenchmarkError: the pass did something else.
        """
        self._checkout.edit()
        self.commit()
        sample, report = self.once()
        if report["engine"]["full"] or report["engine"]["runs"] != 1:
            raise BenchmarkError(f"not one run of one Application: {report['engine']}")
        return sample

    def nothing(self) -> tuple[Sample, dict[str, Any]]:
        """A pass that finds nothing to do, and its report.

        Raises:
            BenchmarkError: it started the engine, or asked more than once for a kind.
        """
        sample, report = self.once()
        if report["engine"]["runs"]:
            raise BenchmarkError(f"the engine was started: {report['engine']}")
        return sample, report

    def once(self) -> tuple[Sample, dict[str, Any]]:
        """One pass, and its report."""
        run = self._checkout.run(*_COMMAND, "--once")
        report = json.loads(run.output)
        print(f"  {json.dumps(report['timings'])}", file=sys.stderr)
        return sample_of(run), report

    def loop(self) -> list[dict[str, Any]]:
        """The reports of some passes of one process with nothing to do, without the first, which
        opens everything."""
        process = subprocess.Popen(
            [*_COMMAND, "--loop", "--interval", "1s"],
            cwd=self._checkout.root,
            env=self._checkout.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            assert process.stdout is not None
            reports = [json.loads(process.stdout.readline()) for _ in range(_LOOPS)]
        finally:
            process.terminate()
            process.wait(timeout=self._checkout.timeout)
        for each in reports:
            print(f"  {json.dumps(each['timings'])}", file=sys.stderr)
        return reports[1:]

    def _git(self, *arguments: str) -> None:
        self._checkout.run("git", *_AUTHOR, *arguments)


def sample_of(run: Run) -> Sample:
    """What a command cost."""
    return Sample(seconds=run.seconds, cpu_seconds=run.cpu_seconds, peak_bytes=run.peak_bytes)
