"""What does ``gitops reconcile`` do?

Called by the command line. One pass, or passes until somebody says that it is enough; what a pass
found and did is printed after each.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from reconciler.commands import shards_argument
from reconciler.commands.app import duration
from reconciler.commands.exit_codes import ExitCode
from reconciler.commands.trigger import Waking, trigger
from reconciler.passes.endings import told_to_end

if TYPE_CHECKING:
    from reconciler.passes.report import Report

JITTER = 0.1
LONGEST_PAUSE = 300.0
"""Beyond this the pauses of passes that fail do not grow, unless the interval is longer."""
_SHORTEST = 1.0


def add_parser(
    verbs: argparse._SubParsersAction[argparse.ArgumentParser], common: argparse.ArgumentParser
) -> None:
    """Add ``reconcile`` to the command line.

    Args:
        verbs: where commands are added.
        common: the options every command has.
    """
    parser = verbs.add_parser(
        "reconcile", parents=[common], help="pull Git, compare, and sync what policy says"
    )
    often = parser.add_mutually_exclusive_group()
    often.add_argument("--once", action="store_true", help="one pass (the default)")
    often.add_argument("--loop", action="store_true", help="passes until SIGTERM")
    often.add_argument(
        "--trigger", action="store_true", help="ask whoever makes the passes for one, and end"
    )
    parser.add_argument(
        "--interval",
        type=duration,
        default=None,
        metavar="DURATION",
        help="from one pass to the next (default: home-ops:reconciler.interval, else 3m)",
    )
    shards_argument.add(parser)
    parser.add_argument(
        "--repository", default="", metavar="URL", help="where Git is (default: the config's)"
    )
    parser.add_argument(
        "--revision", default="", help="branch, tag or commit (default: the config's)"
    )
    parser.add_argument(
        "--dry-run", action="store_true", help="say what a pass would do, and do nothing"
    )
    parser.add_argument("--json", action="store_true", help="print each pass as one JSON document")
    parser.set_defaults(command=reconcile)


def reconcile(options: argparse.Namespace) -> ExitCode:
    """``gitops reconcile``."""
    from reconciler.passes.reconcile import Options
    from reconciler.sharding.passes import Passes

    if options.trigger:
        return trigger(options)
    # `make env` points the engine at a copy of the local stack's file; a pass has the commit's.
    os.environ.pop("PULUMI_OPTION_CONFIG_FILE", None)
    started = Options(
        stack=options.stack,
        repository=options.repository,
        revision=options.revision,
        folder=Path.cwd(),
        looks_only=options.dry_run,
        loops=options.loop,
    )
    with Passes(started, options.shard) as passes, told_to_end(passes.end) as ended:
        failures, waking = 0, Waking(passes.asked)
        while True:
            if options.loop:
                waking.begin()
            told = [(report, _told(report, options)) for report in passes.run()]
            code = max(code for _, code in told)
            if not options.loop:
                return code
            failures = failures + 1 if any(report.errors for report, _ in told) else 0
            interval, now = options.interval or passes.interval, datetime.now(UTC)
            wait = min(pause(r, interval, failures=failures, now=now) for r, _ in told)
            if waking.wait(ended, wait):
                return code


def pause(report: Report, interval: float, *, failures: int = 0, now: datetime) -> float:
    """How long to wait for the next pass.

    Args:
        report: the last one; something in it may be due by itself before the interval is over.
        interval: from one pass to the next; varied a little so that many stacks do not ask at once,
            and doubled with each failure after the first.
        failures: how many passes in a row could not be made as a whole.
        now: the time, with its zone.
    """
    grown: float = interval * 2 ** min(max(failures - 1, 0), 16)
    wait = min(grown, max(interval, LONGEST_PAUSE)) * (1 + random.uniform(-JITTER, JITTER))
    if report.next is not None:
        wait = min(wait, (report.next - now).total_seconds())
    return max(wait, min(_SHORTEST, interval))


def _told(report: Report, options: argparse.Namespace) -> ExitCode:
    from reconciler.passes.report import PassOutcome, as_json, lines

    if options.json:
        print(json.dumps(as_json(report)), flush=True)
    elif not report.held:
        for line in lines(report):
            print(line, flush=True)
    for warning in report.warnings:
        print(f"warning: {warning}", file=sys.stderr)
    broken = (each.failed for each in report.applications)
    # what stopped the whole run is the failure of many
    for error in dict.fromkeys(filter(None, (*report.errors, *broken, report.held))):
        print(f"error: {error}", file=sys.stderr)
    codes = {PassOutcome.FAILED: ExitCode.FAILED, PassOutcome.HELD: ExitCode.HELD}
    return codes.get(report.outcome, ExitCode.OK)
