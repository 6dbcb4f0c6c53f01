"""What does ``gitops preview`` do?

Called by the command line: what `pulumi preview` shows, of all stacks that `gitops up` would run,
in the same order. Where a stack has neither a stack for its definitions nor shards, it is the same
as `pulumi preview`.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from gitops.deployment.stack_names import definitions_stack, shard_stack
from reconciler.commands.exit_codes import ExitCode

if TYPE_CHECKING:
    from gitops.config import Settings


def add_parser(
    verbs: argparse._SubParsersAction[argparse.ArgumentParser], common: argparse.ArgumentParser
) -> None:
    """Add ``preview`` to the command line.

    Args:
        verbs: where commands are added.
        common: the options every command has.
    """
    parser = verbs.add_parser(
        "preview", parents=[common], help="show what `gitops up` would change, in all its stacks"
    )
    parser.add_argument("--diff", action="store_true", help="show every field that changes")
    parser.set_defaults(command=preview)


def preview(options: argparse.Namespace) -> ExitCode:
    """``gitops preview``: the engine's own output; FAILED where one of the previews has failed."""
    from reconciler.commands.project import find_root, stack_settings
    from reconciler.engine import automation
    from reconciler.engine.environment import check_environment, shared_config

    root = find_root(Path.cwd())
    check_environment(os.environ)
    code = ExitCode.OK
    for stack in stacks(options.stack, stack_settings(root, options.stack)):
        environment = shared_config(root, stack)
        automation.make_stack(root, stack, environment)
        command = ["pulumi", "preview", "--stack", stack, "--non-interactive"]
        if options.diff:
            command.append("--diff")
        sys.stdout.flush()
        done = subprocess.run(command, cwd=root, env={**os.environ, **environment}, check=False)
        if done.returncode:
            code = ExitCode.FAILED
    return code


def stacks(stack: str, settings: Settings) -> list[str]:
    """The stacks that belong to one, in the order in which they are run.

    Args:
        stack: the main stack's name.
        settings: its config.
    """
    apart = [definitions_stack(stack)] if settings.separate_definitions else []
    return apart + [shard_stack(stack, index) for index in range(settings.shards.count)]
