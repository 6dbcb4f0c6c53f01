"""What does ``gitops adopt`` do?

Called by the command line. Without ``--yes`` it tells what it would take over; it runs no engine in
either case.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from gitops.errors import ConfigError, HomeOpsError
from reconciler.commands.exit_codes import ExitCode

if TYPE_CHECKING:
    from cluster.connection import Connection
    from reconciler.adopting import Adopting, Survey

OUTPUTS = ("wide", "json", "yaml", "name")
_NAMED = 5


def add_parser(
    verbs: argparse._SubParsersAction[argparse.ArgumentParser], common: argparse.ArgumentParser
) -> None:
    """Add ``adopt`` to the command line.

    Args:
        verbs: where commands are added.
        common: the options every command has.
    """
    parser = verbs.add_parser(
        "adopt",
        parents=[common],
        help="take over objects that ArgoCD, kubectl or Helm manage; without --yes, show them",
    )
    parser.add_argument(
        "names", metavar="NAME", nargs="*", help="only these Applications (default: all)"
    )
    act = parser.add_mutually_exclusive_group()
    act.add_argument("--yes", "-y", action="store_true", help="take them over")
    act.add_argument("--undo", metavar="FILE", help="give back what the backup FILE is about")
    parser.add_argument(
        "--manager",
        action="append",
        default=[],
        metavar="NAME",
        help="a further field manager to take over from; may be given repeatedly",
    )
    parser.add_argument("--output", "-o", choices=OUTPUTS, default="table", help="another form")
    parser.set_defaults(command=adopt)


def adopt(options: argparse.Namespace) -> ExitCode:
    """``gitops adopt``.

    Raises:
        HomeOpsError: the config, Git or the cluster cannot be read, or the backup not be written.
    """
    from cluster.stack_cluster import connect_to
    from reconciler.adopting import Adopting
    from reconciler.commands.project import find_root, stack_settings

    root = find_root(Path.cwd())
    settings = stack_settings(root, options.stack)
    with connect_to(settings.kubernetes) as connection:
        if options.undo:
            return _undo(connection, options)
        adopting = Adopting(
            settings,
            root,
            stack=_stack(options),
            connection=connection,
            managers=options.manager,
        )
        survey = adopting.survey(options.names)
        return _take_over(adopting, survey, options) if options.yes else _show(survey, options)


def _show(survey: Survey, options: argparse.Namespace) -> ExitCode:
    from reconciler.printing.adoption import report
    from reconciler.printing.status import Output

    report(survey, Output(options.output))
    _note(survey)
    return _told((*survey.errors, *survey.problems))


def _take_over(adopting: Adopting, survey: Survey, options: argparse.Namespace) -> ExitCode:
    from gitops.adoption import backup
    from gitops.stores import cache_root
    from reconciler.printing.adoption import report, summary
    from reconciler.printing.status import Output

    if survey.problems:
        code = _told((*survey.errors, *survey.problems))
        print("error: nothing was adopted; see above", file=sys.stderr)
        return code
    if not survey.adoptions:
        print(summary(survey))
        return _told(survey.errors)
    now = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%fZ")
    file = cache_root() / "adoption" / _stack(options) / f"{now}.json"
    backup.write(file, _stack(options), (each.live for each in survey.adoptions))
    print(f"backup: {file}", file=sys.stderr)
    failed = adopting.take_over(survey.adoptions)
    if options.output == "table":
        print(f"{len(survey.adoptions) - len(failed)} objects adopted, none made anew")
    else:
        report(survey, Output(options.output))
    _note(survey)
    print(f"gitops adopt --undo {file} goes back", file=sys.stderr)
    return _told((*survey.errors, *failed))


def _undo(connection: Connection, options: argparse.Namespace) -> ExitCode:
    from gitops.adoption import backup
    from reconciler.adopting import give_back

    saved = backup.read(Path(options.undo))
    if saved.stack != _stack(options):
        raise ConfigError(
            options.undo,
            f"is a backup of the stack {saved.stack}",
            remedy=f"name it: --stack {saved.stack}",
        )
    failed = give_back(connection, saved)
    print(f"{len(saved.objects) - len(failed)} objects given back")
    return _told(failed)


def _note(survey: Survey) -> None:
    """What somebody should look after who moves here."""
    from reconciler.printing.adoption import helm_releases

    if survey.unknown:
        named, others = survey.unknown[:_NAMED], len(survey.unknown) - _NAMED
        more = f" and {others} more" if others > 0 else ""
        print(
            f"note: no ArgoCD in this cluster has the Applications {', '.join(named)}{more}; see "
            "that none in another cluster syncs the objects that name them",
            file=sys.stderr,
        )
    for release in helm_releases(survey):
        namespace, _, name = release.partition("/")
        print(
            f"note: the Secrets of the Helm release {release} stay; `helm uninstall` would delete "
            f"its objects, so remove them with `kubectl -n {namespace} delete secret "
            f"-l owner=helm,name={name}`",
            file=sys.stderr,
        )


def _told(errors: Iterable[HomeOpsError]) -> ExitCode:
    several = list(errors)
    sys.stdout.flush()
    for error in several:
        print(f"error: {error}", file=sys.stderr)
    return ExitCode.FAILED if several else ExitCode.OK


def _stack(options: argparse.Namespace) -> str:
    """The name objects are marked with: without the organization some backends have."""
    return str(options.stack).rpartition("/")[2]
