"""What do ``gitops shards list`` and ``arrange`` do?

Called by the command line. ``list`` shows all shards of a stack as one: which Application is where,
how each shard is and when a pass last had it. ``arrange`` puts every Application into the state of
its shard now, as every pass does by itself.
"""

from __future__ import annotations

import argparse
import os
import socket
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reconciler.commands.exit_codes import ExitCode

if TYPE_CHECKING:
    from cluster.connection import Connection
    from gitops.application import ApplicationSpec
    from gitops.config import Settings
    from gitops.records.record import ApplicationRecord

OUTPUTS = ("wide", "json", "yaml", "name")
_COLUMNS = ("shard", "stack", "applications", "synced", "healthy", "lastPass")


def add_parser(
    verbs: argparse._SubParsersAction[argparse.ArgumentParser], common: argparse.ArgumentParser
) -> None:
    """Add ``shards`` and its verbs to the command line."""
    parser = verbs.add_parser("shards", help="look after the shards a stack is divided into")
    shard_verbs = parser.add_subparsers(required=True, metavar="COMMAND")
    listing = shard_verbs.add_parser(
        "list", parents=[common], help="the shards, and which Applications they have"
    )
    listing.add_argument(
        "--output", "-o", choices=OUTPUTS, default="table", help="another form of the same"
    )
    listing.set_defaults(command=list_shards)
    arrange = shard_verbs.add_parser(
        "arrange", parents=[common], help="move Applications into the state of their shard"
    )
    arrange.set_defaults(command=arrange_shards)


def list_shards(options: argparse.Namespace) -> ExitCode:
    """``gitops shards list``."""
    from cluster.application_records import Records
    from cluster.stack_cluster import connect_to
    from gitops.deployment.stack_names import main_stack
    from reconciler.commands.project import find_root, stack_settings
    from reconciler.printing.status import Output, document
    from reconciler.printing.tables import table
    from reconciler.sharding import moving

    root, stack = find_root(Path.cwd()), main_stack(options.stack)
    settings = stack_settings(root, stack)
    specs = moving.applications(root, settings)
    namespace = settings.bootstrap.namespace
    with connect_to(settings.kubernetes) as connection:
        records = Records(connection, namespace=namespace, stack=stack).read()
        found = [
            _shard(connection, settings, specs, records, stack=stack, number=number)
            for number in range(settings.shards.count)
        ]
        arranged = moving.remembered(connection, settings, stack) == str(settings.shards)
    output = Output(options.output)
    if output in (Output.JSON, Output.YAML):
        document(found, output, stream=sys.stdout)
    elif output is Output.NAME:
        print("\n".join(each["stack"] for each in found))
    else:
        header = ["SHARD", "STACK", "APPLICATIONS", "SYNCED", "HEALTHY", "LAST PASS"]
        lines = [[str(each[name]) for name in _COLUMNS] for each in found]
        wide = output is Output.WIDE
        names = [[", ".join(each["names"])] if wide else [] for each in found]
        table(
            [*header, *(["NAMES"] if wide else [])],
            [[*line, *name] for line, name in zip(lines, names, strict=True)],
        )
    if not arranged:
        print(
            "the states are not arranged for this yet; the next pass of the first shard does that",
            file=sys.stderr,
        )
    return ExitCode.OK


def _shard(
    connection: Connection,
    settings: Settings,
    specs: tuple[ApplicationSpec, ...],
    records: Mapping[str, ApplicationRecord],
    *,
    stack: str,
    number: int,
) -> dict[str, Any]:
    from cluster import lease
    from gitops.deployment.stack_names import shard_stack
    from gitops.health import HealthStatus
    from gitops.records.record import SyncStatus
    from gitops.sharding.division import shard_of

    own = shard_stack(stack, number)
    last = lease.last_holder(connection, namespace=settings.bootstrap.namespace, stack=own)
    names = [each.name for each in specs if shard_of(each, settings.shards) == number]
    known = [records[name] for name in names if name in records]
    return {
        "shard": number,
        "stack": own,
        "applications": len(names),
        "synced": sum(each.sync is SyncStatus.SYNCED for each in known),
        "healthy": sum(each.health is HealthStatus.HEALTHY for each in known),
        "lastPass": last.renewed.isoformat(timespec="seconds") if last else "-",
        "names": names,
    }


def arrange_shards(options: argparse.Namespace) -> ExitCode:
    """``gitops shards arrange``."""
    from cluster import lease
    from cluster.stack_cluster import connect_to
    from cluster.stack_memory import ensure_namespace
    from gitops.deployment.stack_names import main_stack, shard_stack
    from reconciler.commands.project import find_root, stack_settings
    from reconciler.sharding import moving

    root, stack = find_root(Path.cwd()), main_stack(options.stack)
    settings = stack_settings(root, stack)
    namespace = settings.bootstrap.namespace
    identity = f"gitops shards arrange {socket.gethostname()}/{os.getpid()}"
    with connect_to(settings.kubernetes) as connection:
        ensure_namespace(connection, namespace)
        with lease.held(connection, namespace=namespace, stack=stack, identity=identity):
            moved = moving.prepare(connection, settings, root, stack, identity=identity, force=True)
    for name, (source, destination) in sorted(moved.items()):
        print(f"{name}: from {shard_stack(stack, source)} to {shard_stack(stack, destination)}")
    if not moved:
        print("every Application is in the state of its shard", file=sys.stderr)
    return ExitCode.OK
