"""What does ``gitops reconcile`` do?

Called by the command line. One pass, or passes until somebody says that it is enough; what a pass
found and did is printed after each.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import sys
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from reconciler.app_commands import duration
from reconciler.exit_codes import ExitCode

if TYPE_CHECKING:
    from reconciler.report import Report

JITTER = 0.1
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
    parser.add_argument(
        "--interval",
        type=duration,
        default=None,
        metavar="DURATION",
        help="from one pass to the next (default: home-ops:reconciler.interval, else 3m)",
    )
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
    from reconciler.reconcile import Options, Reconciler

    # `make env` points the engine at a copy of the local stack's file; a pass has the commit's.
    os.environ.pop("PULUMI_OPTION_CONFIG_FILE", None)
    started = Options(
        stack=options.stack,
        repository=options.repository,
        revision=options.revision,
        folder=Path.cwd(),
        looks_only=options.dry_run,
    )
    with Reconciler(started) as reconciler:
        if not options.loop:
            return _told(reconciler.run(), options)
        ended = threading.Event()
        signal.signal(signal.SIGTERM, lambda *_: ended.set())
        while True:
            report = reconciler.run()
            code = _told(report, options)
            if ended.is_set():
                return code
            interval = options.interval or reconciler.interval.total_seconds()
            if ended.wait(pause(report, interval, now=datetime.now(UTC))):
                return code


def pause(report: Report, interval: float, *, now: datetime) -> float:
    """How long to wait for the next pass: until something is due by itself, at most the interval,
    which varies a little so that many stacks do not ask at once."""
    wait = interval * (1 + random.uniform(-JITTER, JITTER))
    if report.next is not None:
        wait = min(wait, (report.next - now).total_seconds())
    return max(wait, min(_SHORTEST, interval))


def _told(report: Report, options: argparse.Namespace) -> ExitCode:
    from reconciler.report import PassOutcome, as_json, lines

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
