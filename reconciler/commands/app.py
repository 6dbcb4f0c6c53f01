"""What do ``gitops app list``, ``get`` and ``wait`` do?

Called by the command line. All of them read the cluster and the working tree; none runs the engine.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from gitops.errors import ConfigError
from reconciler.commands import durations
from reconciler.commands.application_options import add_selection, selection_of
from reconciler.commands.exit_codes import ExitCode

if TYPE_CHECKING:
    from cluster.listing import Skipped
    from gitops.status.application import ApplicationStatus
    from reconciler.applications import Reading, Selection, StatusReader
    from reconciler.waiting import Done, Outcome

DEFAULT_TIMEOUT = "5m"
OLD = 600.0
"""Seconds after which the last pass is so long ago that its findings need saying so."""
OUTPUTS = ("wide", "json", "yaml", "name")


def add_parsers(
    verbs: argparse._SubParsersAction[argparse.ArgumentParser],
    common: argparse.ArgumentParser,
) -> argparse._SubParsersAction[argparse.ArgumentParser]:
    """Add ``app`` and the verbs that look to the command line.

    Args:
        verbs: where commands are added.
        common: the options every command has.

    Returns:
        Where further verbs of ``app`` are added.
    """
    app = verbs.add_parser("app", help="look at Applications, sync them, steer them")
    app_verbs = app.add_subparsers(required=True, metavar="COMMAND")
    listing = app_verbs.add_parser(
        "list", parents=[common], help="the Applications, their health and what is wrong with them"
    )
    add_output(listing)
    add_selection(listing)
    listing.set_defaults(command=list_applications)
    get = app_verbs.add_parser(
        "get", parents=[common], help="one Application, its objects and what unhealthy ones own"
    )
    get.add_argument(
        "name", metavar="NAME", help="its name, or its directory such as media/jellyfin"
    )
    add_output(get)
    get.set_defaults(command=get_application)
    wait = app_verbs.add_parser(
        "wait", parents=[common], help="wait until Applications are healthy, or gone"
    )
    wait.add_argument("names", metavar="NAME", nargs="*", help="which ones (default: all)")
    until = wait.add_mutually_exclusive_group()
    until.add_argument(
        "--health", action="store_true", help="until they are Healthy or Suspended (the default)"
    )
    until.add_argument("--delete", action="store_true", help="until none of their objects is left")
    add_selection(wait)
    add_timeout(wait)
    wait.set_defaults(command=wait_for_applications)
    return app_verbs


def add_timeout(parser: argparse.ArgumentParser) -> None:
    """Add ``--timeout``."""
    parser.add_argument(
        "--timeout",
        type=duration,
        default=durations.seconds(DEFAULT_TIMEOUT),
        metavar="DURATION",
        help=f"give up after so long, such as 90s or 1h30m (default: {DEFAULT_TIMEOUT})",
    )


def duration(text: str) -> int:
    """A duration, for argparse, which turns the error into its own."""
    try:
        return durations.seconds(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def list_applications(options: argparse.Namespace) -> ExitCode:
    """``gitops app list``."""
    from reconciler.printing.status import Output, applications

    selection = selection_of(options)
    with _reader(options) as reader:
        reading = reader.read(remembered=True)
    found = [each for each in reading.applications if selection.accepts(each)]
    applications(found, Output(options.output))
    if not found:
        print("no Applications found", file=sys.stderr)
    if outdated := _outdated(found):
        print(outdated, file=sys.stderr)
    warn_of_skipped(reading.skipped)
    return ExitCode.OK


def _outdated(found: Sequence[ApplicationStatus]) -> str:
    """That what is shown of the sync is old news; empty where it is not."""
    passes = [each.sync.compared for each in found if each.sync.compared is not None]
    seconds = (datetime.now(UTC) - max(passes)).total_seconds() if passes else 0
    return f"SYNC is what the pass {durations.age(seconds)} ago found" if seconds > OLD else ""


def get_application(options: argparse.Namespace) -> ExitCode:
    """``gitops app get``."""
    from reconciler.applications import require
    from reconciler.printing.status import Output, application

    with _reader(options) as reader:
        reading = reader.read(require([options.name], reader), remembered=True)
    application(reading.applications[0], Output(options.output))
    warn_of_skipped(reading.skipped)
    return ExitCode.OK


def wait_for_applications(options: argparse.Namespace) -> ExitCode:
    """``gitops app wait``.

    Raises:
        ConfigError: there is no such Application, or the filters accept none; one that is to be
            gone may well be.
    """
    from reconciler.applications import require
    from reconciler.waiting import is_gone, is_healthy

    selection = selection_of(options)
    with _reader(options) as reader:
        names = reader.names(options.names)
        if options.names and not options.delete:
            names = require(options.names, reader)
        outcome = watch(
            reader,
            is_gone if options.delete else is_healthy,
            names=names,
            selection=selection,
            timeout=options.timeout,
        )
    if not outcome.reading.applications and not options.delete:
        raise ConfigError(
            "gitops app wait",
            "there is no such Application",
            remedy="`gitops app list` takes the same filters and shows what there is",
        )
    return report(outcome, "gone" if options.delete else "healthy", timeout=options.timeout)


def watch(
    reader: StatusReader,
    done: Done,
    *,
    names: Sequence[str] = (),
    selection: Selection | None = None,
    timeout: float,
) -> Outcome:
    """Wait for Applications and say on standard error how far they are."""
    from dataclasses import replace

    from reconciler.printing.tables import StatusLine
    from reconciler.waiting import wait

    def read() -> Reading:
        reading = reader.read(names)
        if selection is None:
            return reading
        found = [each for each in reading.applications if selection.accepts(each)]
        return replace(reading, applications=found)

    with StatusLine("waiting") as line:
        return wait(read, done, timeout=timeout, on_reading=line.show)


def report(outcome: Outcome, wanted: str, *, timeout: float) -> ExitCode:
    """The table of what was waited for, and the exit code."""
    from reconciler.printing.status import applications

    applications(outcome.reading.applications)
    warn_of_skipped(outcome.reading.skipped)
    sys.stdout.flush()
    if not outcome.pending:
        if not outcome.reading.applications:
            print("none of it is in Git or in the cluster", file=sys.stderr)
        return ExitCode.OK
    print(f"error: {not_done(outcome.pending, wanted, timeout=timeout)}", file=sys.stderr)
    return ExitCode.UNHEALTHY


def not_done(pending: Sequence[ApplicationStatus], wanted: str, *, timeout: float) -> str:
    """Which Applications a wait was in vain for."""
    names = ", ".join(each.name for each in pending)
    verb = "is" if len(pending) == 1 else "are"
    return f"{names} {verb} not {wanted} after {durations.shown(timeout)}"


def warn_of_skipped(skipped: Sequence[Skipped]) -> None:
    """Name the kinds that could not be read."""
    for each in skipped:
        print(
            f"warning: {each.resource.kind} of {each.resource.api_version} is not counted: "
            f"{each.reason}",
            file=sys.stderr,
        )


@contextmanager
def _reader(options: argparse.Namespace) -> Iterator[StatusReader]:
    from reconciler.applications import StatusReader
    from reconciler.commands.project import applications_in_git, find_root, stack_settings

    root = find_root(Path.cwd())
    settings = stack_settings(root, options.stack)
    specs = applications_in_git(root, settings)
    with StatusReader(settings, specs, stack=options.stack) as reader:
        yield reader


def add_output(parser: argparse.ArgumentParser) -> None:
    """Add ``-o``."""
    parser.add_argument(
        "--output",
        "-o",
        choices=OUTPUTS,
        default="table",
        help="another form than the table",
    )
