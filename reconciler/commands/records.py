"""What do ``gitops app history``, ``pause`` and ``resume`` do?

Called by the command line. They read and write the records of Applications in the cluster
(``cluster.application_records``); neither Git nor the engine is needed, and no lease.
"""

from __future__ import annotations

import argparse
import getpass
import socket
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from gitops.errors import ConfigError
from reconciler.commands.application_options import add_choice, require_choice, selection_of
from reconciler.commands.exit_codes import ExitCode

if TYPE_CHECKING:
    from cluster.application_records import Records
    from gitops.application import ApplicationSpec
    from gitops.records.record import ApplicationRecord

HISTORY_OUTPUTS = ("wide", "json", "yaml", "name", "id")


def add_parsers(
    verbs: argparse._SubParsersAction[argparse.ArgumentParser], common: argparse.ArgumentParser
) -> None:
    """Add ``history``, ``pause`` and ``resume`` to the verbs of ``app``.

    Args:
        verbs: the verbs of ``app``.
        common: the options every command has.
    """
    shown = verbs.add_parser(
        "history", parents=[common], help="the last syncs of an Application, the newest last"
    )
    shown.add_argument("name", metavar="NAME", help="name, or directory such as media/jellyfin")
    shown.add_argument(
        "--output",
        "-o",
        choices=HISTORY_OUTPUTS,
        default="table",
        help="another form than the table; name and id are the numbers alone",
    )
    shown.set_defaults(command=show_history)
    for verb, command, text in (
        ("pause", pause, "keep the reconciler from syncing Applications by itself"),
        ("resume", resume, "end a pause or a rollback: policy decides again"),
    ):
        parser = verbs.add_parser(verb, parents=[common], help=text)
        add_choice(parser)
        parser.set_defaults(command=command)


def show_history(options: argparse.Namespace) -> ExitCode:
    """``gitops app history``.

    Raises:
        ConfigError: there is no such Application.
    """
    from reconciler.printing.history import history
    from reconciler.printing.status import Output

    with _known(options) as known:
        name = known.named([options.name])[0]
    record = known.found.get(name)
    output = Output.NAME if options.output == "id" else Output(options.output)
    history(record.history if record else (), output)
    if record is None or not record.history:
        print(f"no pass has synced {options.name} yet", file=sys.stderr)
    return ExitCode.OK


def pause(options: argparse.Namespace) -> ExitCode:
    """``gitops app pause``.

    Raises:
        ConfigError: there is no such Application, or none that the filters accept.
    """
    require_choice(options)
    with _known(options) as known:
        for name in known.chosen(options):
            record = known.found.get(name)
            if record is not None and record.paused:
                print(f"{name} is paused already{told(record)}")
                continue
            known.store.pause(name, by=f"{getpass.getuser()}@{socket.gethostname()}", at=_now())
            print(f"{name} paused")
    return ExitCode.OK


def resume(options: argparse.Namespace) -> ExitCode:
    """``gitops app resume``.

    Raises:
        ConfigError: there is no such Application, or none that the filters accept.
    """
    require_choice(options)
    with _known(options) as known:
        for name in known.chosen(options):
            record = known.found.get(name)
            if record is None or not (record.paused or record.pinned):
                print(f"{name} is neither paused nor rolled back")
                continue
            known.store.resume(name)
            print(f"{name} resumed; the next pass does what its policy says")
    return ExitCode.OK


def told(record: ApplicationRecord) -> str:
    """Who has paused an Application and when, as far as that is known."""
    by = f" by {record.paused_by}" if record.paused_by else ""
    return f"{by} since {record.paused_at}" if record.paused_at else by


@dataclass(frozen=True, slots=True, kw_only=True)
class _Known:
    """The Applications somebody may mean: those of the working tree, and those remembered."""

    specs: Mapping[str, ApplicationSpec]
    found: Mapping[str, ApplicationRecord]
    store: Records

    def named(self, given: list[str]) -> list[str]:
        from gitops.configuration.suggestions import did_you_mean

        subjects = {spec.subject: name for name, spec in self.specs.items()}
        subjects |= {
            record.path.removeprefix("apps/"): name
            for name, record in self.found.items()
            if name not in self.specs and record.path
        }
        names = [subjects.get(each, each) for each in given]
        for text, name in zip(given, names, strict=True):
            if name not in self.specs and name not in self.found:
                allowed = (*subjects, *self.specs, *self.found)
                raise ConfigError(
                    f"Application {text}",
                    "it is neither in Git nor remembered",
                    remedy=f"`gitops app list` shows what there is{did_you_mean(text, allowed)}",
                )
        return names

    def chosen(self, options: argparse.Namespace) -> list[str]:
        selection = selection_of(options)
        names = self.named(options.names) or sorted(self.specs)
        found = [each for each in names if selection.accepts_spec(self.specs.get(each))]
        if not found:
            raise ConfigError(
                "the filters",
                "accept no Application",
                remedy="`gitops app list` takes the same ones and shows what there is",
            )
        return found


@contextmanager
def _known(options: argparse.Namespace) -> Iterator[_Known]:
    from cluster.application_records import Records
    from cluster.stack_cluster import connect_to
    from reconciler.commands.project import applications_in_git, find_root, stack_settings

    root = find_root(Path.cwd())
    settings = stack_settings(root, options.stack)
    specs = {each.name: each for each in applications_in_git(root, settings)}
    with connect_to(settings.kubernetes) as connection:
        namespace = settings.bootstrap.namespace
        store = Records(connection, namespace=namespace, stack=options.stack)
        yield _Known(specs=specs, found=store.read(), store=store)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
