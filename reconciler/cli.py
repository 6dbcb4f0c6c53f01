"""What can be typed after ``gitops``?

The console script. Verbs are kubectl's where there is one; results go to standard output, progress
and messages to standard error. Errors end it with one line and an exit code, never a traceback.
"""

from __future__ import annotations

import argparse
import gc
import io
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from gitops.errors import ConfigError, HomeOpsError
from reconciler.commands import (
    adopt,
    app,
    diff,
    health,
    reconcile,
    records,
    shards,
    state,
    sync,
    webhook,
)
from reconciler.commands import preview as preview_command
from reconciler.commands.exit_codes import ExitCode

if TYPE_CHECKING:
    from reconciler.applications import Reading
    from reconciler.engine.automation import Run
    from reconciler.engine.events import Changes, Diagnostic, Step

# Imports and lists of objects make no garbage; looking for it was 7 % of the processor time.
_GARBAGE_THRESHOLD = 50_000


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the exit code."""
    gc.set_threshold(_GARBAGE_THRESHOLD)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a message may hold what the locale has not
    options = _parser().parse_args(arguments)
    try:
        code = int(options.command(options))
        sys.stdout.flush()  # here, so that a reader that has gone is noticed here
        return code
    except HomeOpsError as error:
        print(f"error: {error}", file=sys.stderr)
        return int(getattr(options, "failure", ExitCode.FAILED))
    except BrokenPipeError:
        # The reader, such as `head`, has had enough; keep the interpreter from saying so at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return ExitCode.FAILED
    except OSError as error:
        print(f"error: {error}", file=sys.stderr)  # such as a disk without room
        return int(getattr(options, "failure", ExitCode.FAILED))
    except KeyboardInterrupt:
        print("interrupted; run the same command again to go on", file=sys.stderr)
        return ExitCode.INTERRUPTED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="gitops", description="Bring a cluster to what Git says, and see what it holds."
    )
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument(
        "--stack",
        default=os.environ.get("PULUMI_STACK") or "local",
        help="the stack, so the cluster (default: $PULUMI_STACK, else local)",
    )
    verbs = parser.add_subparsers(required=True, metavar="COMMAND")
    up = verbs.add_parser("up", parents=[common], help="apply what Git says, without a preview")
    up.add_argument("--yes", "-y", action="store_true", help="do not ask first")
    up.add_argument(
        "--wait", action="store_true", help="then wait until every Application is healthy"
    )
    app.add_timeout(up)
    up.add_argument(
        "--confirm",
        action="append",
        default=[],
        metavar="TOKEN",
        help="let the prune gate delete what it printed with this token; may be given repeatedly",
    )
    up.set_defaults(command=_up)
    init = verbs.add_parser("init", parents=[common], help="make the stack unless it exists")
    init.set_defaults(command=_init)
    charts = verbs.add_parser("charts", help="look after the charts Applications use")
    chart_verbs = charts.add_subparsers(required=True, metavar="COMMAND")
    lock = chart_verbs.add_parser(
        "lock", parents=[common], help="record the digest of every chart in charts.lock"
    )
    lock.set_defaults(command=_charts_lock)
    app_verbs = app.add_parsers(verbs, common)
    diff.add_diff_parser(app_verbs, common)
    sync.add_parsers(app_verbs, common)
    records.add_parsers(app_verbs, common)
    preview_command.add_parser(verbs, common)
    health.add_parser(verbs)
    reconcile.add_parser(verbs, common)
    webhook.add_parser(verbs, common)
    shards.add_parser(verbs, common)
    state.add_parser(verbs, common)
    diff.add_drift_parser(verbs, common)
    adopt.add_parser(verbs, common)
    return parser


def _up(options: argparse.Namespace) -> ExitCode:
    from gitops.gate.settings import read_confirmations
    from reconciler.commands.project import find_root
    from reconciler.engine.environment import check_environment
    from reconciler.printing import tables
    from reconciler.sharding import up as shards_up
    from reconciler.syncing import definitions

    root = find_root(Path.cwd())
    check_environment(os.environ)
    confirmed = read_confirmations(",".join(options.confirm), subject="gitops up --confirm")
    if not options.yes and not _confirmed(f"Apply {root} to the stack {options.stack}?"):
        return ExitCode.FAILED
    separate = definitions.kept_apart(root, options.stack)
    steps: list[Step] = []
    diagnostics: list[Diagnostic] = []  # of the definitions' run, too
    with tables.Progress(f"gitops up {options.stack}") as progress:
        for up in (definitions.up, shards_up.up) if separate else (shards_up.up,):
            run = up(root, options.stack, confirmed=confirmed, on_event=progress.seen)
            run.steps[:0], run.diagnostics[:0] = steps, diagnostics
            steps, diagnostics = run.steps, run.diagnostics
            if not run.succeeded:
                break
    return _report(run, root, options)


def _init(options: argparse.Namespace) -> ExitCode:
    from reconciler.commands.project import find_root
    from reconciler.engine import automation

    made = automation.make_stack(find_root(Path.cwd()), options.stack)
    print(f"stack {options.stack} {'created' if made else 'unchanged'}")
    return ExitCode.OK


def _report(run: Run, root: Path, options: argparse.Namespace) -> ExitCode:
    """What the run did and how the Applications are now, after waiting for them when asked to."""
    from reconciler.engine.events import changes_by_application, readable
    from reconciler.printing import tables

    changes = changes_by_application(run.steps)
    late = ""
    try:
        late = _show_status(run, root, options, changes)
    finally:
        # What failed matters more than the table, also where the cluster cannot be asked.
        sys.stdout.flush()
        tables.diagnostics(readable(run.diagnostics, run.parents))
    if not run.succeeded:
        print(f"error: the stack {options.stack} is not what Git says; see above", file=sys.stderr)
        return ExitCode.FAILED
    if late:
        print(f"error: {late}", file=sys.stderr)
        return ExitCode.UNHEALTHY
    return ExitCode.OK


def _show_status(
    run: Run, root: Path, options: argparse.Namespace, changes: Mapping[str, Changes]
) -> str:
    """The table after a run, and what the prune gate has stopped; which Applications did not become
    healthy in time, if any."""
    from gitops.gate.reading import stopped_in
    from reconciler import waiting
    from reconciler.applications import StatusReader
    from reconciler.commands.project import applications_in_git, stack_settings
    from reconciler.printing import status as status_printing

    settings = stack_settings(root, options.stack)
    late = ""
    with StatusReader(settings, applications_in_git(root, settings), stack=options.stack) as reader:
        if options.wait and run.succeeded:
            outcome = app.watch(reader, waiting.has_settled, timeout=options.timeout)
            reading = outcome.reading
            if outcome.pending:
                late = app.not_done(outcome.pending, "healthy", timeout=options.timeout)
        else:
            reading = reader.read()
    status_printing.applications(reading.applications, changes=changes)
    app.warn_of_skipped(reading.skipped)
    print(f"\n{_summary(reading, run, changes)}")
    for stopped in stopped_in(each.message for each in run.diagnostics):
        print(stopped)
    return late


def _summary(reading: Reading, run: Run, changes: Mapping[str, Changes]) -> str:
    from gitops.status.application import health_counts
    from reconciler.engine.events import total

    shared = changes[""].changed if "" in changes else 0
    objects = sum(len(each.resources) for each in reading.applications)
    changed = f"{total(changes.values())}{f' ({shared} in no Application)' if shared else ''}"
    parts = [
        f"{len(reading.applications)} Applications, {objects} objects in the cluster",
        health_counts(reading.applications),
        changed,
        f"up {run.seconds:.1f} s, status {reading.seconds:.1f} s",
    ]
    return "; ".join(part for part in parts if part)


def _charts_lock(options: argparse.Namespace) -> ExitCode:
    from reconciler.commands.project import find_root, lock_charts, stack_settings

    root = find_root(Path.cwd())
    locked = lock_charts(root, stack_settings(root, options.stack))
    for chart, digest in sorted(locked.digests.items()):
        print(f"{chart} {digest}")
    for error in locked.errors.values():
        print(f"error: {error}", file=sys.stderr)
    return ExitCode.FAILED if locked.errors else ExitCode.OK


def _confirmed(question: str) -> bool:
    if not sys.stdin.isatty():
        raise ConfigError("gitops up", "there is nobody to ask", remedy="pass --yes")
    return input(f"{question} [y/N] ").strip().lower() in ("y", "yes")


if __name__ == "__main__":
    sys.exit(main())
