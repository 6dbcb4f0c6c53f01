"""What can be typed after ``gitops``?

The console script. Verbs are kubectl's where there is one; results go to standard output, progress
and messages to standard error. Errors end it with one line and an exit code, never a traceback.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Sequence
from enum import IntEnum
from pathlib import Path
from typing import TYPE_CHECKING

from gitops.errors import ConfigError, HomeOpsError

if TYPE_CHECKING:
    from cluster.listing import Listing
    from reconciler.engine import Run


class ExitCode(IntEnum):
    """What the exit code says; scripts and the scheduled job rely on it."""

    OK = 0
    FAILED = 1  # something is broken, or an object could not be applied
    USAGE = 2  # argparse's own code for a wrong command line
    INTERRUPTED = 130  # as a shell reports SIGINT


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the exit code."""
    options = _parser().parse_args(arguments)
    try:
        code = int(options.command(options))
        sys.stdout.flush()  # here, so that a reader that has gone is noticed here
        return code
    except HomeOpsError as error:
        print(f"error: {error}", file=sys.stderr)
        return ExitCode.FAILED
    except BrokenPipeError:
        # The reader, such as `head`, has had enough; keep the interpreter from saying so at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return ExitCode.FAILED
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
    up.set_defaults(command=_up)
    init = verbs.add_parser("init", parents=[common], help="make the stack unless it exists")
    init.set_defaults(command=_init)
    charts = verbs.add_parser("charts", help="look after the charts Applications use")
    chart_verbs = charts.add_subparsers(required=True, metavar="COMMAND")
    lock = chart_verbs.add_parser(
        "lock", parents=[common], help="record the digest of every chart in charts.lock"
    )
    lock.set_defaults(command=_charts_lock)
    app = verbs.add_parser("app", help="look at Applications")
    app_verbs = app.add_subparsers(required=True, metavar="COMMAND")
    listing = app_verbs.add_parser(
        "list", parents=[common], help="the Applications and their objects in the cluster"
    )
    listing.add_argument("--output", "-o", choices=("table", "json", "name"), default="table")
    listing.set_defaults(command=_app_list)
    return parser


def _up(options: argparse.Namespace) -> ExitCode:
    from reconciler import engine, printing
    from reconciler.project import find_root

    root = find_root(Path.cwd())
    engine.check_environment(os.environ)
    if not options.yes and not _confirmed(f"Apply {root} to the stack {options.stack}?"):
        return ExitCode.FAILED
    with printing.Progress(f"gitops up {options.stack}") as progress:
        run = engine.up(root, options.stack, on_event=progress.seen)
    return _report(run, root, options.stack)


def _init(options: argparse.Namespace) -> ExitCode:
    from reconciler import engine
    from reconciler.project import find_root

    made = engine.make_stack(find_root(Path.cwd()), options.stack)
    print(f"stack {options.stack} {'created' if made else 'unchanged'}")
    return ExitCode.OK


def _report(run: Run, root: Path, stack: str) -> ExitCode:
    from reconciler import printing
    from reconciler.applications import list_live, rows
    from reconciler.events import changes_by_application, readable, total
    from reconciler.project import applications_in_git, stack_settings

    started = time.perf_counter()
    changes = changes_by_application(run.steps)
    try:
        settings = stack_settings(root, stack)
        listing = list_live(settings.kubernetes.context or None)
        found = rows(listing.objects, applications_in_git(root, settings), stack=stack)
        printing.applications(found, changes)
        _warn_of_skipped(listing)
        shared = changes[""].changed if "" in changes else 0
        print(
            f"\n{len(found)} Applications, {sum(row.objects for row in found)} objects in the "
            f"cluster; {total(changes.values())}"
            f"{f' ({shared} in no Application)' if shared else ''}; "
            f"up {run.seconds:.1f} s, counted in {time.perf_counter() - started:.1f} s"
        )
    finally:
        # What failed matters more than the table, also where the cluster cannot be asked.
        sys.stdout.flush()
        printing.diagnostics(readable(run.diagnostics, run.parents))
    if not run.succeeded:
        print(f"error: the stack {stack} is not what Git says; see above", file=sys.stderr)
        return ExitCode.FAILED
    return ExitCode.OK


def _charts_lock(options: argparse.Namespace) -> ExitCode:
    from reconciler.project import find_root, lock_charts, stack_settings

    root = find_root(Path.cwd())
    locked = lock_charts(root, stack_settings(root, options.stack))
    for chart, digest in sorted(locked.digests.items()):
        print(f"{chart} {digest}")
    for error in locked.errors.values():
        print(f"error: {error}", file=sys.stderr)
    return ExitCode.FAILED if locked.errors else ExitCode.OK


def _app_list(options: argparse.Namespace) -> ExitCode:
    from reconciler import printing
    from reconciler.applications import list_live, rows
    from reconciler.project import applications_in_git, find_root, stack_settings

    root = find_root(Path.cwd())
    settings = stack_settings(root, options.stack)
    listing = list_live(settings.kubernetes.context or None)
    found = rows(listing.objects, applications_in_git(root, settings), stack=options.stack)
    output = {
        "table": printing.applications,
        "json": printing.applications_json,
        "name": printing.names,
    }
    output[options.output](found)
    _warn_of_skipped(listing)
    return ExitCode.OK


def _warn_of_skipped(listing: Listing) -> None:
    for each in listing.skipped:
        print(
            f"warning: {each.resource.kind} of {each.resource.api_version} is not counted: "
            f"{each.reason}",
            file=sys.stderr,
        )


def _confirmed(question: str) -> bool:
    if not sys.stdin.isatty():
        raise ConfigError("gitops up", "there is nobody to ask", remedy="pass --yes")
    return input(f"{question} [y/N] ").strip().lower() in ("y", "yes")


if __name__ == "__main__":
    sys.exit(main())
