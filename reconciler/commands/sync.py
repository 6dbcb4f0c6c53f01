"""What do ``gitops app sync`` and ``gitops app rollback`` do?

Called by the command line. Both are a pass that is asked for something (``asked``): Git
is read where the reconciler reads it, the stack's lease is taken, and what came of it is
remembered. Nothing but what was asked for is synced.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from reconciler.commands import durations
from reconciler.commands.app import duration
from reconciler.commands.application_options import add_choice, require_choice, selection_of
from reconciler.commands.exit_codes import ExitCode

if TYPE_CHECKING:
    from reconciler.passes.asked import Asked
    from reconciler.passes.reconcile import Options
    from reconciler.passes.report import ApplicationReport, Report
    from reconciler.printing.tables import StatusLine

DEFAULT_TIMEOUT = "1m"
_AGAIN_SECONDS = 1.0
_ENDS = (
    "automation leaves it there until Git has another content for it; `gitops app resume` or "
    "`gitops app sync` ends that"
)


def add_parsers(
    verbs: argparse._SubParsersAction[argparse.ArgumentParser], common: argparse.ArgumentParser
) -> None:
    """Add ``sync`` and ``rollback`` to the verbs of ``app``.

    Args:
        verbs: the verbs of ``app``.
        common: the options every command has.
    """
    sync = verbs.add_parser(
        "sync",
        parents=[common],
        help="sync Applications now, whatever their policy says",
        description="Sync Applications to what Git says, at the revision the reconciler follows, "
        "and no others. Policy (manual, paused, failed before) does not hold it up; a sync window "
        "without manualSync does. It ends a rollback, and no pause.",
    )
    add_choice(sync)
    _add_common(sync)
    sync.set_defaults(command=sync_applications)
    rollback = verbs.add_parser(
        "rollback",
        parents=[common],
        help="bring an Application back to what was synced before",
        description=f"Sync an Application to what it was at an earlier sync; {_ENDS}.",
    )
    rollback.add_argument("name", metavar="NAME", help="name, or directory such as media/jellyfin")
    rollback.add_argument(
        "to",
        metavar="ID",
        nargs="?",
        default="",
        help="a number or a commit of `gitops app history` (default: the sync before the last)",
    )
    _add_common(rollback)
    rollback.set_defaults(command=roll_back)


def _add_common(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--prune",
        action="store_true",
        help="delete what is no longer in Git, also where the policy has prune off",
    )
    parser.add_argument(
        "--confirm",
        action="append",
        default=[],
        metavar="TOKEN",
        help="let the prune gate delete what it printed with this token; may be given repeatedly",
    )
    parser.add_argument(
        "--dry-run", action="store_true", help="say what would change, and change nothing"
    )
    parser.add_argument(
        "--timeout",
        type=duration,
        default=durations.seconds(DEFAULT_TIMEOUT),
        metavar="DURATION",
        help=f"wait so long for another run of the stack to end (default: {DEFAULT_TIMEOUT})",
    )
    parser.add_argument(
        "--repository", default="", metavar="URL", help="where Git is (default: the config's)"
    )
    parser.add_argument(
        "--output", "-o", choices=("json", "yaml"), default="table", help="another form"
    )


def sync_applications(options: argparse.Namespace) -> ExitCode:
    """``gitops app sync``."""
    from reconciler.passes.asked import Asked

    require_choice(options)
    selection = selection_of(options)
    asked = Asked(names=tuple(options.names), selection=selection, prune=options.prune)
    return _told(_passed(options, asked, "gitops app sync"), options)


def roll_back(options: argparse.Namespace) -> ExitCode:
    """``gitops app rollback``."""
    from reconciler.passes.asked import Asked

    asked = Asked(names=(options.name,), prune=options.prune, back_to=options.to)
    reports = _passed(options, asked, "gitops app rollback")
    code = _told(reports, options)
    if code is ExitCode.OK and not options.dry_run:
        for each in _asked_for(reports):
            if each.record.pinned is not None:
                print(f"{each.subject} is rolled back: {_ENDS}", file=sys.stderr)
    return code


def _passed(options: argparse.Namespace, asked: Asked, command: str) -> list[Report]:
    """The passes, one for each stack that has something of what is asked for."""
    from gitops.gate.settings import ENVIRONMENT as CONFIRM
    from gitops.gate.settings import read_confirmations
    from reconciler.passes.reconcile import Options
    from reconciler.printing.tables import Progress
    from reconciler.sharding.asked import by_stack

    confirmed = read_confirmations(",".join(options.confirm), subject=f"{command} --confirm")
    given = os.environ.get(CONFIRM, "")
    os.environ[CONFIRM] = ",".join(filter(None, (given, *sorted(confirmed))))
    # `make env` points the engine at a copy of the local stack's file; a pass has the commit's.
    os.environ.pop("PULUMI_OPTION_CONFIG_FILE", None)
    with Progress(command) as progress:
        started = Options(
            stack=options.stack,
            repository=options.repository,
            folder=Path.cwd(),
            looks_only=options.dry_run,
            on_event=progress.seen,
            command=command,
        )
        return [
            _patient(replace(started, stack=stack), of_stack, options.timeout, progress)
            for stack, of_stack in by_stack(asked, options.stack, Path.cwd()).items()
        ]


def _patient(started: Options, asked: Asked, timeout: float, line: StatusLine) -> Report:
    """One pass, once nobody else has the lease or it has taken too long."""
    from reconciler.passes.reconcile import Reconciler

    deadline = time.monotonic() + timeout
    with Reconciler(started) as reconciler:
        while True:
            report = reconciler.run(asked=asked)
            if not report.held or time.monotonic() >= deadline:
                return report
            line.show(f"waiting: {report.held}")
            time.sleep(_AGAIN_SECONDS)


def _told(reports: Sequence[Report], options: argparse.Namespace) -> ExitCode:
    from reconciler.passes.report import as_json
    from reconciler.printing.status import Output, document

    found = _asked_for(reports)
    if options.output != "table":
        data = [
            {**each, "applications": [e for e in each["applications"] if e["name"] in asked]}
            for each, asked in ((as_json(report), report.asked) for report in reports)
        ]
        document(data[0] if len(data) == 1 else data, Output(options.output), stream=sys.stdout)
    else:
        for each in found:
            for line in _lines(each, dry=options.dry_run):
                print(line)
    sys.stdout.flush()
    for warning in dict.fromkeys(text for report in reports for text in report.warnings):
        print(f"warning: {warning}", file=sys.stderr)
    wrong = (
        []
        if options.dry_run
        else [text for each in found if (text := _left_undone(each, pruning=options.prune))]
    )
    broken = (str(each.comparison.error) for each in found if each.comparison.error)
    general = (text for report in reports for text in (*report.errors, report.held))
    errors = dict.fromkeys(filter(None, (*general, *broken, *wrong)))
    for error in errors:
        print(f"error: {error}", file=sys.stderr)
    if errors and all(error in {report.held for report in reports} for error in errors):
        return ExitCode.HELD
    return ExitCode.FAILED if errors else ExitCode.OK


def _asked_for(reports: Iterable[Report]) -> list[ApplicationReport]:
    return [each for report in reports for each in report.applications if each.name in report.asked]


def _lines(report: ApplicationReport, *, dry: bool) -> Iterator[str]:
    from reconciler.passes.report import application_lines, drift_lines

    if not dry:
        yield from application_lines(report)
    elif report.comparison.error is None:
        count = len(report.comparison.drifts)
        what = f"{count} object{'' if count == 1 else 's'}" if count else "nothing"
        yield f"{report.subject}: would change {what} ({report.decision.reason})"
        yield from drift_lines(report.comparison)


def _left_undone(report: ApplicationReport, *, pruning: bool) -> str:
    """Why an Application is not what was asked for; empty when it is."""
    from gitops.policy.decision import Action

    if report.synced is not None and report.synced.failure:
        return report.synced.failure
    if report.decision.action is not Action.SYNC:
        at = report.decision.at
        when = f"; try again at {at.isoformat(timespec='seconds')}" if at else ""
        return f"{report.subject}: not synced: {report.decision.reason}{when}"
    left = report.comparison.drifts
    if not left:
        return ""
    objects = f"{len(left)} object{'' if len(left) == 1 else 's'}"
    if report.comparison.only_prune and report.synced is not None and report.synced.waits:
        return f"{report.subject}: {objects} no longer in Git stay: {report.synced.waits}"
    if report.comparison.only_prune:
        remedy = "everything had to be run; run it again" if pruning else "pass --prune"
        return f"{report.subject}: {objects} no longer in Git stay, as prune is off; {remedy}"
    verb = "differs" if len(left) == 1 else "differ"
    return f"{report.subject}: {objects} still {verb}; `gitops app diff` shows how"
