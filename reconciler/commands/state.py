"""What do ``gitops state backup`` and ``restore`` do?

Called by the command line.
"""

from __future__ import annotations

import argparse
import os
import socket
import sys
from pathlib import Path

from gitops.errors import ConfigError
from reconciler.commands.exit_codes import ExitCode


def add_parser(
    verbs: argparse._SubParsersAction[argparse.ArgumentParser], common: argparse.ArgumentParser
) -> None:
    """Add ``state`` and its verbs to the command line."""
    parser = verbs.add_parser("state", help="save Pulumi's state of a stack, and put it back")
    state_verbs = parser.add_subparsers(required=True, metavar="COMMAND")
    backup = state_verbs.add_parser(
        "backup", parents=[common], help="write the states of the stack and its shards to a file"
    )
    backup.add_argument("file", metavar="FILE", type=Path, help="which must not exist yet")
    backup.set_defaults(command=back_up)
    restore = state_verbs.add_parser(
        "restore", parents=[common], help="put the states back from a file"
    )
    restore.add_argument("file", metavar="FILE", type=Path, help="what `backup` has written")
    restore.add_argument("--yes", "-y", action="store_true", help="do not ask first")
    restore.set_defaults(command=put_back)


def back_up(options: argparse.Namespace) -> ExitCode:
    """``gitops state backup``."""
    from gitops.deployment.stack_names import main_stack
    from reconciler.commands.project import find_root
    from reconciler.state import backup as state_backup

    backup = state_backup.take(find_root(Path.cwd()), main_stack(options.stack))
    state_backup.save(backup, options.file)
    for name, state in backup.states.items():
        print(f"{name}: {len((state.get('deployment') or {}).get('resources') or ())} resources")
    return ExitCode.OK


def put_back(options: argparse.Namespace) -> ExitCode:
    """``gitops state restore``.

    Raises:
        ConfigError: the file is no backup of this stack.
    """
    from cluster.stack_cluster import connect_to
    from gitops.deployment.stack_names import main_stack
    from reconciler.commands.project import find_root, stack_settings
    from reconciler.state import backup as state_backup

    root, stack = find_root(Path.cwd()), main_stack(options.stack)
    backup = state_backup.load(options.file)
    if backup.stack != stack:
        raise ConfigError(
            str(options.file),
            f"is of the stack {backup.stack}, and this is {stack}",
            remedy=f"pass --stack {backup.stack}",
        )
    question = f"Replace the state of {stack} by that of {backup.taken}? [y/N] "
    if not options.yes:
        if not sys.stdin.isatty():
            raise ConfigError("gitops state restore", "there is nobody to ask", remedy="pass --yes")
        if input(question).strip().lower() not in ("y", "yes"):
            return ExitCode.FAILED
    settings = stack_settings(root, stack)
    identity = f"gitops state restore {socket.gethostname()}/{os.getpid()}"
    with connect_to(settings.kubernetes) as connection:
        state_backup.restore(backup, connection, settings, root, identity=identity)
    print("the states are as they were; the next pass runs everything", file=sys.stderr)
    return ExitCode.OK
