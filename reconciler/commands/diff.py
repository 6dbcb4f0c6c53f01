"""What do ``gitops app diff`` and ``gitops drift`` do?

Called by the command line. Both compare as a pass does, with the API server's dry run for what
seems to differ, and go no further: no engine, no lease, nothing written. As those of `argocd app
diff` and `kubectl diff` their exit codes are 0 where nothing differs, 1 where something does, and
2 for errors.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from reconciler.commands.application_options import add_selection, selection_of
from reconciler.commands.exit_codes import ExitCode

if TYPE_CHECKING:
    from gitops.comparison import Comparison
    from reconciler.passes.asked import Asked
    from reconciler.passes.report import ApplicationReport, Report


def add_diff_parser(
    verbs: argparse._SubParsersAction[argparse.ArgumentParser], common: argparse.ArgumentParser
) -> None:
    """Add ``diff`` to the verbs of ``app``.

    Args:
        verbs: the verbs of ``app``.
        common: the options every command has.
    """
    diff = verbs.add_parser(
        "diff",
        parents=[common],
        help="what a sync would change of an Application",
        description="Compare what Git says with the cluster, object by object and field by field. "
        "Ends with 1 where something differs, with 2 for errors.",
    )
    diff.add_argument("name", metavar="NAME", help="name, or directory such as media/jellyfin")
    diff.add_argument(
        "--revision", default="", help="branch, tag or commit (default: the config's)"
    )
    _add_common(diff, ("json", "yaml"))
    diff.set_defaults(command=show_diff, failure=ExitCode.TROUBLE)


def add_drift_parser(
    verbs: argparse._SubParsersAction[argparse.ArgumentParser], common: argparse.ArgumentParser
) -> None:
    """Add ``drift`` to the command line.

    Args:
        verbs: where commands are added.
        common: the options every command has.
    """
    drift = verbs.add_parser(
        "drift",
        parents=[common],
        help="every object that is not what Git says, with who changed it",
        description="Compare all Applications, the bootstrap and the namespaces with Git; write "
        "nothing. Ends with 1 where something differs, with 2 for errors.",
    )
    drift.add_argument("names", metavar="NAME", nargs="*", help="only these (default: all)")
    add_selection(drift)
    _add_common(drift, ("wide", "json", "yaml", "name"))
    drift.set_defaults(command=show_drift, failure=ExitCode.TROUBLE, revision="")


def _add_common(parser: argparse.ArgumentParser, outputs: Sequence[str]) -> None:
    parser.add_argument(
        "--repository", default="", metavar="URL", help="where Git is (default: the config's)"
    )
    parser.add_argument(
        "--exit-code",
        choices=("true", "false"),
        default="true",
        help="end with 1 where something differs (default: true)",
    )
    parser.add_argument("--output", "-o", choices=outputs, default="table", help="another form")


def show_diff(options: argparse.Namespace) -> ExitCode:
    """``gitops app diff``."""
    from reconciler.passes.asked import Asked
    from reconciler.printing.differences import differences, printed
    from reconciler.printing.status import Output

    reports = _compared(options, Asked(names=(options.name,)), "gitops app diff")
    found = _asked_for(reports)
    if options.output == "table":
        differences(found)
    elif found:
        rows = [(each.name, each.subject, each.comparison) for each in found]
        printed(rows, Output(options.output))
    return _ended(reports, [each.comparison for each in found], options)


def show_drift(options: argparse.Namespace) -> ExitCode:
    """``gitops drift``."""
    from reconciler.passes.asked import NOTHING, Asked
    from reconciler.printing.differences import drift_table, printed
    from reconciler.printing.status import Output

    filters = options.category, options.set, options.project, options.selector
    asked = NOTHING
    if options.names or any(filters):
        selection = selection_of(options)
        asked = Asked(names=tuple(options.names), selection=selection, only_drift=True)
    reports = _compared(options, asked, "gitops drift")
    every = [each for report in reports for each in report.applications]
    found = _asked_for(reports) if asked else every
    rows = [(each.name, each.subject, each.comparison) for each in found]
    base = [each for report in reports for each in report.base]
    rows += [(each.application, each.application, each) for each in base]
    rows = [each for each in rows if each[2].drifts or each[2].error]
    if options.output == "name":
        for name, _, _ in rows:
            print(name)
    elif options.output in ("json", "yaml"):
        printed(rows, Output(options.output))
    else:
        drift_table([row[1:] for row in rows], wide=options.output == "wide")
    return _ended(reports, [comparison for *_, comparison in rows], options)


def _compared(options: argparse.Namespace, asked: Asked, command: str) -> list[Report]:
    """What the passes of each stack that has something of it have found."""
    from reconciler.passes.reconcile import Options, Reconciler
    from reconciler.printing.tables import StatusLine
    from reconciler.sharding.asked import by_stack

    # `make env` points the engine at a copy of the local stack's file; a pass has the commit's.
    os.environ.pop("PULUMI_OPTION_CONFIG_FILE", None)
    started = Options(
        stack=options.stack,
        repository=options.repository,
        revision=options.revision,
        folder=Path.cwd(),
        looks_only=True,
        command=command,
    )
    reports = []
    with StatusLine(command):
        for stack, of_stack in by_stack(asked, options.stack, Path.cwd()).items():
            with Reconciler(replace(started, stack=stack)) as reconciler:
                reports.append(reconciler.run(asked=of_stack))
    return reports


def _asked_for(reports: Sequence[Report]) -> list[ApplicationReport]:
    return [each for report in reports for each in report.applications if each.name in report.asked]


def _ended(
    reports: Sequence[Report], found: Sequence[Comparison], options: argparse.Namespace
) -> ExitCode:
    from reconciler.printing.differences import summary

    sys.stdout.flush()
    for warning in dict.fromkeys(text for report in reports for text in report.warnings):
        print(f"warning: {warning}", file=sys.stderr)
    broken = (str(each.error) for each in found if each.error is not None)
    unknown = sorted({f"{key.kind}.{key.group}".rstrip(".") for e in found for key in e.unknown})
    hidden = [f"{', '.join(unknown)} cannot be listed, so nobody knows"] if unknown else []
    general = (text for report in reports for text in report.errors)
    errors = list(dict.fromkeys((*general, *broken, *hidden)))
    for error in errors:
        print(f"error: {error}", file=sys.stderr)
    drifts = [drift for each in found for drift in each.drifts]
    if drifts or not errors:
        print(summary(reports, drifts), file=sys.stderr)
    if errors:
        return ExitCode.TROUBLE
    return ExitCode.DIFFERENT if drifts and options.exit_code == "true" else ExitCode.OK
