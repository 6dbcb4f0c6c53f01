"""Which options say which Applications a command means?

Read by the commands about Applications, before anything else is loaded.
"""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from gitops.errors import ConfigError

if TYPE_CHECKING:
    from gitops.status.label_selector import Requirement
    from reconciler.applications import Selection

_FILTERS = {
    ("--category",): "category",
    ("--set",): "ApplicationSet",
    ("--project", "-p"): "AppProject",
}


def add_selection(parser: argparse.ArgumentParser) -> None:
    """Add the filters of ``app list``."""
    for option, what in _FILTERS.items():
        parser.add_argument(
            *option, action="append", default=[], metavar="NAME", help=f"only of this {what}"
        )
    parser.add_argument(
        "--selector",
        "-l",
        type=selector,
        default=(),
        metavar="LABELS",
        help="only with these labels: key=value",
    )


def add_choice(parser: argparse.ArgumentParser) -> None:
    """Add names, ``--all`` and the filters, for commands that change something."""
    parser.add_argument(
        "names", metavar="NAME", nargs="*", help="name, or directory such as media/jellyfin"
    )
    parser.add_argument("--all", action="store_true", help="all Applications in Git")
    add_selection(parser)
    parser.set_defaults(refuse=parser.error)


def require_choice(options: argparse.Namespace) -> None:
    """Refuse a command line that does not say which Applications are meant."""
    filters = options.category, options.set, options.project, options.selector
    if not options.names and not options.all and not any(filters):
        options.refuse("name Applications, or pass --all or a filter such as --category")
    if options.names and options.all:
        options.refuse("--all and names cannot be given together")


def selection_of(options: argparse.Namespace) -> Selection:
    """What the filters accept."""
    from reconciler.applications import Selection

    return Selection(
        categories=options.category,
        application_sets=options.set,
        projects=options.project,
        labels=options.selector,
    )


def selector(text: str) -> tuple[Requirement, ...]:
    """A label selector, for argparse, which turns the error into its own."""
    from gitops.status import label_selector

    try:
        return label_selector.parse(text)
    except ConfigError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
